import type { ConversationTimes, Slo } from "../metrics/conversation_metrics.ts";
import type { ConversationRecord, Replay } from "../metrics/replay.ts";
import { keeps, timesOf } from "../metrics/replay_cell.ts";
import { p95Of, sumOf } from "./measures.ts";
import { type Pair, type PairedRatio, pairedRatio } from "./paired.ts";

/** What one policy comes to beside another at a load, conversation by conversation, over all seeds. */
export interface Comparison {
  readonly load: number;
  /** The other one. */
  readonly policy: string;
  /** Of conversations that kept the SLOs: the one's number by the other's, so more than 1 is better. */
  readonly goodput: PairedRatio;
  /** The one's 95th percentile by the other's, so less than 1 is better. */
  readonly ttfet: PairedRatio;
  readonly laterTtft: PairedRatio;
  readonly lastTurnTbt: PairedRatio;
}

/** A replay at a load. */
export interface LoadReplay {
  readonly load: number;
  readonly seed: number;
  readonly replayed: Replay;
}

/** A policy beside each other one; empty where it was not replayed. */
export function compareWithOthers(
  policy: string,
  all: readonly LoadReplay[],
  slo: Slo,
): readonly Comparison[] {
  const others = new Map<string, (readonly Pair<Outcome>[])[]>();
  for (const { load, seed, replayed } of all) {
    const own = all.find((one) => one.replayed.policy === policy && one.load === load && one.seed === seed);
    if (own === undefined || replayed.policy === policy) continue;
    const key = JSON.stringify([load, replayed.policy]);
    others.set(key, [...(others.get(key) ?? []), pairsOf(own.replayed, replayed, slo)]);
  }
  return Array.from(others, ([key, runs]) => {
    const [load, other]: [number, string] = JSON.parse(key);
    const p95 = (of: (times: ConversationTimes) => number | readonly number[] | undefined) =>
      pairedRatio(
        runs,
        p95Of(({ times }: Outcome) => times && of(times)),
      );
    return {
      load,
      policy: other,
      goodput: pairedRatio(
        runs,
        sumOf(({ kept }: Outcome) => Number(kept)),
      ),
      ttfet: p95(({ ttfetMs }) => ttfetMs),
      laterTtft: p95(({ laterTtftMs }) => laterTtftMs),
      lastTurnTbt: p95(({ lastTurnTbtMs }) => lastTurnTbtMs),
    };
  });
}

/** What became of a conversation. */
interface Outcome {
  readonly times: ConversationTimes | undefined;
  readonly kept: boolean;
}

function pairsOf(own: Replay, other: Replay, slo: Slo): readonly Pair<Outcome>[] {
  const outcomeOf = (one: ConversationRecord) => ({ times: timesOf(one), kept: keeps(one, slo) });
  return own.conversations.flatMap((one, at) => {
    const beside = other.conversations[at];
    return beside ? [{ one: outcomeOf(one), other: outcomeOf(beside) }] : [];
  });
}
