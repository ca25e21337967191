import type { Slo } from "../metrics/conversation_metrics.ts";
import type { Replay } from "../metrics/replay.ts";
import { type Cell, cellOf } from "../metrics/replay_cell.ts";
import type { OnProgress } from "../protocol/progress.ts";
import { type PolicyName, policies, policyNamed } from "../scheduler/policies/table.ts";
import { generateWorkload, type WorkloadShape } from "../workload/generate.ts";
import { atRate, totalsOf, type WorkloadConversation } from "../workload/workload.ts";
import { compareWithOthers, type LoadReplay } from "./compare.ts";
import { type MeteredReplay, measuredEnergy, type ReadJoules } from "./measured_energy.ts";
import { atOnePace, paceMs } from "./pace.ts";
import { type ReplayDevice, replay } from "./replay.ts";
import type { CellPace, PolicyComparison } from "./report.ts";

/** The comparison of policies on real devices: every policy meets the same conversations at the same rates, one after the other. */

export interface CellsRequest {
  readonly policies: readonly PolicyName[];
  /** Shares of the rate at which the devices are busy all the time. */
  readonly loads: readonly number[];
  readonly conversations: number;
  readonly seeds: number;
  /** How long after the last arrival conversations are cut off. */
  readonly patienceMs: number;
  readonly slo: Slo;
  /** Of the generated conversations. */
  readonly shape: WorkloadShape;
  /** In place of generated ones. */
  readonly trace: readonly WorkloadConversation[] | undefined;
  /** The devices that the policies share. */
  readonly devices: readonly ReplayDevice[];
  /** One device with all cores beside them, where there is one. */
  readonly whole: ReplayDevice | undefined;
  /** The machine's counters of energy, where it has any. */
  readonly readJoules?: ReadJoules;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** The side of one device that has all cores. */
export const WHOLE_MACHINE = "whole-machine";
/** Conversations by which the devices' greatest rate is found, and under which policies: the one that is quickest says what it is. */
const CALIBRATION = 40;
const QUICKEST: readonly PolicyName[] = ["conserve", "collocated-sticky", "baton"];

export type TakenCells = Pick<
  PolicyComparison,
  "workload" | "slo" | "loads" | "cells" | "comparisons" | "paces" | "energy"
> & {
  /** Of the highest load's first seed, to be drawn. */
  readonly replays: readonly Replay[];
};

/** @throws BatonError; the signal's reason */
export async function takeCells(request: CellsRequest): Promise<TakenCells> {
  const {
    loads: shares,
    seeds,
    conversations,
    patienceMs,
    signal,
    onProgress,
    slo,
    devices,
    whole,
    readJoules,
  } = request;
  const sides = [
    ...request.policies.map((name) => ({ name: name as string, policy: policyNamed(name, slo), devices })),
    ...(whole
      ? [{ name: WHOLE_MACHINE, policy: policies["collocated-sticky"], devices: [whole] as const }]
      : []),
  ];
  const names = sides.map(({ name }) => name);
  const greatest = await calibrate(request);
  const count = counter(conversations * sides.length * shares.length * seeds, onProgress);
  const loads = shares.map((load) => ({ load, ratePerSecond: load * greatest }));
  const taken: (LoadReplay & MeteredReplay & { readonly cell: Cell })[] = [];
  const paces: CellPace[] = [];
  const pace = () => paceMs(devices.map(({ runner }) => runner));
  for (let seed = 1; seed <= seeds; seed++) {
    for (const { load, ratePerSecond } of loads) {
      const workload = workloadOf(request, seed, conversations, ratePerSecond);
      // In another order with each seed, so that a machine that changes changes for all.
      const turned = sides.map((side, at) => sides[(at + seed) % sides.length] ?? side);
      const measurements = turned.map(({ name, policy, devices }) => async () => {
        const onConversation = () => count(`${name} at load ${load}`);
        const options = { policy, devices, seed, patienceMs, signal, onConversation };
        const before = await readJoules?.();
        const replayed = { ...(await replay(workload, options)), policy: name };
        return { replayed, joules: before && since(before, await readJoules?.()) };
      });
      const paced = await atOnePace(measurements, pace);
      const place = ({ taken }: (typeof paced)[number]) => names.indexOf(taken.replayed.policy);
      for (const { taken: one, ...pacing } of paced.toSorted((a, b) => place(a) - place(b))) {
        const { replayed } = one;
        taken.push({ ...one, load, seed, cell: cellOf(replayed, { load, ratePerSecond, seed, slo }) });
        paces.push({ policy: replayed.policy, load, seed, ...pacing });
      }
    }
  }
  const energy = measuredEnergy(taken);
  return {
    workload: describeWorkload(request),
    slo,
    loads,
    cells: taken.map(({ cell }) => cell),
    comparisons: compareWithOthers("baton", taken, slo),
    paces,
    ...(energy && { energy }),
    replays: taken.flatMap(({ seed, load, replayed }) =>
      seed === 1 && load === shares.at(-1) ? replayed : [],
    ),
  };
}

function since(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(after).map(([name, joules]) => [name, joules - (before[name] ?? 0)])); // biome-ignore format: one record
}

/** Tells of each conversation that has ended; those of cells that are taken again count beyond. */
function counter(total: number, onProgress: OnProgress): (label: string) => void {
  let done = 0;
  return (label) => {
    done = Math.min(done + 1, total);
    onProgress({ phase: "measure", done, total, unit: "conversations", label });
  };
}

/** Conversations a second that the devices finish when all come at once; also warms up all of them. */
async function calibrate(request: CellsRequest): Promise<number> {
  const { devices, whole, signal } = request;
  const workload = workloadOf(request, 999, Math.min(CALIBRATION, request.conversations), 1000);
  const few = workload.slice(0, 8);
  const sets = [devices, ...(whole ? [[whole]] : [])];
  const total = few.length * sets.length + workload.length * QUICKEST.length;
  const count = counter(total, request.onProgress);
  const onConversation = () => count("what the devices manage at most");
  const options = { seed: 999, signal, patienceMs: 1_000_000, onConversation };
  for (const used of sets) await replay(few, { ...options, policy: policies.collocated, devices: used });
  let leastMs = Number.POSITIVE_INFINITY;
  for (const name of QUICKEST) {
    const { totalMs } = await replay(workload, { ...options, policy: policies[name], devices });
    leastMs = Math.min(leastMs, totalMs);
  }
  return (workload.length * 1000) / leastMs;
}

function workloadOf(
  { trace, shape }: Pick<CellsRequest, "trace" | "shape">,
  seed: number,
  conversations: number,
  ratePerSecond: number,
): readonly WorkloadConversation[] {
  if (trace === undefined) {
    const arrivals = { kind: "poisson", ratePerSecond } as const;
    return generateWorkload({ seed, conversations, arrivals, shape });
  }
  return atRate(trace, conversations, ratePerSecond);
}

function describeWorkload(request: CellsRequest): string {
  const { trace, conversations, seeds, patienceMs } = request;
  const workload = workloadOf(request, 1, conversations, 1);
  const { turns, inputTokens, outputTokens, firstTurnTokens, longestTokens } = totalsOf(workload);
  const share = Math.round((100 * firstTurnTokens) / inputTokens);
  return (
    `${workload.length} conversations, ${turns} turns, ${inputTokens} prompt tokens (${share}% in first turns), ` +
    `${outputTokens} answered, the longest ${longestTokens}; ${trace ? "a trace" : `${seeds} ${seeds === 1 ? "seed" : "seeds"}`}, ` +
    `cut off ${patienceMs / 1000} s after the last arrival`
  );
}
