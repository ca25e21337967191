import type { ContestRules } from "./contest.ts";

export interface Pauses {
  readonly signal?: AbortSignal;
  /** Resolves when the GPU has nothing better to do; that time does not count. Asked before each measurement. */
  readonly rest?: () => Promise<void>;
}

/** Counts the time that tuning takes, less what it rests, and ends waits when the signal aborts. */
export class TuningClock {
  readonly #startedMs = performance.now();
  readonly #request: Pauses;
  readonly #limits: Pick<ContestRules, "untilMs" | "compileLimitMs">;
  #restedMs = 0;

  constructor(request: Pauses, limits: Pick<ContestRules, "untilMs" | "compileLimitMs">) {
    this.#request = request;
    this.#limits = limits;
  }

  now(): number {
    return performance.now() - this.#startedMs - this.#restedMs;
  }

  get isUp(): boolean {
    return this.now() >= this.#limits.untilMs;
  }

  rules(onPrepared: () => void): ContestRules {
    return {
      ...this.#limits,
      now: () => this.now(),
      rest: () => this.#rest(),
      within: (work, ms) => within(work, ms, this.#request.signal),
      onPrepared,
    };
  }

  async #rest(): Promise<void> {
    const { signal, rest } = this.#request;
    signal?.throwIfAborted();
    const started = performance.now();
    await rest?.();
    this.#restedMs += performance.now() - started;
    signal?.throwIfAborted();
  }
}

function within<T>(work: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => end(() => resolve(undefined));
    const timer = setTimeout(stop, Math.max(0, ms));
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      settle();
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop);
    work.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    );
  });
}
