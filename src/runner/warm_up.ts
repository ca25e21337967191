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
  /** Keys of a part, where long contexts are split: that has kernels of its own. */
  readonly partKeys: number | undefined;
  readonly onProgress?: OnProgress;
}

/** Tokens of the steps: they take the variants of every range that defaults or tuning tell apart. */
const STEP_TOKENS = TOKEN_RANGES.map((upToTokens) => Math.min(upToTokens, 17));

/** A stage to be run in a step. */
interface Job {
  readonly plan: StepPlan;
  readonly stage: Stage;
}

/**
 * Runs every kernel once, in steps of one token and of several. Some drivers compile a pipeline only when it is first dispatched, and
 * take seconds: that belongs to loading, under a bar, and not to somebody's first token. What it writes into the KV pool is written
 * over before anybody reads it.
 */
export async function warmUp(request: WarmUpRequest): Promise<void> {
  const { gpu, inputs, onProgress } = request;
  const jobs = jobsOf(request);
  for (const [index, { plan, stage }] of jobs.entries()) {
    inputs.upload(plan, () => 0);
    const encoder = gpu.device.createCommandEncoder({ label: "warm-up" });
    const pass = encoder.beginComputePass();
    stage.encode(pass, inputs.counts);
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.idle();
    gpu.assertAlive();
    const done = index + 1;
    const label = "first run of each kernel";
    onProgress?.({ phase: "warm-up", done, total: jobs.length, unit: "pipelines", label });
  }
}

/** The first stage and step that dispatch each pipeline. */
function jobsOf({ stages, inputs, limits, partKeys }: WarmUpRequest): readonly Job[] {
  const { maxStepTokens, maxLogitRows, blockTokens } = limits;
  const plans = STEP_TOKENS.map((tokens) =>
    planOf(Math.min(tokens, maxStepTokens, maxLogitRows), 0, blockTokens),
  );
  if (partKeys !== undefined) plans.push(planOf(1, partKeys, blockTokens));
  const seen = new Set<GPUComputePipeline>();
  const setPipeline = (pipeline: GPUComputePipeline) => void seen.add(pipeline);
  const listener = { setPipeline, setBindGroup: () => {}, dispatchWorkgroups: () => {} };
  return plans.flatMap((plan) => {
    inputs.upload(plan, () => 0);
    return stages.flatMap((stage) => {
      const before = seen.size;
      stage.encode(listener, inputs.counts);
      return seen.size > before ? [{ plan, stage }] : [];
    });
  });
}

/** One sequence in the pool's first block, again and again where it does not suffice, with the logits of all its tokens. */
function planOf(tokens: number, position: number, blockTokens: number): StepPlan {
  const blocks = Array(Math.ceil((position + tokens) / blockTokens)).fill(0);
  const row = { sequence: "warm-up", tokens: Array(tokens).fill(0), position, blocks };
  return { id: 0, rows: [{ ...row, output: { kind: "logits" } }] };
}
