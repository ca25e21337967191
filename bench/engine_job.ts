import { basename } from "node:path";
import { inClone } from "../scripts/steps.mjs";
import type { Work } from "../src/cli/progress_display.ts";
import { openDevice } from "../src/gpu/device.ts";
import { openGguf } from "../src/loader/gguf.ts";
import type { ModelShape } from "../src/model/shapes.ts";
import { createNodePlatform } from "../src/platform/node/node_platform.ts";
import type { Platform } from "../src/platform/platform.ts";
import type { CheckedRuntimeOptions } from "../src/runtime_options.ts";
import { recallKernels } from "../src/runtime_tuner.ts";
import type { Tunable } from "../src/tuner/task.ts";
import type { EngineCase } from "./cases.ts";
import { type EngineRun, runEngine } from "./engine_run.ts";
import { measureFirstToken } from "./first_token.ts";
import { HostMemory, type HostPeaks } from "./host_memory.ts";
import { describeMachine, loadAverage } from "./machine.ts";
import { openRandomModel } from "./random_model.ts";
import type { EngineReport } from "./report.ts";
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
  readonly place: "node" | "page";
  /** With the kernels that tuning found for the model on this adapter before. */
  readonly tuned: boolean;
}

export interface JobWatcher {
  readonly signal: AbortSignal;
  onProgress(work: Work): void;
  onSoftware(adapter: string): void;
}

type Measured = EngineRun & Pick<EngineReport, "hostPeaks" | "browser">;

/** Opens the device and the model, measures, and frees both. @throws BatonError; the signal's reason */
export async function runEngineJob(
  job: EngineJob,
  watcher: JobWatcher,
): Promise<{ readonly report: EngineReport; readonly trace: TraceLog }> {
  const before = loadAverage();
  const trace = new TraceLog();
  const measured = await (job.place === "page" ? measureInPage : measureInNode)(job, watcher, trace);
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
    ...measured,
    model: { name: modelName(model, shape), weights: shape ? "random" : "file", ...measured.model },
    ...(firstToken && { firstToken }),
  } as const;
  return { report, trace };
}

async function measureInNode(job: EngineJob, watcher: JobWatcher, trace: TraceLog): Promise<Measured> {
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
      : await modelFile(platform, model, watcher);
    let hostPeaks: HostPeaks | undefined;
    const onReady = () => {
      hostPeaks = memory.peaks();
    };
    const measured = { samples, seed, cases, profile, signal, onProgress, onReady };
    const tuned = job.tuned ? (tunable: Tunable) => recallKernels(tunable, platform) : undefined;
    const run: EngineRun = await runEngine(
      { gpu, open, precision, maxStepTokens, kvMiB, ...measured, ...(tuned && { tuned }) },
      trace,
    );
    return { ...run, hostPeaks: hostPeaks ?? memory.peaks() };
  } finally {
    memory.stop();
    gpu.destroy();
  }
}

/** Finds the file, which may take a download, and resolves to what opens it. */
async function modelFile(platform: Platform, model: string, { onProgress, signal }: JobWatcher) {
  const source = await platform.resolveModel(model, { onProgress, signal });
  return () => openGguf(source, { signal });
}

/** In a browser of this machine: with a GPU on that, otherwise on the browser's software adapter. */
async function measureInPage(job: EngineJob, watcher: JobWatcher, trace: TraceLog): Promise<Measured> {
  const { runtime, model, shape, samples, seed, cases, profile } = job;
  const { onProgress, signal } = watcher;
  const platform = createNodePlatform();
  const source = shape ? undefined : await platform.resolveModel(model, { onProgress, signal });
  const [best] = await platform.listAdapters();
  const software = best?.software ?? true;
  const { precision, maxStepTokens, kvMiB } = runtime;
  const asked = { precision, maxStepTokens, samples, seed, cases, profile };
  const pageJob = { name: model, ...asked, ...(shape && { shape }), ...(kvMiB !== undefined && { kvMiB }) };
  // Loaded when wanted: it brings a bundler along.
  const { runInPage } = await import("./in_page.ts");
  const request = { root: inClone(), job: pageJob, model: source, software, signal, onProgress };
  const { run, browser, slices } = await runInPage(request);
  if (run.adapter.software) watcher.onSoftware(run.adapter.name);
  trace.take(slices);
  return { ...run, browser };
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
