import type { Work } from "../src/cli/progress_display.ts";
import { compareToBaton, type LoadReplay } from "../src/comparison/compare.ts";
import type { ComparisonReport } from "../src/comparison/report.ts";
import { openDevice } from "../src/gpu/device.ts";
import { openGguf } from "../src/loader/gguf.ts";
import type { Slo } from "../src/metrics/conversation_metrics.ts";
import type { Replay } from "../src/metrics/replay.ts";
import { type Cell, cellOf } from "../src/metrics/replay_cell.ts";
import { openAdapter } from "../src/platform/node/gpu.ts";
import { createNodePlatform } from "../src/platform/node/node_platform.ts";
import type { DeviceRole } from "../src/protocol/device.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { openRunner } from "../src/runner/open_runner.ts";
import { ampd } from "../src/scheduler/policies/ampd.ts";
import { type PolicyName, policies } from "../src/scheduler/policies/table.ts";
import type { Policy } from "../src/scheduler/policy.ts";
import { AGENTS } from "../src/workload/agents.ts";
import { generateWorkload } from "../src/workload/generate.ts";
import { totalsOf, type WorkloadConversation } from "../src/workload/workload.ts";
import { describeMachine, loadAverage, type Machine } from "./machine.ts";
import { atOnePace, paceMs } from "./pace.ts";
import { openRandomModel } from "./random_model.ts";
import { type ReplayDevice, replay } from "./replay.ts";
import { shapes } from "./shapes.ts";

/** The comparison of policies on real devices: every policy meets the same conversations at the same rates, one after the other. */

export interface AgentsRequest {
  /** Of the prefiller and of the decoder; empty for the best. */
  readonly adapters: readonly [string, string];
  readonly policies: readonly PolicyName[];
  /** One device with all cores beside them. */
  readonly wholeMachine: boolean;
  /** Shares of the rate at which the devices are busy all the time. */
  readonly loads: readonly number[];
  readonly conversations: number;
  readonly seeds: number;
  /** How long after the last arrival conversations are cut off. */
  readonly patienceMs: number;
  readonly model: { readonly kind: "shape" | "file"; readonly name: string };
  readonly kvMiB: number | undefined;
  readonly slo: Slo;
  readonly trace: readonly WorkloadConversation[] | undefined;
}

interface Running {
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
  readonly onSoftware: (adapter: string) => void;
}

export interface AgentsReport extends ComparisonReport {
  readonly benchmark: "agents";
  readonly machine: Machine;
  readonly loadAverage: readonly [number, number];
  readonly paces: readonly CellPace[];
}

/** How fast the machine was at a cell: the time of a fixed piece of work before and after it. */
export interface CellPace {
  readonly policy: string;
  readonly load: number;
  readonly seed: number;
  readonly paceMs: number;
  /** How often the cell was taken again, since the machine had another pace than at the cells it is compared with. */
  readonly repeats: number;
}

/** The side of one device that has all cores. */
export const WHOLE_MACHINE = "whole-machine";
const PREFILLER = "prefiller";
const DECODER = "decoder";
/** Conversations by which the devices' greatest rate is found, and under which policies: the one that is quickest says what it is. */
const CALIBRATION = 40;
const QUICKEST: readonly PolicyName[] = ["conserve", "collocated-sticky", "baton"];

/** @throws BatonError; the signal's reason */
export async function runAgents(
  request: AgentsRequest & Running,
): Promise<{ readonly report: AgentsReport; readonly replays: readonly Replay[] }> {
  const before = loadAverage();
  const opened: GpuRunner[] = [];
  const open = async (adapter: string, sharers: number) => {
    const runner = await openAgentRunner(request, adapter, sharers);
    opened.push(runner);
    return runner;
  };
  try {
    const [first, second] = request.adapters;
    const pair = [
      deviceOf(PREFILLER, "prefiller", await open(first, 2)),
      deviceOf(DECODER, "decoder", await open(second, 2)),
    ];
    const alone = request.wholeMachine ? [deviceOf("whole", "both", await open(first, 1))] : [];
    if (pair.some(({ runner }) => isSoftware(runner))) request.onSoftware(pair[0]?.runner.name ?? "");
    const { cells, comparisons, paces, replays, loads } = await takeCells(request, pair, alone);
    const report: AgentsReport = {
      benchmark: "agents",
      takenAt: new Date().toISOString(),
      machine: describeMachine(),
      loadAverage: [before, loadAverage()],
      devices: pair.map(({ role, runner }) => ({ role, adapter: runner.name })),
      model: request.model.kind === "shape" ? `${request.model.name}, random weights` : request.model.name,
      workload: describeWorkload(request),
      slo: request.slo,
      loads,
      cells,
      comparisons,
      paces,
    };
    return { report, replays };
  } finally {
    for (const runner of opened) runner.dispose();
  }
}

function deviceOf(
  id: string,
  role: DeviceRole,
  runner: GpuRunner,
): ReplayDevice & { readonly runner: GpuRunner } {
  return { id, role, limits: runner.limits, runner };
}

function isSoftware(runner: unknown): boolean {
  return (
    runner instanceof Object && "tunable" in runner && (runner as GpuRunner).tunable.gpu.summary.software
  );
}

async function openAgentRunner(
  { model, kvMiB, signal, onProgress }: AgentsRequest & Running,
  adapter: string,
  sharers: number,
): Promise<GpuRunner> {
  const gpu = await openDevice(await openAdapter({ sharers, ...(adapter !== "" && { name: adapter }) }));
  const shape = shapes[model.name];
  const file =
    model.kind === "shape" && shape
      ? await openRandomModel(model.name, shape, 1, signal)
      : await openGguf(await createNodePlatform().resolveModel(model.name, { onProgress, signal }), {
          signal,
        });
  try {
    const sized = kvMiB === undefined ? {} : { kvMiB };
    return await openRunner({ gpu, file, precision: "default", maxStepTokens: 256, onProgress, ...sized });
  } finally {
    await file.close();
  }
}

async function takeCells(
  request: AgentsRequest & Running,
  pair: readonly ReplayDevice[],
  alone: readonly ReplayDevice[],
) {
  const { loads: shares, seeds, conversations, patienceMs, signal, onProgress, slo } = request;
  const sides = [
    ...request.policies.map((name) => ({ name: name as string, policy: policyOf(name, slo), devices: pair })),
    ...alone.map((device) => ({
      name: WHOLE_MACHINE,
      policy: policies["collocated-sticky"],
      devices: [device],
    })),
  ];
  const total = conversations * sides.length * shares.length * seeds;
  let done = 0;
  const onConversation = () =>
    onProgress({ phase: "measure", done: ++done, total, unit: "conversations", label: "" });
  const greatest = await calibrate(request, pair, alone);
  const loads = shares.map((load) => ({ load, ratePerSecond: load * greatest }));
  const taken: (LoadReplay & { readonly cell: Cell })[] = [];
  const paces: CellPace[] = [];
  const pace = () => paceMs(pair.map(({ runner }) => runner));
  for (let seed = 1; seed <= seeds; seed++) {
    for (const { load, ratePerSecond } of loads) {
      const workload = workloadOf(request, seed, conversations, ratePerSecond);
      // In another order with each seed, so that a machine that changes changes for all.
      const turned = sides.map((side, at) => sides[(at + seed) % sides.length] ?? side);
      const measurements = turned.map(({ name, policy, devices }) => async () => {
        const options = { policy, devices, seed, patienceMs, signal, onConversation };
        return { ...(await replay(workload, options)), policy: name };
      });
      for (const { taken: replayed, ...paced } of await atOnePace(measurements, pace)) {
        taken.push({ load, seed, replayed, cell: cellOf(replayed, { load, ratePerSecond, seed, slo }) });
        paces.push({ policy: replayed.policy, load, seed, ...paced });
      }
    }
  }
  return {
    cells: taken.map(({ cell }) => cell),
    comparisons: compareToBaton(taken, slo),
    paces,
    replays: taken.flatMap(({ seed, load, replayed }) =>
      seed === 1 && load === shares.at(-1) ? replayed : [],
    ),
    loads,
  };
}

/** AMPD is told the SLOs. */
function policyOf(name: PolicyName, { ttftMs, tbtMs }: Slo): Policy {
  return name === "ampd" ? ampd({ ttftSloMs: ttftMs, tbtSloMs: tbtMs, error: 0 }) : policies[name];
}

/** Conversations a second that the pair finishes when all come at once; also warms up all devices. */
async function calibrate(
  request: AgentsRequest & Running,
  pair: readonly ReplayDevice[],
  alone: readonly ReplayDevice[],
): Promise<number> {
  const count = Math.min(CALIBRATION, request.conversations);
  const workload = workloadOf(request, 999, count, 1000);
  const options = { seed: 999, signal: request.signal, patienceMs: 1_000_000 };
  const few = workload.slice(0, 8);
  for (const devices of [pair, ...alone.map((device) => [device])])
    await replay(few, { ...options, policy: policies.collocated, devices });
  let leastMs = Number.POSITIVE_INFINITY;
  for (const name of QUICKEST) {
    const { totalMs } = await replay(workload, { ...options, policy: policies[name], devices: pair });
    leastMs = Math.min(leastMs, totalMs);
  }
  return (count * 1000) / leastMs;
}

/** A trace is squeezed or stretched to the rate; its pauses stay. */
function workloadOf(
  { trace }: AgentsRequest,
  seed: number,
  conversations: number,
  ratePerSecond: number,
): readonly WorkloadConversation[] {
  if (trace === undefined) return generateWorkload({ seed, conversations, ratePerSecond, shape: AGENTS });
  const first = trace.slice(0, conversations);
  const lastMs = first.at(-1)?.arrivalMs ?? 0;
  const scale = lastMs === 0 ? 0 : (first.length * 1000) / ratePerSecond / lastMs;
  return first.map((conversation) => ({ ...conversation, arrivalMs: conversation.arrivalMs * scale }));
}

function describeWorkload({ trace, conversations, seeds, patienceMs }: AgentsRequest): string {
  const workload =
    trace?.slice(0, conversations) ?? workloadOf({ trace } as AgentsRequest, 1, conversations, 1);
  const { turns, inputTokens, outputTokens, firstTurnTokens, longestTokens } = totalsOf(workload);
  const share = Math.round((100 * firstTurnTokens) / inputTokens);
  return (
    `${workload.length} conversations, ${turns} turns, ${inputTokens} prompt tokens (${share}% in first turns), ` +
    `${outputTokens} answered, the longest ${longestTokens}; ${trace ? "a trace" : `${seeds} seeds`}, ` +
    `cut off ${patienceMs / 1000} s after the last arrival`
  );
}
