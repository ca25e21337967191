import { basename } from "node:path";
import type { Work } from "../src/cli/progress_display.ts";
import { type GpuDevice, openDevice } from "../src/gpu/device.ts";
import { type GgufFile, openGguf } from "../src/loader/gguf.ts";
import { createNodePlatform } from "../src/platform/node/node_platform.ts";
import type { Platform, ResolveOptions } from "../src/platform/platform.ts";
import { type GpuRunner, openRunner } from "../src/runner/gpu_runner.ts";
import type { CheckedRuntimeOptions } from "../src/runtime_options.ts";
import type { EngineCase } from "./cases.ts";
import { EngineBench } from "./engine_bench.ts";
import { describeMachine, loadAverage } from "./machine.ts";
import { openRandomModel } from "./random_model.ts";
import { type BenchModel, type EngineReport, resultsOf } from "./report.ts";
import { runRounds } from "./rounds.ts";
import type { ModelShape } from "./shapes.ts";

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
}

export interface JobWatcher {
  readonly signal: AbortSignal;
  onProgress(work: Work): void;
  onSoftware(adapter: string): void;
}

/** Opens the device and the model, measures, and frees both. @throws BatonError; the signal's reason */
export async function runEngineJob(job: EngineJob, watcher: JobWatcher): Promise<EngineReport> {
  const platform = createNodePlatform();
  const { adapter } = job.runtime;
  const gpu = await openDevice(await platform.openAdapter(adapter === undefined ? {} : { name: adapter }));
  try {
    if (gpu.summary.software) watcher.onSoftware(gpu.summary.name);
    const { onProgress, signal } = watcher;
    const { model, shape, seed } = job;
    const open = shape
      ? () => openRandomModel(model, shape, seed, signal)
      : await modelFile(platform, model, { onProgress, signal });
    const started = performance.now();
    const file = await open();
    const runner = await openJobRunner(job, gpu, file, watcher);
    const loadMs = performance.now() - started;
    return await measure(job, gpu, runner, watcher, { loadMs, model: modelOf(job, file, runner) });
  } finally {
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

/** Reads the file to its end, and closes it. */
async function openJobRunner(
  { runtime }: EngineJob,
  gpu: GpuDevice,
  file: GgufFile,
  { onProgress }: JobWatcher,
): Promise<GpuRunner> {
  const { precision, maxStepTokens, kvMiB } = runtime;
  try {
    const given = { ...(kvMiB !== undefined && { kvMiB }), onProgress };
    return await openRunner({ gpu, file, precision, maxStepTokens, ...given });
  } finally {
    await file.close();
  }
}

async function measure(
  job: EngineJob,
  gpu: GpuDevice,
  runner: GpuRunner,
  { signal, onProgress }: JobWatcher,
  known: Pick<EngineReport, "loadMs" | "model">,
): Promise<EngineReport> {
  const { cases, samples, seed } = job;
  const bench = new EngineBench(runner, cases, seed);
  const before = loadAverage();
  const total = cases.length * (samples + 1);
  const onSample = (done: number) =>
    onProgress({ phase: "measure", done, total, unit: "samples", label: "" });
  const dispatchesPerDecodeStep = await bench.check();
  const taken = await runRounds(bench, cases, { samples, device: runner.name, signal, onSample });
  const results = resultsOf(taken);
  const { maxStepTokens, precision } = job.runtime;
  return {
    benchmark: "engine",
    takenAt: new Date().toISOString(),
    adapter: gpu.summary,
    machine: describeMachine(),
    loadAverage: [before, loadAverage()],
    precision,
    seed,
    samples,
    maxStepTokens,
    ...known,
    gpuBytes: { all: gpu.liveBytes, weights: runner.weightBytes, kv: runner.kvBytes },
    dispatchesPerDecodeStep,
    results,
  };
}

function modelOf({ model, shape }: EngineJob, file: GgufFile, { config }: GpuRunner): BenchModel {
  return {
    // A path may tell more of a machine than of a model.
    name: shape ? model : basename(model).replace(/\.gguf(\?.*)?$/i, ""),
    weights: shape ? "random" : "file",
    architecture: config.architecture.name,
    layers: config.layers,
    hidden: config.hidden,
    vocabTokens: config.vocab,
    parameters: file.parameters,
  };
}
