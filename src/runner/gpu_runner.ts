import type { Precision } from "../api.ts";
import { DeviceError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { attentionTileTokens } from "../kernels/attention.ts";
import { KernelLibrary } from "../kernels/library.ts";
import { chooseKernels, type KernelChoice } from "../kernels/variants.ts";
import type { GgufFile } from "../loader/gguf.ts";
import { type ModelConfig, readModelConfig } from "../model/config.ts";
import { buildForward, type Forward } from "../model/forward.ts";
import { productsOf } from "../model/products.ts";
import { RopeTable } from "../model/rope.ts";
import { needsLogits, sampleToken } from "../model/sampler.ts";
import { TensorTable, vocabOf } from "../model/tensor_table.ts";
import { loadWeights } from "../model/weights.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type { RowResult, Runner, RunnerLimits, StepPlan, StepResult, StepRow } from "../protocol/step.ts";
import type { Tunable } from "../tuner/task.ts";
import { BLOCK_TOKENS, KvPool, planKvPool } from "./kv_pool.ts";
import { assertWithin, logitRowsOf } from "./plan_check.ts";
import { type CopyRange, Readback } from "./readback.ts";
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
  readonly tuned?: (tunable: Tunable) => Promise<KernelChoice["tuned"]>;
  readonly onProgress?: OnProgress;
}

const MAX_STEP_ROWS = 64;
const NOTHING_SAMPLED = 0xffffffff;

/** Loads a model onto a GPU. @throws ModelError, DeviceError */
export async function openRunner(options: OpenRunnerOptions): Promise<GpuRunner> {
  const { gpu } = options;
  try {
    return await gpu.guarded(() => build(options));
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}

async function build({
  gpu,
  file,
  precision,
  kvMiB,
  maxStepTokens,
  maxLogitRows,
  tuned,
  onProgress,
}: OpenRunnerOptions) {
  const config = readModelConfig(file.metadata, vocabOf(new TensorTable(file)));
  const defaults = chooseKernels(gpu.capabilities, precision);
  const { maxBindingBytes } = gpu.capabilities;
  const library = new KernelLibrary(gpu, onProgress);
  const pool = new KvPool(gpu, config, planKvPool(config, gpu.capabilities, kvMiB));
  const weights = await loadWeights(
    gpu,
    file,
    config,
    { interleave: defaults.interleave, maxBindingBytes },
    onProgress,
  );
  const tunable = { gpu, choice: defaults, products: productsOf(weights) };
  const choice = chooseKernels(
    gpu.capabilities,
    precision,
    precision === "exact" ? undefined : await tuned?.(tunable),
  );
  const limits: RunnerLimits = {
    blockTokens: BLOCK_TOKENS,
    blocks: pool.shape.blocks,
    maxStepTokens,
    maxStepRows: MAX_STEP_ROWS,
    maxLogitRows: Math.min(maxLogitRows ?? MAX_STEP_ROWS, Math.floor(maxBindingBytes / (config.vocab * 4))),
    contextTokens: config.contextTokens,
    vocabTokens: config.vocab,
  };
  const inputs = new StepInputs(
    gpu,
    {
      tokens: maxStepTokens,
      rows: MAX_STEP_ROWS,
      logitRows: limits.maxLogitRows,
      tableEntries: limits.blocks * MAX_STEP_ROWS,
      blockTokens: BLOCK_TOKENS,
      tileTokens: attentionTileTokens(choice, config),
      singleTiles: choice.decodeAttention !== undefined,
    },
    new RopeTable(config.rope, weights.ropeFactors),
  );
  const forward = await buildForward({
    gpu,
    library,
    choice,
    config,
    weights,
    step: inputs.buffers(),
    poolOfLayer: (layer) => pool.layer(layer),
    maxTokens: maxStepTokens,
    maxLogitRows: limits.maxLogitRows,
  });
  await warmUp({
    gpu,
    inputs,
    stages: forward.stages,
    limits,
    tuned: choice.tuned.size > 0,
    ...(onProgress && { onProgress }),
  });
  return new GpuRunner(tunable, config, limits, inputs, forward, {
    weightBytes: weights.bytes,
    kvBytes: pool.shape.bytes,
    tunedProducts: choice.tuned.size,
  });
}

/** Runs step plans on one GPU device: KV pool, forward pass, sampling. One command buffer per step. */
export class GpuRunner implements Runner {
  readonly name: string;
  readonly limits: RunnerLimits;
  readonly config: ModelConfig;
  readonly weightBytes: number;
  readonly kvBytes: number;
  /** Products of the model that run kernels which tuning chose. */
  readonly tunedProducts: number;
  /** What a tuner measures: the device, its defaults and the model's products. */
  readonly tunable: Tunable;
  /** Since the runner was opened. */
  dispatches = 0;
  readonly #gpu: GpuDevice;
  readonly #inputs: StepInputs;
  readonly #forward: Forward;
  readonly #readback: Readback;
  /** Steps run in the order of the calls. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    tunable: Tunable,
    config: ModelConfig,
    limits: RunnerLimits,
    inputs: StepInputs,
    forward: Forward,
    facts: { readonly weightBytes: number; readonly kvBytes: number; readonly tunedProducts: number },
  ) {
    const { gpu } = tunable;
    this.name = gpu.summary.name;
    this.tunable = tunable;
    this.config = config;
    this.limits = limits;
    this.weightBytes = facts.weightBytes;
    this.kvBytes = facts.kvBytes;
    this.tunedProducts = facts.tunedProducts;
    this.#gpu = gpu;
    this.#inputs = inputs;
    this.#forward = forward;
    this.#readback = new Readback(gpu);
  }

  run(plan: StepPlan): Promise<StepResult> {
    const result = this.#tail.then(() => this.#step(plan));
    this.#tail = result.catch(() => {});
    return result;
  }

  dispose(): void {
    this.#gpu.destroy();
  }

  async #step(plan: StepPlan): Promise<StepResult> {
    this.#gpu.assertAlive();
    assertWithin(plan, this.limits);
    const started = performance.now();
    this.#inputs.upload(plan);
    const { counts } = this.#inputs;
    const copies = this.#copies(plan);
    const encoder = this.#gpu.device.createCommandEncoder({ label: `step-${plan.id}` });
    const pass = encoder.beginComputePass();
    for (const stage of this.#forward.stages) this.dispatches += stage.encode(pass, counts);
    pass.end();
    const wanted = copies.filter((copy) => copy.bytes > 0);
    this.#readback.encode(encoder, wanted);
    this.#gpu.device.queue.submit([encoder.finish()]);
    const last = wanted.at(-1);
    const rows = await this.#readback.read(last ? last.to + last.bytes : 0, counts.tokens, (data) =>
      plan.rows.map((row, index) => this.#result(row, data, copies[index]?.to ?? 0)),
    );
    return { plan: plan.id, rows, ms: performance.now() - started };
  }

  /** What the host needs of each row's results: its logits, its sampled token, or nothing. */
  #copies(plan: StepPlan): readonly CopyRange[] {
    const rowBytes = this.limits.vocabTokens * 4;
    let logitRow = 0;
    let to = 0;
    return plan.rows.map((row) => {
      const rows = logitRowsOf(row);
      const [source, unit] = wantsLogits(row) ? [this.#forward.logits, rowBytes] : [this.#forward.sampled, 4];
      const copy = { source, from: logitRow * unit, to, bytes: rows * unit };
      logitRow += rows;
      to += copy.bytes;
      return copy;
    });
  }

  #result(row: StepRow, data: ArrayBuffer, at: number): RowResult {
    const vocab = this.limits.vocabTokens;
    const { output } = row;
    if (output.kind === "none") return { kind: "none" };
    if (output.kind === "logits") {
      return { kind: "logits", logits: new Float32Array(data, at, row.tokens.length * vocab).slice() };
    }
    const position = row.position + row.tokens.length - 1;
    const token = wantsLogits(row)
      ? sampleToken(new Float32Array(data, at, vocab).slice(), output.sampling, position)
      : new Uint32Array(data, at, 1)[0];
    if (token === undefined || token === NOTHING_SAMPLED) throw noNumbers(row, this.name);
    return { kind: "token", token };
  }
}

function wantsLogits({ output }: StepRow): boolean {
  return output.kind === "logits" || (output.kind === "token" && needsLogits(output.sampling));
}

function noNumbers(row: StepRow, device: string): DeviceError {
  return new DeviceError(
    "gpu-error",
    `The logits of conversation ${row.sequence} on "${device}" hold no number. The model's file may be damaged; check it, or try precision "exact".`,
    { device, sequence: row.sequence },
  );
}
