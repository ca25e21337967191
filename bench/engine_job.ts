import { basename } from "node:path";
import type { Work } from "../src/cli/progress_display.ts";
import { openDevice } from "../src/gpu/device.ts";
import { openGguf } from "../src/loader/gguf.ts";
import { createNodePlatform } from "../src/platform/node/node_platform.ts";
import type { Platform, ResolveOptions } from "../src/platform/platform.ts";
import type { CheckedRuntimeOptions } from "../src/runtime_options.ts";
import type { EngineCase } from "./cases.ts";
import { type EngineRun, runEngine } from "./engine_run.ts";
import { measureFirstToken } from "./first_token.ts";
import { HostMemory, type HostPeaks } from "./host_memory.ts";
import { describeMachine, loadAverage } from "./machine.ts";
import { openRandomModel } from "./random_model.ts";
import type { EngineReport } from "./report.ts";
import type { ModelShape } from "./shapes.ts";
import { TraceLog } from "./trace.ts";

/** What to measure: options, checked. */
export interface EngineJob {
  readonly runtime: CheckedRuntimeOptions;
  /** Name, path or URL of a model, or of the shape. */
  readonly model: string;
  /** Random weights of it; the model's file when undefined. */
  readonly shape: ModelShape | undefined;
  readonly samples: number;
  readonly seed: number;
  readonly cases: readonly EngineCase[];
  /** Cases of which a step is profiled. */
  readonly profile: readonly EngineCase[];
  /** Cold and warm starts of a process; 0 for none. */
  readonly starts: number;
}

export interface JobWatcher {
  readonly signal: AbortSignal;
  onProgress(work: Work): void;
  onSoftware(adapter: string): void;
}

/** Opens the device and the model, measures, and frees both. @throws BatonError; the signal's reason */
export async function runEngineJob(
  job: EngineJob,
  watcher: JobWatcher,
): Promise<{ readonly report: EngineReport; readonly trace: TraceLog }> {
  const before = loadAverage();
  const trace = new TraceLog();
  const { run, hostPeaks } = await runInNode(job, watcher, trace);
  const firstToken = job.starts > 0 ? await measureStarts(job, watcher) : undefined;
  const { samples, seed, runtime, model, shape } = job;
  const report = {
    benchmark: "engine",
    takenAt: new Date().toISOString(),
    machine: describeMachine(),
    loadAverage: [before, loadAverage()],
    precision: runtime.precision,
    seed,
    samples,
    maxStepTokens: runtime.maxStepTokens,
    ...run,
    model: { name: modelName(model, shape), weights: shape ? "random" : "file", ...run.model },
    hostPeaks,
    ...(firstToken && { firstToken }),
  } as const;
  return { report, trace };
}

async function runInNode(job: EngineJob, watcher: JobWatcher, trace: TraceLog) {
  const { runtime, model, shape, samples, seed, cases, profile } = job;
  const { onProgress, signal } = watcher;
  const { adapter, precision, maxStepTokens, kvMiB } = runtime;
  const memory = new HostMemory();
  const platform = createNodePlatform();
  const wanted = { exactTimestamps: true, ...(adapter !== undefined && { name: adapter }) };
  const gpu = await openDevice(await platform.openAdapter(wanted));
  try {
    if (gpu.summary.software) watcher.onSoftware(gpu.summary.name);
    const open = shape
      ? () => openRandomModel(model, shape, seed, signal)
      : await modelFile(platform, model, { onProgress, signal });
    let hostPeaks: HostPeaks | undefined;
    const onReady = () => {
      hostPeaks = memory.peaks();
    };
    const measured = { samples, seed, cases, profile, signal, onProgress, onReady };
    const run: EngineRun = await runEngine(
      { gpu, open, precision, maxStepTokens, kvMiB, ...measured },
      trace,
    );
    return { run, hostPeaks: hostPeaks ?? memory.peaks() };
  } finally {
    memory.stop();
    gpu.destroy();
  }
}

/** Finds the file, which may take a download, and resolves to what opens it. */
async function modelFile(
  platform: Platform,
  model: string,
  options: ResolveOptions & { signal: AbortSignal },
) {
  const source = await platform.resolveModel(model, options);
  return () => openGguf(source, options);
}

function measureStarts({ model, shape, seed, runtime, starts }: EngineJob, watcher: JobWatcher) {
  const { adapter, precision } = runtime;
  const total = 2 * starts;
  const onStart = (done: number) =>
    watcher.onProgress({ phase: "measure", done, total, unit: "samples", label: "starts" });
  const started = { model, random: shape !== undefined, seed, adapter, precision };
  return measureFirstToken(started, starts, watcher.signal, onStart);
}

/** A path may tell more of a machine than of a model. */
function modelName(model: string, shape: ModelShape | undefined): string {
  return shape ? model : basename(model).replace(/\.gguf(\?.*)?$/i, "");
}
