import type { GpuDevice } from "../gpu/device.ts";
import type { Stage } from "../kernels/stage.ts";
import { TOKEN_RANGES } from "../kernels/variants.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type { RunnerLimits, StepPlan } from "../protocol/step.ts";
import type { StepInputs } from "./step_inputs.ts";

export interface WarmUpRequest {
  readonly gpu: GpuDevice;
  readonly inputs: StepInputs;
  readonly stages: readonly Stage[];
  readonly limits: RunnerLimits;
  readonly onProgress?: OnProgress;
}

/** Tokens of the steps: they take the variants of every range that defaults or tuning tell apart. */
const STEP_TOKENS = TOKEN_RANGES.map((upToTokens) => Math.min(upToTokens, 17));

/** A stage to be run in a step of so many tokens. */
interface Job {
  readonly tokens: number;
  readonly stage: Stage;
}

/**
 * Runs every kernel once, in steps of one token and of several. Some drivers compile a pipeline only when it is first dispatched, and
 * take seconds: that belongs to loading, under a bar, and not to somebody's first token. What it writes into the KV pool is written
 * over before anybody reads it.
 */
export async function warmUp({ gpu, inputs, stages, limits, onProgress }: WarmUpRequest): Promise<void> {
  const jobs = jobsOf(stages, inputs, limits);
  for (const [index, { tokens, stage }] of jobs.entries()) {
    inputs.upload(planOf(tokens, limits.blockTokens));
    const encoder = gpu.device.createCommandEncoder({ label: "warm-up" });
    const pass = encoder.beginComputePass();
    stage.encode(pass, inputs.counts);
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.device.queue.onSubmittedWorkDone();
    gpu.assertAlive();
    const done = index + 1;
    const label = "first run of each kernel";
    onProgress?.({ phase: "warm-up", done, total: jobs.length, unit: "pipelines", label });
  }
}

/** The first stage and step that dispatch each pipeline. */
function jobsOf(stages: readonly Stage[], inputs: StepInputs, limits: RunnerLimits): readonly Job[] {
  const seen = new Set<GPUComputePipeline>();
  const jobs: Job[] = [];
  for (const wanted of STEP_TOKENS) {
    const tokens = Math.min(wanted, limits.maxStepTokens, limits.maxLogitRows);
    inputs.upload(planOf(tokens, limits.blockTokens));
    for (const stage of stages) {
      const before = seen.size;
      const setPipeline = (pipeline: GPUComputePipeline) => seen.add(pipeline);
      stage.encode({ setPipeline, setBindGroup: () => {}, dispatchWorkgroups: () => {} }, inputs.counts);
      if (seen.size > before) jobs.push({ tokens, stage });
    }
  }
  return jobs;
}

/** One sequence in the pool's first block, again and again where it does not suffice, with the logits of all its tokens. */
function planOf(tokens: number, blockTokens: number): StepPlan {
  const blocks = Array(Math.ceil(tokens / blockTokens)).fill(0);
  const row = { sequence: "warm-up", tokens: Array(tokens).fill(0), position: 0, blocks };
  return { id: 0, rows: [{ ...row, output: { kind: "logits" } }] };
}
