import { compareWithOthers } from "../comparison/compare.ts";
import type { PolicyComparison } from "../comparison/report.ts";
import type { Slo } from "../metrics/conversation_metrics.ts";
import { type Cell, cellOf } from "../metrics/replay_cell.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type { Policy } from "../scheduler/policy.ts";
import { totalsOf, type WorkloadConversation } from "../workload/workload.ts";
import type { DevicesFile, Fleet } from "./device_file.ts";
import { type EnergyReadings, energyOf } from "./energy.ts";
import type { ModelCosts } from "./roofline.ts";
import { simulate } from "./simulate.ts";
import type { Simulation, TurnRow } from "./simulation.ts";

/** One workload on one fleet under several policies. */

export interface SimulationRequest {
  readonly file: DevicesFile;
  readonly fleet: Fleet;
  readonly model: ModelCosts;
  readonly workload: readonly WorkloadConversation[];
  readonly workloadName: string;
  readonly policies: readonly Policy[];
  readonly seed: number;
  readonly slo: Slo;
  readonly concurrency?: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

export interface PolicyResult {
  readonly policy: string;
  readonly summary: Cell;
  /** Undefined where a device's power is not known. */
  readonly energy: EnergyReadings | undefined;
  /** In the order in which turns ended. */
  readonly rows: readonly TurnRow[];
}

export interface SimulationReport {
  readonly comparison: PolicyComparison;
  readonly results: readonly PolicyResult[];
}

/** All arrive at the rate of the workload, which is its own load of 1. */
const LOAD = 1;

/** @throws the signal's reason, between two policies */
export async function simulatePolicies(request: SimulationRequest): Promise<{
  readonly report: SimulationReport;
  readonly simulations: readonly Simulation[];
}> {
  const { fleet, workload, policies, seed, slo, concurrency, signal, onProgress } = request;
  const { devices, link, hostBlocks, faults, power } = fleet;
  const ratePerSecond = rateOf(workload);
  const total = policies.length * workload.length;
  const simulations: Simulation[] = [];
  for (const policy of policies) {
    onProgress({ phase: "measure", done: simulations.length * workload.length, total, unit: "conversations", label: policy.name }); // biome-ignore format: one record
    // So that the bar is drawn and an abort is heard.
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal.throwIfAborted();
    const more = concurrency === undefined ? {} : { concurrency };
    simulations.push(simulate(workload, { policy, devices, link, hostBlocks, faults, ...more }));
  }
  onProgress({ phase: "measure", done: total, total, unit: "conversations", label: "" });
  const isPowered = devices.every(({ id }) => power[id] !== undefined);
  const results = simulations.map((simulation): PolicyResult => {
    return {
      policy: simulation.policy,
      summary: cellOf(simulation, { load: LOAD, ratePerSecond, seed, slo }),
      energy: isPowered ? energyOf(simulation, power) : undefined,
      rows: simulation.rows,
    };
  });
  const replays = simulations.map((replayed) => ({ load: LOAD, seed, replayed }));
  const comparison: PolicyComparison = {
    takenAt: new Date().toISOString(),
    devices: request.file.devices.map(({ id, role, gpu, count }) => {
      return { role, adapter: `${count > 1 ? `${count} x ` : ""}${gpu ?? id}, simulated` };
    }),
    model: request.model.name,
    workload: describe(request.workloadName, workload),
    slo,
    loads: [{ load: LOAD, ratePerSecond }],
    cells: results.map(({ summary }) => summary),
    comparisons: compareWithOthers("baton", replays, slo),
    paces: [],
  };
  return { report: { comparison, results }, simulations };
}

/** Conversations a second, by when they come. */
function rateOf(workload: readonly WorkloadConversation[]): number {
  const lastMs = Math.max(0, ...workload.slice(-1).map(({ arrivalMs }) => arrivalMs));
  return lastMs === 0 ? workload.length : (1000 * workload.length) / lastMs;
}

function describe(name: string, workload: readonly WorkloadConversation[]): string {
  const { conversations, turns, inputTokens, outputTokens, firstTurnTokens } = totalsOf(workload);
  const share = ((100 * firstTurnTokens) / inputTokens).toFixed(0);
  return `${name}: ${conversations} conversations, ${turns} turns, ${inputTokens} tokens in, ${share}% of them in first turns, ${outputTokens} out`;
}
