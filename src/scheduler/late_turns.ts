import { type TurnState, tokensLeft } from "./state.ts";

export interface LatenessNow {
  /** From when on after its arrival a first token is late. */
  readonly lateMs: number;
  readonly nowMs: number;
  /** What a token of a prompt takes there. */
  readonly msPerToken: number;
}

/**
 * Prompts in the order in which they run: their rank's, in which those whose first token can only be late count as having come later. Where
 * there is more to do than can be done in time, some turns are late and the rest are not, where otherwise all would wait a little
 * too long. None waits for good: what comes long after it is behind it all the same.
 *
 * @param prompts in the order of their rank
 */
export function lateLast(prompts: readonly TurnState[], now: LatenessNow): readonly TurnState[] {
  const { lateMs, nowMs, msPerToken } = now;
  const isLate = (turn: TurnState) =>
    turn.delivered === 0 && nowMs - turn.arrivedMs + tokensLeft(turn) * msPerToken > lateMs;
  const late = prompts.filter(isLate);
  if (late.length === 0 || late.length === prompts.length) return prompts;
  const ranks = new Map(late.map((turn) => [turn, turn.rank + LATE_TIMES * lateMs]));
  const rankOf = (turn: TurnState) => ranks.get(turn) ?? turn.rank;
  return prompts.toSorted((a, b) => rankOf(a) - rankOf(b));
}

/** By how many times `lateMs` a late turn counts as having come later. */
export const LATE_TIMES = 5;
