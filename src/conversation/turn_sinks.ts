import type { FinishReason, TurnUsage } from "../protocol/turn.ts";
import { errorOf } from "./loop_errors.ts";

/** Who a turn runs for. After `finished` or `failed` nothing more comes; steps of it may still be in flight, for nothing. */
export interface TurnSink {
  token?(token: number, atMs: number): void;
  /** [tokens, vocabTokens]; the first row belongs to the turn's token number `offset`. */
  logits?(offset: number, logits: Float32Array): void;
  finished(reason: FinishReason, usage: TurnUsage, atMs: number): void;
  failed(error: Error): void;
}

/** The sinks of the turns that run. One that throws ends its own turn and no other's. */
export class TurnSinks {
  readonly #sinks = new Map<number, TurnSink>();
  readonly #now: () => number;
  /** Wants no more of the turn. */
  readonly #abort: (turn: number) => void;
  #lastEndedMs: number | undefined;

  constructor(now: () => number, abort: (turn: number) => void) {
    this.#now = now;
    this.#abort = abort;
  }

  get size(): number {
    return this.#sinks.size;
  }

  /** When the last turn ended; undefined before the first. */
  get lastEndedMs(): number | undefined {
    return this.#lastEndedMs;
  }

  has(turn: number): boolean {
    return this.#sinks.has(turn);
  }

  add(turn: number, sink: TurnSink): void {
    this.#sinks.set(turn, sink);
  }

  deliver(turn: number, act: (sink: TurnSink) => void): void {
    const sink = this.#sinks.get(turn);
    if (sink === undefined) return;
    try {
      act(sink);
    } catch (cause) {
      this.#abort(turn);
      this.end(turn, () => sink.failed(errorOf(cause)));
    }
  }

  end(turn: number, act: (sink: TurnSink) => void): void {
    const sink = this.#sinks.get(turn);
    this.#sinks.delete(turn);
    if (sink === undefined) return;
    this.#lastEndedMs = this.#now();
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

  failAll(error: Error): void {
    for (const turn of [...this.#sinks.keys()]) this.end(turn, (sink) => sink.failed(error));
  }
}
