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
  /** Whether tuning replaced a default. */
  readonly tuned: boolean;
  readonly onProgress?: OnProgress;
}

/** Tokens of the steps: of the defaults one takes the variants for decode and one those for prefill; what was tuned tells ranges apart. */
const STEP_TOKENS = { defaults: [1, 8], tuned: TOKEN_RANGES.map((upToTokens) => Math.min(upToTokens, 17)) };

/**
 * Runs every kernel once for a step of one token and for steps of several. Some drivers compile a pipeline only when it is first
 * dispatched, and take seconds: that belongs to loading, under a bar, and not to somebody's first token. What it writes into the
 * KV pool is written over before anybody reads it.
 */
export async function warmUp({
  gpu,
  inputs,
  stages,
  limits,
  tuned,
  onProgress,
}: WarmUpRequest): Promise<void> {
  const seen = new Set<GPUComputePipeline>();
  const distinct = stages.filter(({ pipelines }) => {
    const isNew = pipelines.some((pipeline) => !seen.has(pipeline));
    for (const pipeline of pipelines) seen.add(pipeline);
    return isNew;
  });
  const steps = STEP_TOKENS[tuned ? "tuned" : "defaults"];
  let done = 0;
  for (const tokens of steps) {
    inputs.upload(planOf(Math.min(tokens, limits.maxStepTokens, limits.maxLogitRows), limits.blockTokens));
    for (const stage of distinct) {
      const encoder = gpu.device.createCommandEncoder({ label: "warm-up" });
      const pass = encoder.beginComputePass();
      stage.encode(pass, inputs.counts);
      pass.end();
      gpu.device.queue.submit([encoder.finish()]);
      await gpu.device.queue.onSubmittedWorkDone();
      gpu.assertAlive();
      done++;
      const total = distinct.length * steps.length;
      onProgress?.({ phase: "warm-up", done, total, unit: "pipelines", label: "first run of each kernel" });
    }
  }
}

/** One sequence in the pool's first block, again and again where it does not suffice, with the logits of all its tokens. */
function planOf(tokens: number, blockTokens: number): StepPlan {
  const blocks = Array(Math.ceil(tokens / blockTokens)).fill(0);
  const row = { sequence: "warm-up", tokens: Array(tokens).fill(0), position: 0, blocks };
  return { id: 0, rows: [{ ...row, output: { kind: "logits" } }] };
}
