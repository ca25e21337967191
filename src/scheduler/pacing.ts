import type { RankedTurns } from "./ranked_turns.ts";
import { completionTokens, pendingTokens } from "./state.ts";

/** How much of a step prompts may take, so that answers keep their pace. */

/** Of the pace, the least and the most. */
const LEAST = 0.5;
const MOST = 3;

export interface Pace {
  /** The mean time between tokens that answers keep. */
  readonly paceMs: number;
  readonly nowMs: number;
  /** How long a step with decodes in it takes, lately. */
  readonly stepMs: number;
}

/** What prompts may take of a step with these answers: as much as all are ahead of their pace, within bounds. */
export function promptMs(decoding: RankedTurns, pace: Pace): number {
  const { paceMs } = pace;
  return Math.max(LEAST * paceMs, Math.min(MOST * paceMs, aheadMs(decoding, pace)));
}

/** Whether prompts of a step take so long that the next one is not planned before it has ended. */
export function takesLong(promptMs: number, paceMs: number): boolean {
  return promptMs > LEAST * paceMs;
}

/** How much longer than a step the next token of any of them may still take; infinite where there are none. */
function aheadMs(decoding: RankedTurns, { paceMs, nowMs, stepMs }: Pace): number {
  let least = Number.POSITIVE_INFINITY;
  for (const turn of decoding) {
    if (turn.firstTokenMs === undefined) return 0;
    const pending = pendingTokens(turn);
    const dueMs = turn.firstTokenMs + (completionTokens(turn) + pending) * paceMs;
    least = Math.min(least, dueMs - nowMs - pending * stepMs);
  }
  return least;
}
