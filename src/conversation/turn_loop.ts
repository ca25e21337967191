import { BatonError, DeviceError, fromPlain, InputError, type PlainError } from "../errors.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { Runner, StepPlan } from "../protocol/step.ts";
import type { FinishReason, TurnRequest, TurnUsage } from "../protocol/turn.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";

/** Who a turn runs for. After `finished` or `failed` nothing more comes; steps of it may still be in flight, for nothing. */
export interface TurnSink {
  token?(token: number, atMs: number): void;
  /** [tokens, vocabTokens]; the first row belongs to the turn's token number `offset`. */
  logits?(offset: number, logits: Float32Array): void;
  finished(reason: FinishReason, usage: TurnUsage, atMs: number): void;
  failed(error: Error): void;
}

/**
 * Turns the wheel: events into the scheduler, its commands to the runner and to the turns' sinks, the runner's reports back as events.
 * It decides nothing.
 */
export class TurnLoop {
  readonly #scheduler: Scheduler;
  readonly #runner: Runner;
  readonly #now: () => number;
  readonly #sinks = new Map<number, TurnSink>();
  readonly #conversations = new Set<string>();
  readonly #events: SchedulerEvent[] = [];
  #draining = false;
  #turns = 0;
  /** Plans that the runner has not reported. */
  readonly #running = new Set<number>();
  #disposed = false;
  /** Set once the scheduler or the loop itself has thrown: its books are not to be trusted, so nothing runs any more. */
  #broken: Error | undefined;
  #onIdle: (() => void)[] = [];
  #lastTurnEndedMs: number | undefined;

  constructor(scheduler: Scheduler, runner: Runner, now: () => number = () => performance.now()) {
    this.#scheduler = scheduler;
    this.#runner = runner;
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

  /** The device is gone: every turn fails with this error, now and later. */
  lose(error: PlainError): void {
    this.#running.clear();
    this.#dispatch({ kind: "device-lost", error });
  }

  /** Ends every turn; resolves when the runner has nothing in flight. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const conversation of [...this.#conversations]) this.close(conversation);
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
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
        void this.#run(command.plan);
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

  async #run(plan: StepPlan): Promise<void> {
    this.#running.add(plan.id);
    let event: SchedulerEvent;
    try {
      event = { kind: "step-ended", result: await this.#runner.run(plan) };
    } catch (cause) {
      event = { kind: "step-failed", plan: plan.id, error: plainOf(cause, this.#runner.name) };
    }
    this.#running.delete(plan.id);
    this.#dispatch(event);
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
