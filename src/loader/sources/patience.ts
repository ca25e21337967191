/** How long to wait for a server, and how often to ask again. */
export interface Patience {
  /** From a request to its answer's headers, in milliseconds. */
  readonly answerMs: number;
  /** Between two pieces of a body, in milliseconds. */
  readonly stallMs: number;
  /** Before the next attempt, in milliseconds. */
  readonly retryMs: number;
  /** Attempts in a row that may bring nothing. At least 1. */
  readonly attempts: number;
}

export const patient: Patience = { answerMs: 15_000, stallMs: 30_000, retryMs: 500, attempts: 3 };

/** A hub that does not answer is given up on quickly: another source may. In milliseconds. */
export const HUB_ANSWER_MS = 5_000;
