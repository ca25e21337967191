import type { Precision } from "../api.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { attentionParts, attentionTileTokens } from "../kernels/attention.ts";
import { KernelLibrary } from "../kernels/library.ts";
import { chooseKernels, type KernelChoice, type TunedKernels, tileTokensOf } from "../kernels/variants.ts";
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
  const [runner] = await openRunners(options, 1);
  if (runner === undefined) throw new RangeError("a model without a runner");
  return runner;
}

/**
 * Loads a model onto a GPU for several runners: they share its weights and one KV pool, and each has inputs and activations of its own,
 * so that their steps may be given in any order. Disposing one disposes all.
 * @throws ModelError, DeviceError
 */
export async function openRunners(options: OpenRunnerOptions, count: number): Promise<readonly GpuRunner[]> {
  const { gpu } = options;
  try {
    return await gpu.guarded(() => open(options, count));
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}

/** The file is read, converted and uploaded while the kernels compile and run for the first time. */
async function open(options: OpenRunnerOptions, count: number): Promise<readonly GpuRunner[]> {
  const { gpu, file, precision, onProgress } = options;
  const config = readModelConfig(file.metadata, vocabOf(new TensorTable(file)));
  const defaults = chooseKernels(gpu.capabilities, precision);
  const { maxBindingBytes } = gpu.capabilities;
  const { interleave } = defaults;
  const { weights, stream } = planWeights(gpu, file, config, { interleave, maxBindingBytes });
  const building = build(options, { config, defaults, weights, count });
  const [built, ropeFactors] = await both(building, stream(onProgress));
  const rope = new RopeTable(config.rope, ropeFactors);
  return built.map((parts) => {
    parts.inputs.ropeTable = rope;
    return new GpuRunner(parts);
  });
}

interface Planned {
  readonly config: ModelConfig;
  readonly defaults: KernelChoice;
  readonly weights: ModelWeights;
  readonly count: number;
}

/** The parts of `count` runners. */
async function build(
  { gpu, precision, kvMiB, maxStepTokens, maxLogitRows, tuned, onProgress }: OpenRunnerOptions,
  { config, defaults, weights, count }: Planned,
): Promise<readonly RunnerParts[]> {
  const { maxBindingBytes } = gpu.capabilities;
  const attention = { ...config, ...config.attention };
  const tunable: Tunable = { gpu, choice: defaults, products: productsOf(weights), attention };
  const found = precision === "exact" ? undefined : await tuned?.(tunable);
  const choice = chooseKernels(gpu.capabilities, precision, found);
  const pool = new KvPool(gpu, config, planKvPool(config, gpu.capabilities, kvMiB));
  const ofEveryToken = tunable.products.filter(({ everyToken }) => everyToken).map(({ shape }) => shape);
  const limits: RunnerLimits = {
    blockTokens: BLOCK_TOKENS,
    blockBytes: pool.blockBytes,
    blocks: pool.shape.blocks,
    maxStepTokens,
    tileTokens: tileTokensOf(choice, ofEveryToken),
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
  const library = new KernelLibrary(gpu, onProgress);
  const { bytes: weightBytes } = weights;
  const shared = { tunable, config, limits, pool, weightBytes, tunedProducts: choice.tuned.size };
  const built: RunnerParts[] = [];
  for (let n = 0; n < count; n++) {
    // The factors of the frequencies come with the file.
    const inputs = new StepInputs(gpu, capacity, new RopeTable(config.rope, undefined));
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
    built.push({ ...shared, inputs, forward });
  }
  await warmUp({ gpu, kernels: await library.all(), ...(onProgress && { onProgress }) });
  return built;
}

/** Both results; when one fails, the other has ended too before that is said, so that nothing works on what is then let go of. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
