import { fromPlain, type PlainError } from "../errors.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { Runner, StepPlan } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { DeviceRunners, type Recover } from "./device_runners.ts";
import { KvCopies, type SavedKv } from "./kv_copies.ts";
import { brokenBy, disposed } from "./loop_errors.ts";
import type { Observers } from "./observers.ts";
import { type TurnSink, TurnSinks } from "./turn_sinks.ts";

export interface TurnLoopOptions {
  /** Absent: what is lost stays lost. */
  readonly recover?: Recover;
  /** Are told of steps, copies and devices. */
  readonly observers?: Observers;
  readonly now?: () => number;
}

/**
 * Turns the wheel: events into the scheduler, its commands to the devices' runners and to the turns' sinks, the runners' reports back as
 * events. It decides nothing.
 */
export class TurnLoop {
  readonly #scheduler: Scheduler;
  readonly #runners: DeviceRunners;
  readonly #copies: KvCopies;
  readonly #sinks: TurnSinks;
  readonly #observers: Observers | undefined;
  readonly #now: () => number;
  readonly #conversations = new Set<string>();
  readonly #events: SchedulerEvent[] = [];
  #draining = false;
  #turns = 0;
  #disposed = false;
  /** Set once the scheduler or the loop itself has thrown: its books are not to be trusted, so nothing runs any more. */
  #broken: Error | undefined;

  /** `runners` by the ids of the scheduler's devices. */
  constructor(
    scheduler: Scheduler,
    runners: ReadonlyMap<string, Runner>,
    { recover, observers, now = () => performance.now() }: TurnLoopOptions = {},
  ) {
    const dispatch = (event: SchedulerEvent) => this.#dispatch(event);
    this.#scheduler = scheduler;
    this.#runners = new DeviceRunners({ runners, recover, dispatch });
    this.#copies = new KvCopies(this.#runners, dispatch, observers);
    this.#observers = observers;
    this.#sinks = new TurnSinks(now, (turn) => this.stop(turn, "abort"));
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
    return this.#sinks.lastEndedMs;
  }

  /** KV on its way from device to device, in host memory. */
  get stagedBytes(): number {
    return this.#copies.stagedBytes;
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
    this.#sinks.add(turn, sink);
    this.#conversations.add(request.conversation);
    this.#dispatch({ kind: "turn-arrived", request: { ...request, turn } });
    return turn;
  }

  /** Ends a turn at once; does nothing when it has ended. */
  stop(turn: number, reason: "stop" | "abort"): void {
    if (this.#sinks.has(turn)) this.#dispatch({ kind: "turn-stopped", turn, reason });
  }

  /** The conversation's next turn comes when a tool has run: where idle KV makes room, its own goes last. */
  pause(conversation: string): void {
    if (this.#conversations.has(conversation)) this.#dispatch({ kind: "pause-began", conversation });
  }

  /** The tool has run, or was given up. The next turn says so as well. */
  resume(conversation: string): void {
    if (this.#conversations.has(conversation)) this.#dispatch({ kind: "pause-ended", conversation });
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

  /**
   * What a conversation has run, and the K and V of the first `cachedTokens` of it, block by block: none where they are lost meanwhile.
   * @throws InputError `disposed`; DeviceError
   */
  save(conversation: string): Promise<SavedKv> {
    this.assertAlive();
    return this.#copies.save(conversation);
  }

  /** Begins a conversation with what `save` gave. What of its KV has no room is prefilled with its next turn. @throws InputError `disposed` */
  load(conversation: string, saved: SavedKv): void {
    this.assertAlive();
    this.#conversations.add(conversation);
    this.#copies.load(conversation, saved);
  }

  /**
   * The device is gone: its turns go on elsewhere, or there when it has been opened again; where neither can be they fail with this error,
   * later ones too. Again for the same loss does nothing.
   */
  lose(device: string, error: PlainError): void {
    this.#runners.lose(device, error);
  }

  /** Ends every turn; resolves when the runners have nothing in flight. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#runners.dispose();
    for (const conversation of [...this.#conversations]) this.close(conversation);
    await this.#runners.idle();
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
    this.#runners.settle();
  }

  #drain(): void {
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      this.#observers?.event(next);
      for (const command of this.#scheduler.advance(next, this.#now())) this.#execute(command);
    }
  }

  #failAll(error: Error): void {
    this.#events.length = 0;
    this.#sinks.failAll(error);
    this.#copies.failAll(error);
  }

  #execute(command: SchedulerCommand): void {
    switch (command.kind) {
      case "run-step":
        void this.#run(command.device, command.plan);
        break;
      case "export-blocks":
        void this.#copies.exportBlocks(command);
        break;
      case "import-blocks":
        void this.#copies.importBlocks(command);
        break;
      case "save-blocks":
        void this.#copies.saveBlocks(command);
        break;
      case "load-blocks":
        this.#copies.loadBlocks(command);
        break;
      case "handoff-ended":
        this.#copies.handoffEnded(command.handoff);
        break;
      case "deliver-token":
        this.#sinks.deliver(command.turn, (sink) => sink.token?.(command.token, this.#now()));
        break;
      case "deliver-logits":
        this.#sinks.deliver(command.turn, (sink) => sink.logits?.(command.offset, command.logits));
        break;
      case "turn-finished":
        this.#sinks.end(command.turn, (sink) => sink.finished(command.reason, command.usage, this.#now()));
        break;
      case "turn-failed":
        this.#sinks.end(command.turn, (sink) => sink.failed(fromPlain(command.error)));
        break;
      default:
        command satisfies never;
    }
  }

  async #run(device: string, plan: StepPlan): Promise<void> {
    await this.#runners.report(
      device,
      async (runner) => ({ kind: "step-ended", device, result: await runner.run(plan) }),
      (error) => ({ kind: "step-failed", device, plan: plan.id, error }),
      this.#observers?.step(device, plan),
    );
  }
}
