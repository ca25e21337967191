import type { Precision } from "../src/api.ts";
import type { Work } from "../src/cli/progress_display.ts";
import type { GpuDevice } from "../src/gpu/device.ts";
import type { GgufFile } from "../src/loader/gguf.ts";
import { readModelConfig } from "../src/model/config.ts";
import { TensorTable, vocabOf } from "../src/model/tensor_table.ts";
import type { AdapterSummary } from "../src/platform/platform.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { BLOCK_TOKENS, planKvPool } from "../src/runner/kv_pool.ts";
import { type OpenRunnerOptions, openRunner } from "../src/runner/open_runner.ts";
import type { StepProfile } from "../src/runner/step_profile.ts";
import type { EngineCase } from "./cases.ts";
import { blocksOf, EngineBench } from "./engine_bench.ts";
import { type ProbeSpreads, Probes } from "./probes.ts";
import { type CaseProfile, caseProfile } from "./profile.ts";
import { type Ratio, ratiosOf } from "./ratios.ts";
import { type CaseResult, resultsOf } from "./results.ts";
import { countSamples, runRounds, type Taken } from "./rounds.ts";
import { spread } from "./spread.ts";
import type { TraceLog } from "./trace.ts";
import { modelWork } from "./work.ts";

/** The part of the benchmark that runs anywhere: in Node and in a page. */

export interface EngineRunRequest {
  readonly gpu: GpuDevice;
  /** Opens the model, which is read to its end once and closed. */
  readonly open: () => Promise<GgufFile>;
  readonly precision: Precision;
  readonly maxStepTokens: number;
  /** Size of the KV pool; when absent the default, or what the cases need where that is more. */
  readonly kvMiB: number | undefined;
  /** The defaults of the adapter's class when absent. */
  readonly tuned?: NonNullable<OpenRunnerOptions["tuned"]>;
  readonly samples: number;
  readonly seed: number;
  readonly cases: readonly EngineCase[];
  /** Cases of which a step is profiled. */
  readonly profile: readonly EngineCase[];
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
  /** Called when the model has been loaded and has run its first steps, before anything is measured. */
  readonly onReady?: () => void;
}

/** What came out: plain data. */
export interface EngineRun {
  readonly adapter: AdapterSummary;
  readonly model: RunModel;
  /** From opening the file to pipelines that are ready; one sample, with whatever the driver had cached. */
  readonly loadMs: number;
  readonly gpuBytes: GpuBytes;
  /** Products of the model that run kernels which tuning chose. */
  readonly tunedProducts: number;
  /** Of a step that decodes one token of one sequence. */
  readonly dispatchesPerDecodeStep: number;
  readonly results: readonly CaseResult[];
  readonly ratios: readonly Ratio[];
  /** What the adapter can do, sampled once a round: bytes or multiply-adds a second. */
  readonly probes: ProbeSpreads;
  /** Absent where the device has no timestamps. */
  readonly profiles?: readonly CaseProfile[];
}

export interface RunModel {
  readonly architecture: string;
  readonly layers: number;
  readonly hidden: number;
  readonly vocabTokens: number;
  readonly parameters: number;
}

/** Of all buffers, as the engine counts them: what the driver takes beyond them is its own. */
export interface GpuBytes {
  readonly all: number;
  /** The most at any time from the opening of the device on, the probes' buffers left out. */
  readonly peak: number;
  readonly weights: number;
  readonly kv: number;
}

/** Samples of a probe in a round, of which the best counts: what an adapter can do does not sink with what others do on it. */
const PROBE_SAMPLES = 3;
/** Profiled steps of a case: those of few tokens are short, so more of them. */
const PROFILED_STEPS = 20;
const PROFILED_PROMPTS = 4;

/** @throws BatonError; the signal's reason */
export async function runEngine(request: EngineRunRequest, trace: TraceLog): Promise<EngineRun> {
  const { gpu, cases, seed } = request;
  const started = performance.now();
  const file = await request.open();
  const runner = await openBenchRunner(request, file);
  const loadMs = performance.now() - started;
  const bench = new EngineBench(runner, cases, seed);
  const dispatchesPerDecodeStep = await bench.check();
  // A run after the check has made every buffer that a conversation makes.
  const { weightBytes, kvBytes } = runner;
  const gpuBytes = { all: gpu.liveBytes, peak: gpu.peakBytes, weights: weightBytes, kv: kvBytes };
  request.onReady?.();
  const { taken, probes } = await takeRounds(request, runner, bench);
  traceSamples(taken, trace);
  const profiles = gpu.capabilities.timestamps
    ? await profileCases(request, runner, bench, trace, probes)
    : undefined;
  return {
    adapter: gpu.summary,
    model: modelOf(file, runner),
    loadMs,
    gpuBytes,
    tunedProducts: runner.tunedProducts,
    dispatchesPerDecodeStep,
    results: resultsOf(taken, modelWork(runner.config, file.tensors), request.maxStepTokens, probes),
    ratios: ratiosOf(taken),
    probes,
    ...(profiles && { profiles }),
  };
}

/** Reads the file to its end, and closes it. */
async function openBenchRunner(request: EngineRunRequest, file: GgufFile): Promise<GpuRunner> {
  const { gpu, precision, maxStepTokens, onProgress, tuned } = request;
  const kvMiB = request.kvMiB ?? kvMiBOf(request, file);
  try {
    const given = { ...(kvMiB !== undefined && { kvMiB }), ...(tuned && { tuned }), onProgress };
    return await openRunner({ gpu, file, precision, maxStepTokens, ...given });
  } finally {
    await file.close();
  }
}

/** Undefined where the default pool holds all contexts. */
function kvMiBOf({ gpu, cases }: EngineRunRequest, file: GgufFile): number | undefined {
  const config = readModelConfig(file.metadata, vocabOf(new TensorTable(file)));
  const pool = planKvPool(config, gpu.capabilities, undefined);
  const needed = blocksOf(cases, BLOCK_TOKENS);
  return needed <= pool.blocks ? undefined : (needed * pool.bytes) / pool.blocks / 2 ** 20;
}

async function takeRounds(
  { gpu, cases, samples, signal, onProgress }: EngineRunRequest,
  runner: GpuRunner,
  bench: EngineBench,
) {
  const total = countSamples(cases, samples);
  const onSample = (done: number) =>
    onProgress({ phase: "measure", done, total, unit: "samples", label: "" });
  const probes = await Probes.open(gpu);
  try {
    const values = new Map(probes.names.map((name) => [name, [] as number[]]));
    const everyRound = async () => {
      for (const [name, list] of values) list.push(await bestOf(PROBE_SAMPLES, () => probes.sample(name)));
    };
    for (const name of probes.names) await probes.sample(name);
    const taken = await runRounds(bench, cases, {
      samples,
      device: runner.name,
      signal,
      onSample,
      everyRound,
    });
    const spreads: ProbeSpreads = Object.fromEntries([...values].map(([name, list]) => [name, spread(list)]));
    return { taken, probes: spreads };
  } finally {
    probes.close();
  }
}

async function bestOf(samples: number, take: () => Promise<number>): Promise<number> {
  let best = 0;
  for (let count = 0; count < samples; count++) best = Math.max(best, await take());
  return best;
}

async function profileCases(
  { profile, signal }: EngineRunRequest,
  runner: GpuRunner,
  bench: EngineBench,
  trace: TraceLog,
  probes: ProbeSpreads,
): Promise<CaseProfile[]> {
  const profiles: CaseProfile[] = [];
  for (const one of profile) {
    const plan = bench.planOf(one);
    const tokens = plan.rows.reduce((sum, row) => sum + row.tokens.length, 0);
    const steps: StepProfile[] = [];
    // The first one tells the readback how long such steps take, and is not kept.
    for (let count = one.group === "prefill" ? PROFILED_PROMPTS : PROFILED_STEPS; count >= 0; count--) {
      signal.throwIfAborted();
      steps.push(await runner.profile(plan));
    }
    const kept = steps.slice(1);
    for (const step of kept) trace.profile(one.id, step);
    profiles.push(caseProfile(one.id, tokens, kept, probes));
  }
  return profiles;
}

function traceSamples(taken: Taken, trace: TraceLog): void {
  for (const [{ id }, samples] of taken) {
    for (const { round, stepMs, startedMs } of samples) {
      for (const [step, ms] of stepMs.entries()) trace.step(id, startedMs[step] ?? 0, ms, { round, step });
    }
  }
}

function modelOf(file: GgufFile, { config }: GpuRunner): RunModel {
  return {
    architecture: config.architecture.name,
    layers: config.layers,
    hidden: config.hidden,
    vocabTokens: config.vocab,
    parameters: file.parameters,
  };
}
