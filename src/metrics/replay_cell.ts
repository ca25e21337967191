import { type ConversationTimes, conversationTimes, keepsSlo, type Slo } from "./conversation_metrics.ts";
import type { ConversationRecord, Replay } from "./replay.ts";
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
  /** And how many were cut off, as they took too long: these keep no SLO, and their times are at least what they are given here. */
  readonly cut: number;
  readonly seconds: number;
  readonly ttfetMs: Percentiles;
  readonly ttfetWithPausesMs: Percentiles;
  readonly firstTtftMs: Percentiles;
  readonly laterTtftMs: Percentiles;
  readonly tbtMs: Percentiles;
  readonly lastTurnTbtMs: Percentiles;
  /** Share of the conversations that kept the SLOs, and how many of those arrived in a second. */
  readonly sloShare: number;
  readonly goodput: number;
  /** Of the workload's answers. */
  readonly outputTokensPerSecond: number;
  readonly handoffs: number;
  readonly handoffBytes: number;
  /** Share of the time in which the device ran a step, by device. */
  readonly busy: Readonly<Record<string, number>>;
}

export interface CellOf {
  readonly load: number;
  /** At which conversations arrived. */
  readonly ratePerSecond: number;
  readonly seed: number;
  readonly slo: Slo;
}

export function cellOf(
  { policy, totalMs, conversations, steps }: Replay,
  { load, ratePerSecond, seed, slo }: CellOf,
): Cell {
  const times = conversations.flatMap((one) => timesOf(one) ?? []);
  const kept = conversations.filter((one) => keeps(one, slo)).length;
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
    failed: conversations.filter(({ error }) => error !== undefined).length,
    cut: conversations.filter(({ cutMs }) => cutMs !== undefined).length,
    seconds: round(seconds),
    ttfetMs: each(({ ttfetMs }) => ttfetMs),
    ttfetWithPausesMs: each(({ ttfetWithPausesMs }) => ttfetWithPausesMs),
    firstTtftMs: each(({ firstTtftMs }) => firstTtftMs),
    laterTtftMs: each(({ laterTtftMs }) => laterTtftMs),
    tbtMs: each(({ tbtMs }) => tbtMs),
    lastTurnTbtMs: each(({ lastTurnTbtMs }) => lastTurnTbtMs),
    sloShare: round(kept / conversations.length),
    goodput: round((kept / conversations.length) * ratePerSecond),
    outputTokensPerSecond: round(tokens / seconds),
    handoffs: conversations.reduce((sum, { transfers }) => sum + transfers, 0),
    handoffBytes: conversations.reduce((sum, { movedBytes }) => sum + movedBytes, 0),
    busy: Object.fromEntries(Object.entries(busyMs).map(([device, ms]) => [device, round(ms / totalMs)])),
  };
}

/** Undefined for one that failed. */
export function timesOf({ turns, error, cutMs }: ConversationRecord): ConversationTimes | undefined {
  return error === undefined ? conversationTimes(turns, cutMs) : undefined;
}

/** Whether the conversation ran to its end and kept the SLOs. */
export function keeps(conversation: ConversationRecord, slo: Slo): boolean {
  const times = conversation.cutMs === undefined ? timesOf(conversation) : undefined;
  return times !== undefined && keepsSlo(times, slo);
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
