import { DeviceError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Forward } from "../model/forward.ts";
import { sampleToken } from "../model/sampler.ts";
import { needsLogits } from "../protocol/sampling.ts";
import type { RowResult, Runner, RunnerLimits, StepPlan, StepResult, StepRow } from "../protocol/step.ts";
import type { Tunable } from "../tuner/task.ts";
import type { KvPool } from "./kv_pool.ts";
import { assertWithin, logitRowsOf } from "./plan_check.ts";
import { type CopyRange, type Landing, Readback } from "./readback.ts";
import type { StepInputs } from "./step_inputs.ts";
import { profileStep, type StepProfile } from "./step_profile.ts";

/** A loaded model, ready to run: what `openRunner` builds. */
export interface RunnerParts {
  readonly tunable: Tunable;
  readonly config: ModelConfig;
  readonly limits: RunnerLimits;
  readonly inputs: StepInputs;
  readonly forward: Forward;
  readonly pool: KvPool;
  readonly weightBytes: number;
  readonly tunedProducts: number;
}

const NOTHING_SAMPLED = 0xffffffff;

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
  readonly #pool: KvPool;
  readonly #readback: Readback;
  /** Of blocks that leave the device. */
  readonly #exports: Readback;
  /** Steps report in the order of the calls. */
  #tail: Promise<unknown> = Promise.resolve();
  /** When the step before ended. */
  #endedMs = 0;
  /** The logit row of each sequence that the plan before samples on the GPU, also one that failed: whoever it feeds fails as well. */
  readonly #sampledRows = new Map<string, number>();

  constructor({ tunable, config, limits, inputs, forward, pool, weightBytes, tunedProducts }: RunnerParts) {
    const { gpu } = tunable;
    this.name = gpu.summary.name;
    this.tunable = tunable;
    this.config = config;
    this.limits = limits;
    this.weightBytes = weightBytes;
    this.kvBytes = pool.shape.bytes;
    this.tunedProducts = tunedProducts;
    this.#gpu = gpu;
    this.#inputs = inputs;
    this.#forward = forward;
    this.#pool = pool;
    this.#readback = new Readback(gpu);
    this.#exports = new Readback(gpu);
  }

  /** Submits at once, behind the steps that still run. */
  run(plan: StepPlan): Promise<StepResult> {
    const land = this.#begin(plan);
    const result = this.#tail.then(land);
    this.#tail = result.catch(() => {});
    return result;
  }

  async exportBlocks(blocks: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
    this.#gpu.assertAlive();
    const encoder = this.#gpu.device.createCommandEncoder({ label: "export-blocks" });
    const landing = this.#exports.encode(encoder, this.#pool.rangesOf(blocks));
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.#exports.begin(landing);
    return await this.#exports.read(landing, (data) => new Uint8Array(data).slice());
  }

  async importBlocks(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#gpu.assertAlive();
    this.#pool.write(blocks, data);
    // WebGPU keeps what was written until something is submitted: without this, all of it until the next step.
    this.#gpu.device.queue.submit([]);
  }

  /**
   * Runs one step for its times alone, when the steps before have reported. No other may be given until it resolves: it would write
   * its inputs over this one's.
   * @throws DeviceError `adapter-limit` where the device has no timestamps, and as `run`
   */
  profile(plan: StepPlan): Promise<StepProfile> {
    const profile = this.#tail.then(() => {
      this.#gpu.assertAlive();
      assertWithin(plan, this.limits);
      const upload = () => {
        this.#inputs.upload(plan, (sequence) => this.#fedFrom(sequence));
        return this.#inputs.counts;
      };
      const stages = this.#forward.stages;
      return profileStep({ gpu: this.#gpu, readback: this.#readback, stages, upload });
    });
    this.#tail = profile.catch(() => {});
    return profile;
  }

  dispose(): void {
    this.#gpu.destroy();
  }

  /** Resolves to what waits for the step, or throws what kept it from beginning. */
  #begin(plan: StepPlan): () => Promise<StepResult> {
    try {
      const begunMs = performance.now();
      const copies = this.#copies(plan);
      const landing = this.#submit(plan, copies);
      // While the device computes.
      const masks = Promise.all(plan.rows.map(allowedTokens));
      return () => this.#land({ plan, copies, landing, masks, begunMs });
    } catch (error) {
      return () => Promise.reject(error);
    } finally {
      this.#noteSampled(plan);
    }
  }

  #submit(plan: StepPlan, copies: readonly CopyRange[]): Landing {
    this.#gpu.assertAlive();
    assertWithin(plan, this.limits);
    this.#inputs.upload(plan, (sequence) => this.#fedFrom(sequence));
    const encoder = this.#gpu.device.createCommandEncoder({ label: `step-${plan.id}` });
    if (plan.copies) this.#pool.encodeCopies(encoder, plan.copies);
    const pass = encoder.beginComputePass();
    for (const stage of this.#forward.stages) this.dispatches += stage.encode(pass, this.#inputs.counts);
    pass.end();
    const landing = this.#readback.encode(encoder, copies);
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.#readback.begin(landing);
    return landing;
  }

  async #land({ plan, copies, landing, masks, begunMs }: StepUnderWay): Promise<StepResult> {
    const sinceMs = Math.max(begunMs, this.#endedMs);
    try {
      const allowed = await masks;
      const rows = await this.#readback.read(landing, (data) =>
        plan.rows.map((row, index) => this.#result(row, data, copies[index]?.to ?? 0, allowed[index])),
      );
      return { plan: plan.id, rows, ms: performance.now() - sinceMs };
    } finally {
      this.#endedMs = performance.now();
    }
  }

  #fedFrom(sequence: string): number {
    const row = this.#sampledRows.get(sequence);
    if (row === undefined) throw new RangeError(`row ${sequence}: the step before sampled no token for it`);
    return row;
  }

  #noteSampled(plan: StepPlan): void {
    this.#sampledRows.clear();
    let logitRow = 0;
    for (const row of plan.rows) {
      if (row.output.kind === "token" && !wantsLogits(row)) this.#sampledRows.set(row.sequence, logitRow);
      logitRow += logitRowsOf(row);
    }
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

  #result(row: StepRow, data: ArrayBuffer, at: number, allowed: Int32Array | undefined): RowResult {
    const vocab = this.limits.vocabTokens;
    const { output } = row;
    if (output.kind === "none") return { kind: "none" };
    if (output.kind === "logits") {
      return { kind: "logits", logits: new Float32Array(data, at, row.tokens.length * vocab).slice() };
    }
    if (output.kind === "tokens") {
      const tokens = [...new Uint32Array(data, at, row.tokens.length)];
      if (tokens.includes(NOTHING_SAMPLED)) throw noNumbers(row, this.name);
      return { kind: "tokens", tokens };
    }
    const position = row.position + row.tokens.length - 1;
    const token = wantsLogits(row)
      ? sampleToken(new Float32Array(data, at, vocab).slice(), output.sampling, position, allowed)
      : new Uint32Array(data, at, 1)[0];
    if (token === undefined || token === NOTHING_SAMPLED) throw noNumbers(row, this.name);
    return { kind: "token", token };
  }
}

interface StepUnderWay {
  readonly plan: StepPlan;
  readonly copies: readonly CopyRange[];
  readonly landing: Landing;
  /** Of each row, which tokens a constraint allows. */
  readonly masks: Promise<readonly (Int32Array | undefined)[]>;
  readonly begunMs: number;
}

async function allowedTokens({ output }: StepRow): Promise<Int32Array | undefined> {
  if (output.kind !== "token") return undefined;
  const { constraint, completionTokens } = output.sampling;
  return constraint?.allowed(completionTokens);
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
