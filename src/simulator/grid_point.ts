import { type Comparison, compareWithOthers, type LoadReplay } from "../comparison/compare.ts";
import type { Slo } from "../metrics/conversation_metrics.ts";
import { type Cell, cellOf, keeps } from "../metrics/replay_cell.ts";
import { type PolicyName, policyNamed } from "../scheduler/policies/table.ts";
import { generateWorkload, type WorkloadShape } from "../workload/generate.ts";
import { atRate, type WorkloadConversation } from "../workload/workload.ts";
import { fleetOf, modelCosts, parseDevices } from "./device_file.ts";
import type { EnergyReadings } from "./energy.ts";
import { energySensitivity } from "./energy_sensitivity.ts";
import { highestRate } from "./highest_rate.ts";
import { simulate } from "./simulate.ts";
import type { Simulation } from "./simulation.ts";

/** One point of a sweep: devices, a workload and a load, under several policies and seeds. Plain data, so that a worker can take it. */
export interface GridPoint {
  /** What is swept, and its value here. */
  readonly at: Readonly<Record<string, number | string>>;
  /** As a devices' file has them. */
  readonly devices: unknown;
  /** A name of the table, or a file's content. */
  readonly model: unknown;
  readonly shape: WorkloadShape;
  /** In place of the shape's: the first `conversations` of a trace, at the point's rate; the same with every seed. */
  readonly trace?: readonly WorkloadConversation[];
  /** At least: so many more as it takes for them to keep coming for twice as long as one takes alone, up to 20 times as many. */
  readonly conversations: number;
  readonly seeds: number;
  /** Conversations a second, as a share of the most of which 90% keep the SLOs under any of the policies `loadOf`. */
  readonly load: number;
  readonly loadOf: readonly PolicyName[];
  readonly policies: readonly PolicyName[];
  /** Which of them is compared with the others. */
  readonly subject: PolicyName;
  readonly slo: Slo;
  readonly predictionError?: number;
}

export interface PointCell extends Cell {
  /** Undefined where a device's power is not known. */
  readonly energy: EnergyReadings | undefined;
  /** J a token by both models, with each of `ENERGY_CHANGES` in their order. */
  readonly joulesPerToken: readonly { readonly byPhase: number; readonly byUtilisation: number }[];
}

export interface PointResult {
  readonly at: GridPoint["at"];
  readonly load: number;
  readonly ratePerSecond: number;
  /** Of each workload. */
  readonly conversations: number;
  /** One for each policy and seed. */
  readonly cells: readonly PointCell[];
  /** Of the subject with the others, over all seeds. */
  readonly comparisons: readonly Comparison[];
}

const KEPT_SHARE = 0.9;
/** Of a workload that no measured one has. */
const CALIBRATION_SEED = 999;
/** All at once, or nearly. */
const AT_ONCE_PER_SECOND = 1e6;
/** For how many times as long as a conversation takes alone others keep coming, so that those that are there are as many as they would be in the long run. */
const SPANS = 2;
const MOST_TIMES_AS_MANY = 20;
/** From so many, one after the other, it is seen how long one takes alone. */
const ALONE = 20;

interface Run {
  readonly seed: number;
  readonly ratePerSecond: number;
  readonly count: number;
  readonly concurrency?: number;
}

/** @throws InputError `invalid-option` for what cannot be simulated */
export function simulatePoint(point: GridPoint): PointResult {
  const { shape, trace, conversations, seeds, load, slo, predictionError = 0 } = point;
  const file = parseDevices(point.devices, "devices");
  const { devices, link, hostBlocks, faults, power } = fleetOf(
    file,
    modelCosts(point.model, "model"),
    "devices",
  );
  const run = (name: PolicyName, { seed, ratePerSecond, count, concurrency }: Run) => {
    const policy = policyNamed(name, { ...slo, predictionError });
    const arrivals = { kind: "poisson", ratePerSecond } as const;
    const workload = trace
      ? atRate(trace, count, ratePerSecond)
      : generateWorkload({ seed, conversations: count, arrivals, shape });
    const limit = concurrency === undefined ? {} : { concurrency };
    return simulate(workload, { policy, devices, link, hostBlocks, faults, keeps: "turns", ...limit });
  };
  const seed = CALIBRATION_SEED;
  const atOnce = { seed, ratePerSecond: AT_ONCE_PER_SECOND };
  const alone = run("baton", { ...atOnce, count: Math.min(ALONE, conversations), concurrency: 1 });
  const aloneSeconds = alone.totalMs / 1000 / alone.conversations.length;
  const most = trace ? trace.length : MOST_TIMES_AS_MANY * conversations;
  const countAt = (ratePerSecond: number) =>
    Math.min(most, Math.max(conversations, Math.ceil(SPANS * aloneSeconds * ratePerSecond)));
  const isKept = (ratePerSecond: number) => {
    const count = countAt(ratePerSecond);
    return point.loadOf.some((name) => {
      const { conversations: ended } = run(name, { seed, ratePerSecond, count });
      return ended.filter((one) => keeps(one, slo)).length >= KEPT_SHARE * count;
    });
  };
  // That which would keep all devices busy, pauses left out.
  const busyMs = workedMs(run("baton", { ...atOnce, count: conversations }));
  const ratePerSecond = load * highestRate(isKept, (1000 * conversations * devices.length) / busyMs);
  const count = countAt(ratePerSecond);
  const isPowered = devices.every(({ id }) => power[id] !== undefined);
  const cells: PointCell[] = [];
  const replays: LoadReplay[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    for (const name of point.policies) {
      const replayed = run(name, { seed, ratePerSecond, count });
      replays.push({ load, seed, replayed });
      const readings = isPowered ? energySensitivity(replayed, power) : [];
      const joulesPerToken = readings.map(({ byPhase, byUtilisation }) => {
        return { byPhase: byPhase.joulesPerToken, byUtilisation: byUtilisation.joulesPerToken };
      });
      cells.push({ ...cellOf(replayed, { load, ratePerSecond, seed, slo }), energy: readings[0], joulesPerToken }); // biome-ignore format: one record
    }
  }
  return {
    at: point.at,
    load,
    ratePerSecond,
    conversations: count,
    cells,
    comparisons: compareWithOthers(point.subject, replays, slo),
  };
}

/** What all devices together have worked. */
function workedMs({ use }: Simulation): number {
  return Object.values(use).reduce((sum, { busyMs }) => sum + busyMs, 0);
}
