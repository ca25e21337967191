import type { TurnUsage } from "../protocol/turn.ts";

/** When things happened in one turn, in milliseconds of one clock. */
export interface TurnInstants {
  readonly arrivedMs: number;
  readonly tokenMs: readonly number[];
  readonly endedMs: number;
}

export interface TurnTimings {
  /** Arrival of the turn to its first token; null where none came. */
  readonly ttftMs: number | null;
  /** Times between consecutive tokens. */
  readonly tbtMs: readonly number[];
  readonly totalMs: number;
}

export function turnTimings({ arrivedMs, tokenMs, endedMs }: TurnInstants): TurnTimings {
  const [first] = tokenMs;
  return {
    ttftMs: first === undefined ? null : first - arrivedMs,
    tbtMs: tokenMs.slice(1).map((at, index) => at - (tokenMs[index] ?? at)),
    totalMs: endedMs - arrivedMs,
  };
}

/** What some turns took, for throughput: several turns add up. */
export interface TurnCost {
  readonly timings: TurnTimings;
  readonly usage: TurnUsage;
}

/** Prompt tokens that were not cached, over the time to first token; undefined where no turn had one. */
export function prefillTokensPerSecond(turns: readonly TurnCost[]): number | undefined {
  const begun = turns.filter(({ timings }) => timings.ttftMs !== null);
  const tokens = sum(begun.map(({ usage }) => usage.promptTokens - usage.cachedTokens));
  return perSecond(tokens, sum(begun.map(({ timings }) => timings.ttftMs ?? 0)));
}

/** Tokens after the first, over the times between tokens; undefined where no turn had two. */
export function decodeTokensPerSecond(turns: readonly TurnCost[]): number | undefined {
  const gaps = turns.flatMap(({ timings }) => timings.tbtMs);
  return perSecond(gaps.length, sum(gaps));
}

function perSecond(count: number, ms: number): number | undefined {
  return ms > 0 ? (count / ms) * 1000 : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
