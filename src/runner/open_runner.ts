import type { Precision } from "../api.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { attentionParts, attentionTileTokens } from "../kernels/attention.ts";
import { KernelLibrary } from "../kernels/library.ts";
import { chooseKernels, type KernelChoice, type TunedKernels } from "../kernels/variants.ts";
import type { GgufFile } from "../loader/gguf.ts";
import { type ModelConfig, readModelConfig } from "../model/config.ts";
import { buildForward } from "../model/forward.ts";
import { productsOf } from "../model/products.ts";
import { RopeTable } from "../model/rope.ts";
import { TensorTable, vocabOf } from "../model/tensor_table.ts";
import { type ModelWeights, planWeights } from "../model/weights.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { Tunable } from "../tuner/task.ts";
import { GpuRunner, type RunnerParts } from "./gpu_runner.ts";
import { BLOCK_TOKENS, KvPool, planKvPool } from "./kv_pool.ts";
import { StepInputs } from "./step_inputs.ts";
import { warmUp } from "./warm_up.ts";

export interface OpenRunnerOptions {
  /** The runner takes it over: `dispose` destroys it, and so does a failure to open. */
  readonly gpu: GpuDevice;
  readonly file: GgufFile;
  readonly precision: Precision;
  /** Size of the KV pool; the default of `planKvPool` when absent. */
  readonly kvMiB?: number;
  readonly maxStepTokens: number;
  /** Most rows of logits of a step; bounded by what a binding holds. */
  readonly maxLogitRows?: number;
  /** What tuning found for such products on this device. Not asked in `exact`. */
  readonly tuned?: (tunable: Tunable) => Promise<TunedKernels>;
  readonly onProgress?: OnProgress;
}

const MAX_STEP_ROWS = 64;
/** A second plan hides the host's work between two steps; where results take a way through another process, a third does. */
const PLANS_IN_FLIGHT = { software: 2, hardware: 3 } as const;

/** Loads a model onto a GPU. @throws ModelError, DeviceError */
export async function openRunner(options: OpenRunnerOptions): Promise<GpuRunner> {
  const { gpu } = options;
  try {
    return await gpu.guarded(() => open(options));
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}

/** The file is read, converted and uploaded while the kernels compile and run for the first time. */
async function open(options: OpenRunnerOptions): Promise<GpuRunner> {
  const { gpu, file, precision, onProgress } = options;
  const config = readModelConfig(file.metadata, vocabOf(new TensorTable(file)));
  const defaults = chooseKernels(gpu.capabilities, precision);
  const { maxBindingBytes } = gpu.capabilities;
  const { interleave } = defaults;
  const { weights, stream } = planWeights(gpu, file, config, { interleave, maxBindingBytes });
  const [built, ropeFactors] = await both(build(options, config, defaults, weights), stream(onProgress));
  built.inputs.ropeTable = new RopeTable(config.rope, ropeFactors);
  return new GpuRunner(built);
}

async function build(
  { gpu, precision, kvMiB, maxStepTokens, maxLogitRows, tuned, onProgress }: OpenRunnerOptions,
  config: ModelConfig,
  defaults: KernelChoice,
  weights: ModelWeights,
): Promise<RunnerParts> {
  const { maxBindingBytes } = gpu.capabilities;
  const attention = { ...config, ...config.attention };
  const tunable: Tunable = { gpu, choice: defaults, products: productsOf(weights), attention };
  const found = precision === "exact" ? undefined : await tuned?.(tunable);
  const choice = chooseKernels(gpu.capabilities, precision, found);
  const pool = new KvPool(gpu, config, planKvPool(config, gpu.capabilities, kvMiB));
  const limits: RunnerLimits = {
    blockTokens: BLOCK_TOKENS,
    blockBytes: pool.blockBytes,
    blocks: pool.shape.blocks,
    maxStepTokens,
    maxStepRows: MAX_STEP_ROWS,
    maxLogitRows: Math.min(maxLogitRows ?? MAX_STEP_ROWS, Math.floor(maxBindingBytes / (config.vocab * 4))),
    contextTokens: config.contextTokens,
    vocabTokens: config.vocab,
    plansInFlight: gpu.summary.software ? PLANS_IN_FLIGHT.software : PLANS_IN_FLIGHT.hardware,
  };
  const parts = attentionParts(choice, Math.min(config.contextTokens, limits.blocks * BLOCK_TOKENS));
  const capacity = {
    tokens: maxStepTokens,
    rows: MAX_STEP_ROWS,
    logitRows: limits.maxLogitRows,
    tableEntries: limits.blocks * MAX_STEP_ROWS,
    blockTokens: BLOCK_TOKENS,
    tileTokens: attentionTileTokens(choice, config),
    singleTiles: choice.decodeAttention !== undefined,
    partKeys: parts?.keys,
  };
  // The factors of the frequencies come with the file.
  const inputs = new StepInputs(gpu, capacity, new RopeTable(config.rope, undefined));
  const library = new KernelLibrary(gpu, onProgress);
  const forward = await buildForward({
    gpu,
    library,
    choice,
    config,
    weights,
    step: inputs.buffers(),
    poolOfLayer: (layer) => pool.layer(layer),
    parts,
    maxTokens: maxStepTokens,
    maxRows: MAX_STEP_ROWS,
    maxLogitRows: limits.maxLogitRows,
  });
  await warmUp({ gpu, kernels: await library.all(), ...(onProgress && { onProgress }) });
  return {
    tunable,
    config,
    limits,
    inputs,
    forward,
    pool,
    weightBytes: weights.bytes,
    tunedProducts: choice.tuned.size,
  };
}

/** Both results; when one fails, the other has ended too before that is said, so that nothing works on what is then let go of. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
