import type { Work } from "../src/cli/progress_display.ts";
import type { ReplayDevice } from "../src/comparison/replay.ts";
import type { PolicyComparison } from "../src/comparison/report.ts";
import { type CellsRequest, takeCells } from "../src/comparison/take_cells.ts";
import { openDevice } from "../src/gpu/device.ts";
import { openGguf } from "../src/loader/gguf.ts";
import type { Replay } from "../src/metrics/replay.ts";
import { shapes } from "../src/model/shapes.ts";
import { openAdapter } from "../src/platform/node/gpu.ts";
import { createNodePlatform } from "../src/platform/node/node_platform.ts";
import type { DeviceRole } from "../src/protocol/device.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { openRunner } from "../src/runner/open_runner.ts";
import { triedOut } from "../src/runner/try_out.ts";
import { AGENTS } from "../src/workload/agents.ts";
import { EnergyCounters } from "./energy_counters.ts";
import { describeMachine, loadAverage, type Machine } from "./machine.ts";
import { openRandomModel } from "./random_model.ts";

/** The comparison of policies on a prefiller and a decoder of this machine, and its report. */

export interface AgentsRequest
  extends Pick<
    CellsRequest,
    "policies" | "loads" | "conversations" | "seeds" | "patienceMs" | "slo" | "trace"
  > {
  /** Of the prefiller and of the decoder; empty for the best. */
  readonly adapters: readonly [string, string];
  /** One device with all cores beside them. */
  readonly wholeMachine: boolean;
  readonly model: { readonly kind: "shape" | "file"; readonly name: string };
  readonly kvMiB: number | undefined;
}

interface Running {
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
  readonly onSoftware: (adapter: string) => void;
}

export interface AgentsReport extends PolicyComparison {
  readonly benchmark: "agents";
  readonly machine: Machine;
  readonly loadAverage: readonly [number, number];
}

const PREFILLER = "prefiller";
const DECODER = "decoder";

/** @throws BatonError; the signal's reason */
export async function runAgents(
  request: AgentsRequest & Running,
): Promise<{ readonly report: AgentsReport; readonly replays: readonly Replay[] }> {
  const before = loadAverage();
  const opened: GpuRunner[] = [];
  let counters: EnergyCounters | undefined;
  const open = async (adapter: string, sharers: number) => {
    const runner = await openAgentRunner(request, adapter, sharers);
    opened.push(runner);
    return runner;
  };
  try {
    const [first, second] = request.adapters;
    const devices = await triedOut([
      deviceOf(PREFILLER, "prefiller", await open(first, 2)),
      deviceOf(DECODER, "decoder", await open(second, 2)),
    ]);
    const whole = request.wholeMachine ? deviceOf("whole", "both", await open(first, 1)) : undefined;
    const software = opened.find(({ tunable }) => tunable.gpu.summary.software);
    if (software !== undefined) request.onSoftware(software.name);
    counters = await EnergyCounters.open();
    const read = counters?.read.bind(counters);
    const { replays, ...cells } = await takeCells({ ...request, shape: AGENTS, devices, whole, ...(read && { readJoules: read }) }); // biome-ignore format: one call
    const report: AgentsReport = {
      benchmark: "agents",
      takenAt: new Date().toISOString(),
      machine: describeMachine(),
      loadAverage: [before, loadAverage()],
      devices: devices.map(({ role, runner }) => ({ role, adapter: runner.name })),
      model: request.model.kind === "shape" ? `${request.model.name}, random weights` : request.model.name,
      ...cells,
    };
    return { report, replays };
  } finally {
    counters?.close();
    for (const runner of opened) runner.dispose();
  }
}

/** A prefiller and a decoder with random weights, and what closes them. @throws BatonError */
export async function openAgentPair(
  request: Running & { readonly adapters: readonly [string, string]; readonly shape: string },
): Promise<{ readonly devices: readonly ReplayDevice[]; readonly close: () => void }> {
  const { adapters, shape, onSoftware } = request;
  const wanted = { ...request, model: { kind: "shape", name: shape } as const, kvMiB: undefined };
  const opened: GpuRunner[] = [];
  const close = () => {
    for (const runner of opened) runner.dispose();
  };
  try {
    for (const adapter of adapters) opened.push(await openAgentRunner(wanted, adapter, 2));
  } catch (error) {
    close();
    throw error;
  }
  const software = opened.find(({ tunable }) => tunable.gpu.summary.software);
  if (software !== undefined) onSoftware(software.name);
  const roles = [[PREFILLER, "prefiller"] as const, [DECODER, "decoder"] as const];
  const devices = opened.flatMap((runner, at) => {
    const role = roles[at];
    return role ? [deviceOf(role[0], role[1], runner)] : [];
  });
  return { devices, close };
}

function deviceOf(id: string, role: DeviceRole, runner: GpuRunner): ReplayDevice {
  return { id, role, limits: runner.limits, runner };
}

async function openAgentRunner(
  { model, kvMiB, signal, onProgress }: Pick<AgentsRequest, "model" | "kvMiB"> & Running,
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
