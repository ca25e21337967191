import type { TurnInstants } from "./turn_metrics.ts";

/** One turn of a conversation that is over. */
export interface ConversationTurn extends TurnInstants {
  /** The pause before it, from the end of the turn before. 0 for a first turn. */
  readonly pauseMs: number;
}

/**
 * What a conversation's times are, in every reading. *Effective* is the output that a person sees, which is that of the last turn: the
 * turns before end in tool calls.
 */
export interface ConversationTimes {
  /** Arrival of the conversation to the first token of its last turn, pauses taken out: TTFET. */
  readonly ttfetMs: number;
  /** The same with the pauses in it. */
  readonly ttfetWithPausesMs: number;
  /** Arrival to the first token of the first turn. */
  readonly firstTtftMs: number;
  /** Each later turn's own TTFT. */
  readonly laterTtftMs: readonly number[];
  /** Mean time between tokens of the last turn; undefined where that has one token. */
  readonly lastTurnTbtMs: number | undefined;
  /** Every time between tokens, of all turns. */
  readonly tbtMs: readonly number[];
  readonly totalMs: number;
}

/**
 * Undefined for a conversation of which a turn got no token. Of one that was cut off at `cutMs` its times are what they had come to by
 * then: at least so long.
 */
export function conversationTimes(
  turns: readonly ConversationTurn[],
  cutMs?: number,
): ConversationTimes | undefined {
  const [first] = turns;
  const last = turns.at(-1);
  const ttfts = turns.flatMap(({ arrivedMs, tokenMs }) => {
    const firstMs = tokenMs[0] ?? cutMs;
    return firstMs === undefined ? [] : [firstMs - arrivedMs];
  });
  const [firstTtftMs, ...laterTtftMs] = ttfts;
  const effectiveMs = cutMs ?? last?.tokenMs[0];
  if (first === undefined || last === undefined || firstTtftMs === undefined) return undefined;
  if (effectiveMs === undefined || ttfts.length < turns.length) return undefined;
  const pausesMs = turns.reduce((sum, { pauseMs }) => sum + pauseMs, 0);
  const gaps = turns.map(({ tokenMs }) => gapsOf(tokenMs));
  const lastGaps = gaps.at(-1) ?? [];
  return {
    ttfetMs: effectiveMs - first.arrivedMs - pausesMs,
    ttfetWithPausesMs: effectiveMs - first.arrivedMs,
    firstTtftMs,
    laterTtftMs,
    lastTurnTbtMs:
      lastGaps.length === 0 ? undefined : lastGaps.reduce((sum, ms) => sum + ms, 0) / lastGaps.length,
    tbtMs: gaps.flat(),
    totalMs: last.endedMs - first.arrivedMs,
  };
}

function gapsOf(tokenMs: readonly number[]): number[] {
  return tokenMs.slice(1).map((at, index) => at - (tokenMs[index] ?? at));
}

/** What a conversation has to keep to count. */
export interface Slo {
  /** Of every turn. */
  readonly ttftMs: number;
  /** Mean time between tokens of every turn. */
  readonly tbtMs: number;
}

export function keepsSlo({ firstTtftMs, laterTtftMs, tbtMs }: ConversationTimes, slo: Slo): boolean {
  const meanTbtMs = tbtMs.length === 0 ? 0 : tbtMs.reduce((sum, ms) => sum + ms, 0) / tbtMs.length;
  return [firstTtftMs, ...laterTtftMs].every((ms) => ms <= slo.ttftMs) && meanTbtMs <= slo.tbtMs;
}
