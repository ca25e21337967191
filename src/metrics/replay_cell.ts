import { type ConversationTimes, conversationTimes, keepsSlo, type Slo } from "./conversation_metrics.ts";
import type { Replay } from "./replay.ts";
import { quantile } from "./summary.ts";

/** What a replay comes to, and what replays of several seeds come to together. */

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
}

/** One policy, one load, one seed. */
export interface Cell {
  readonly policy: string;
  readonly load: number;
  readonly seed: number;
  readonly conversations: number;
  /** Of these, how many ended early. */
  readonly failed: number;
  readonly seconds: number;
  readonly ttfetMs: Percentiles;
  readonly ttfetWithPausesMs: Percentiles;
  readonly firstTtftMs: Percentiles;
  readonly laterTtftMs: Percentiles;
  readonly tbtMs: Percentiles;
  readonly lastTurnTbtMs: Percentiles;
  /** Share of the conversations that kept the SLOs, and how many of those in a second. */
  readonly sloShare: number;
  readonly goodput: number;
  /** Of the workload's answers. */
  readonly outputTokensPerSecond: number;
  readonly handoffs: number;
  readonly handoffBytes: number;
  /** Share of the time in which the device ran a step, by device. */
  readonly busy: Readonly<Record<string, number>>;
}

export function cellOf(
  { policy, totalMs, conversations, steps }: Replay,
  load: number,
  seed: number,
  slo: Slo,
): Cell {
  const times = conversations.flatMap(({ turns, error }) => {
    const one = error === undefined ? conversationTimes(turns) : undefined;
    return one ? [one] : [];
  });
  const kept = times.filter((one) => keepsSlo(one, slo)).length;
  const seconds = totalMs / 1000;
  const each = (of: (one: ConversationTimes) => number | readonly number[] | undefined) =>
    percentiles(times.flatMap((one) => of(one) ?? []));
  const tokens = conversations
    .flatMap(({ turns }) => turns)
    .reduce((sum, { tokenMs }) => sum + tokenMs.length, 0);
  const busyMs: Record<string, number> = {};
  for (const { device, startMs, endMs } of steps) busyMs[device] = (busyMs[device] ?? 0) + endMs - startMs;
  return {
    policy,
    load,
    seed,
    conversations: conversations.length,
    failed: conversations.length - times.length,
    seconds: round(seconds),
    ttfetMs: each(({ ttfetMs }) => ttfetMs),
    ttfetWithPausesMs: each(({ ttfetWithPausesMs }) => ttfetWithPausesMs),
    firstTtftMs: each(({ firstTtftMs }) => firstTtftMs),
    laterTtftMs: each(({ laterTtftMs }) => laterTtftMs),
    tbtMs: each(({ tbtMs }) => tbtMs),
    lastTurnTbtMs: each(({ lastTurnTbtMs }) => lastTurnTbtMs),
    sloShare: round(kept / conversations.length),
    goodput: round(kept / seconds),
    outputTokensPerSecond: round(tokens / seconds),
    handoffs: conversations.reduce((sum, { transfers }) => sum + transfers, 0),
    handoffBytes: conversations.reduce((sum, { movedBytes }) => sum + movedBytes, 0),
    busy: Object.fromEntries(Object.entries(busyMs).map(([device, ms]) => [device, round(ms / totalMs)])),
  };
}

/** All NaN for no values. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number) => (sorted.length === 0 ? Number.NaN : round(quantile(sorted, q)));
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), mean: round(mean) };
}

/** Four digits. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
