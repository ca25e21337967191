/** Share of the expected step that is slept. */
const SLEEP_SHARE = 0.85;
/** A wait this short after the sleep says that the step had ended during it. */
const OVERSLEPT_MS = 1;

/** How one step's results were waited for. */
export interface StepWait {
  readonly sleptMs: number;
  /** From the end of the sleep to the results. */
  readonly waitedMs: number;
  /** From when the device had nothing before the step to do, or from when its submission began, to the results. */
  readonly totalMs: number;
}

/** How far one step moves what is expected: up at most so much, so that a busy moment or a suspended process is soon forgotten. */
const UP = 1.2;
const DOWN = 0.8;

/**
 * How long to sleep before asking for a step's results, from how long steps of as many tokens took before. The first of a size
 * compiles and warms caches, so it says nothing; the second is the first to count. Then what is expected follows the steps, and
 * falls when a sleep went past the step's end. Times come in as data.
 */
export class StepPacer {
  /** By tokens; undefined after the first step of a size. */
  readonly #expectedMs = new Map<number, number | undefined>();

  /** 0 where nothing is known. */
  sleepMs(tokens: number): number {
    return SLEEP_SHARE * (this.#expectedMs.get(tokens) ?? 0);
  }

  record(tokens: number, { sleptMs, waitedMs, totalMs }: StepWait): void {
    if (!this.#expectedMs.has(tokens)) {
      this.#expectedMs.set(tokens, undefined);
      return;
    }
    const expectedMs = this.#expectedMs.get(tokens) ?? totalMs;
    const overslept = sleptMs > 0 && waitedMs < OVERSLEPT_MS;
    this.#expectedMs.set(tokens, overslept ? expectedMs * DOWN : Math.min(totalMs, expectedMs * UP));
  }
}
