import { BatonError, DeviceError, fromPlain, InputError, type PlainError } from "../errors.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { Runner, StepPlan } from "../protocol/step.ts";
import type { FinishReason, TurnRequest, TurnUsage } from "../protocol/turn.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { HandoffStaging } from "./handoff_staging.ts";

/** Who a turn runs for. After `finished` or `failed` nothing more comes; steps of it may still be in flight, for nothing. */
export interface TurnSink {
  token?(token: number, atMs: number): void;
  /** [tokens, vocabTokens]; the first row belongs to the turn's token number `offset`. */
  logits?(offset: number, logits: Float32Array): void;
  finished(reason: FinishReason, usage: TurnUsage, atMs: number): void;
  failed(error: Error): void;
}

/** A conversation's tokens, and the K and V of the first `cachedTokens` of them. */
export interface SavedKv {
  readonly tokens: readonly number[];
  readonly cachedTokens: number;
  readonly blocks: Uint8Array<ArrayBuffer>;
}

interface PendingSave {
  readonly resolve: (saved: SavedKv) => void;
  readonly reject: (error: Error) => void;
}

/** Opens a lost device again, perhaps after a while and several tries; undefined or a rejection where that cannot be. */
export type Recover = (
  device: string,
) => Promise<{ readonly device: DeviceSpec; readonly runner: Runner } | undefined>;

export interface TurnLoopOptions {
  /** Absent: what is lost stays lost. */
  readonly recover?: Recover;
  readonly now?: () => number;
}

/**
 * Turns the wheel: events into the scheduler, its commands to the devices' runners and to the turns' sinks, the runners' reports back as
 * events. It decides nothing.
 */
export class TurnLoop {
  readonly #scheduler: Scheduler;
  readonly #runners: Map<string, Runner>;
  readonly #recover: Recover | undefined;
  readonly #staging = new HandoffStaging();
  readonly #now: () => number;
  readonly #sinks = new Map<number, TurnSink>();
  readonly #conversations = new Set<string>();
  readonly #events: SchedulerEvent[] = [];
  #draining = false;
  #turns = 0;
  #requests = 0;
  readonly #saves = new Map<number, PendingSave>();
  readonly #loads = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Plans and copies that the runners have not reported, by device. */
  readonly #running = new Map<string, number>();
  #disposed = false;
  /** Set once the scheduler or the loop itself has thrown: its books are not to be trusted, so nothing runs any more. */
  #broken: Error | undefined;
  #onIdle: (() => void)[] = [];
  #lastTurnEndedMs: number | undefined;

  /** `runners` by the ids of the scheduler's devices. */
  constructor(
    scheduler: Scheduler,
    runners: ReadonlyMap<string, Runner>,
    { recover, now = () => performance.now() }: TurnLoopOptions = {},
  ) {
    this.#scheduler = scheduler;
    this.#runners = new Map(runners);
    this.#recover = recover;
    this.#now = now;
  }

  get nowMs(): number {
    return this.#now();
  }

  get turnsRunning(): number {
    return this.#sinks.size;
  }

  /** Undefined before the first. */
  get lastTurnEndedMs(): number | undefined {
    return this.#lastTurnEndedMs;
  }

  /** @throws InputError `disposed` */
  assertAlive(): void {
    if (this.#disposed) throw disposed();
  }

  /**
   * Begins a turn and returns its number. A turn that cannot run hears so through its sink.
   * @throws InputError `disposed`
   */
  start(request: Omit<TurnRequest, "turn">, sink: TurnSink): number {
    this.assertAlive();
    const turn = ++this.#turns;
    this.#sinks.set(turn, sink);
    this.#conversations.add(request.conversation);
    this.#dispatch({ kind: "turn-arrived", request: { ...request, turn } });
    return turn;
  }

  /** Ends a turn at once; does nothing when it has ended. */
  stop(turn: number, reason: "stop" | "abort"): void {
    if (this.#sinks.has(turn)) this.#dispatch({ kind: "turn-stopped", turn, reason });
  }

  /** Gives a conversation's blocks back; its turn, if one runs, fails with `disposed`. */
  close(conversation: string): void {
    if (this.#conversations.delete(conversation))
      this.#dispatch({ kind: "conversation-closed", conversation });
  }

  /** The conversation `id` begins as the first `tokens` tokens of `from`, all that it has run when absent. */
  fork(conversation: string, from: string, tokens?: number): void {
    this.assertAlive();
    this.#conversations.add(conversation);
    this.#dispatch({
      kind: "conversation-forked",
      conversation,
      from,
      ...(tokens !== undefined && { tokens }),
    });
  }

  /** What a conversation has run, and the K and V of the first `cachedTokens` of it, block by block. @throws InputError `disposed`; DeviceError */
  save(conversation: string): Promise<SavedKv> {
    this.assertAlive();
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#saves.set(request, { resolve, reject });
      this.#dispatch({ kind: "save-wanted", conversation, request });
    });
  }

  /** Begins a conversation with what `save` gave. What of its KV has no room is prefilled with its next turn. @throws InputError `disposed` */
  load(conversation: string, { tokens, cachedTokens, blocks }: SavedKv): void {
    this.assertAlive();
    const request = ++this.#requests;
    this.#conversations.add(conversation);
    this.#loads.set(request, blocks);
    this.#dispatch({ kind: "conversation-loaded", conversation, tokens, cachedTokens, request });
    this.#loads.delete(request);
  }

  /**
   * The device is gone: its turns go on elsewhere, or there when it has been opened again; where neither can be they fail with this error,
   * later ones too. Again for the same loss does nothing.
   */
  lose(device: string, error: PlainError): void {
    if (!this.#runners.delete(device)) return;
    this.#running.delete(device);
    const recovering = this.#recover !== undefined && !this.#disposed;
    this.#dispatch({ kind: "device-lost", device, error, recovering });
    if (recovering) void this.#reopen(device, error);
  }

  /** Ends every turn; resolves when the runners have nothing in flight. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const conversation of [...this.#conversations]) this.close(conversation);
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #reopen(id: string, error: PlainError): Promise<void> {
    const found = await this.#recover?.(id).catch(() => undefined);
    if (found === undefined) {
      this.#dispatch({ kind: "device-lost", device: id, error, recovering: false });
      return;
    }
    this.#runners.set(id, found.runner);
    this.#dispatch({ kind: "device-joined", device: found.device });
  }

  /** Events that come while one is being worked on wait their turn, so that commands stay in order. */
  #dispatch(event: SchedulerEvent): void {
    this.#events.push(event);
    if (this.#draining) return;
    this.#draining = true;
    try {
      if (this.#broken === undefined) this.#drain();
    } catch (cause) {
      this.#broken = brokenBy(cause);
    } finally {
      this.#draining = false;
    }
    if (this.#broken !== undefined) this.#failAll(this.#broken);
    this.#settle();
  }

  #settle(): void {
    if (this.#running.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #drain(): void {
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      for (const command of this.#scheduler.advance(next, this.#now())) this.#execute(command);
    }
  }

  #failAll(error: Error): void {
    this.#events.length = 0;
    for (const turn of [...this.#sinks.keys()]) this.#end(turn, (sink) => sink.failed(error));
  }

  #execute(command: SchedulerCommand): void {
    switch (command.kind) {
      case "run-step":
        void this.#run(command.device, command.plan);
        break;
      case "export-blocks":
        void this.#copy(command.device, command.handoff, "export", (runner) =>
          this.#staging.export(runner, command),
        );
        break;
      case "import-blocks":
        void this.#copy(command.device, command.handoff, "import", (runner) =>
          this.#staging.import(runner, command),
        );
        break;
      case "save-blocks":
        void this.#save(command);
        break;
      case "load-blocks":
        this.#load(command);
        break;
      case "handoff-ended":
        this.#staging.end(command.handoff);
        break;
      case "deliver-token":
        this.#deliver(command.turn, (sink) => sink.token?.(command.token, this.#now()));
        break;
      case "deliver-logits":
        this.#deliver(command.turn, (sink) => sink.logits?.(command.offset, command.logits));
        break;
      case "turn-finished":
        this.#end(command.turn, (sink) => sink.finished(command.reason, command.usage, this.#now()));
        break;
      case "turn-failed":
        this.#end(command.turn, (sink) => sink.failed(fromPlain(command.error)));
        break;
      default:
        command satisfies never;
    }
  }

  async #run(device: string, plan: StepPlan): Promise<void> {
    await this.#report(device, async (runner) => {
      try {
        return { kind: "step-ended", device, result: await runner.run(plan) };
      } catch (cause) {
        return this.#failed(device, runner, cause, (error) => {
          return { kind: "step-failed", device, plan: plan.id, error };
        });
      }
    });
  }

  async #copy(
    device: string,
    handoff: number,
    step: "export" | "import",
    copy: (runner: Runner) => Promise<void>,
  ): Promise<void> {
    await this.#report(device, async (runner) => {
      try {
        await copy(runner);
        return { kind: step === "export" ? "blocks-exported" : "blocks-imported", handoff };
      } catch (cause) {
        return this.#failed(device, runner, cause, (error) => {
          return { kind: "handoff-failed", handoff, step, error };
        });
      }
    });
  }

  async #save(command: Extract<SchedulerCommand, { kind: "save-blocks" }>): Promise<void> {
    const { request, device, blocks, tokens, cachedTokens } = command;
    const pending = this.#saves.get(request);
    this.#saves.delete(request);
    const runner = device === undefined ? undefined : this.#runners.get(device);
    try {
      const data = blocks.length > 0 ? await runner?.exportBlocks(blocks) : undefined;
      const kept = data === undefined ? 0 : cachedTokens;
      pending?.resolve({ tokens, cachedTokens: kept, blocks: data ?? new Uint8Array(0) });
    } catch (cause) {
      pending?.reject(errorOf(cause));
    } finally {
      this.#dispatch({ kind: "blocks-saved", request });
    }
  }

  #load(command: Extract<SchedulerCommand, { kind: "load-blocks" }>): void {
    const { request, conversation, device, first, blocks } = command;
    const data = this.#loads.get(request);
    const runner = device === undefined ? undefined : this.#runners.get(device);
    if (data === undefined || runner === undefined || blocks.length === 0) return;
    const from = first * runner.limits.blockBytes;
    const wanted = data.subarray(from, from + blocks.length * runner.limits.blockBytes);
    runner.importBlocks(blocks, wanted).catch((cause: unknown) => {
      this.#dispatch({ kind: "load-failed", conversation, error: plainOf(cause, runner.name) });
    });
  }

  /** What fails because the device is lost is no failure of its own. */
  #failed(
    device: string,
    runner: Runner,
    cause: unknown,
    event: (error: PlainError) => SchedulerEvent,
  ): SchedulerEvent | undefined {
    const error = plainOf(cause, runner.name);
    if (error.code !== "device-lost") return event(error);
    if (this.#runners.get(device) === runner) this.lose(device, error);
    return undefined;
  }

  /** What becomes of `work` is the next event. */
  async #report(
    device: string,
    work: (runner: Runner) => Promise<SchedulerEvent | undefined>,
  ): Promise<void> {
    const runner = this.#runners.get(device);
    if (runner === undefined) throw new Error(`There is no device ${device}.`);
    this.#running.set(device, (this.#running.get(device) ?? 0) + 1);
    const event = await work(runner);
    if (this.#runners.get(device) === runner) {
      const left = (this.#running.get(device) ?? 1) - 1;
      if (left > 0) this.#running.set(device, left);
      else this.#running.delete(device);
    }
    if (event) this.#dispatch(event);
    this.#settle();
  }

  /** A sink that throws ends its own turn and no other's. */
  #deliver(turn: number, act: (sink: TurnSink) => void): void {
    const sink = this.#sinks.get(turn);
    if (sink === undefined) return;
    try {
      act(sink);
    } catch (cause) {
      this.stop(turn, "abort");
      this.#end(turn, () => sink.failed(errorOf(cause)));
    }
  }

  #end(turn: number, act: (sink: TurnSink) => void): void {
    const sink = this.#sinks.get(turn);
    this.#sinks.delete(turn);
    if (sink === undefined) return;
    this.#lastTurnEndedMs = this.#now();
    try {
      act(sink);
    } catch (cause) {
      try {
        sink.failed(errorOf(cause));
      } catch {
        // The sink cannot hear of its own failure either, and the other turns go on.
      }
    }
  }
}

export function disposed(): InputError {
  return new InputError("disposed", "The runtime was disposed: create a new one.");
}

function plainOf(cause: unknown, device: string): PlainError {
  if (cause instanceof BatonError) return cause.toPlain();
  const { message } = errorOf(cause);
  return new DeviceError("gpu-error", `A step failed on ${device}: ${message}`, { device }).toPlain();
}

function brokenBy(cause: unknown): DeviceError {
  return new DeviceError(
    "gpu-error",
    `The runtime met a fault of its own and runs nothing any more: dispose it and create a new one. The fault: ${errorOf(cause).message}`,
    {},
    { cause },
  );
}

function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
