import type { GpuDevice } from "../gpu/device.ts";
import type { Stage } from "../kernels/stage.ts";
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

/** Tokens of the two steps: one takes the variants for decode, the other those for prefill. */
const STEP_TOKENS = [1, 8];

/**
 * Runs every kernel once for a step of one token and once for one of several. Some drivers compile a pipeline only when it is first
 * dispatched, and take seconds: that belongs to loading, under a bar, and not to somebody's first token. What it writes into the
 * KV pool is written over before anybody reads it.
 */
export async function warmUp({ gpu, inputs, stages, limits, onProgress }: WarmUpRequest): Promise<void> {
  const seen = new Set<GPUComputePipeline>();
  const distinct = stages.filter(({ pipelines }) => {
    const isNew = pipelines.some((pipeline) => !seen.has(pipeline));
    for (const pipeline of pipelines) seen.add(pipeline);
    return isNew;
  });
  let done = 0;
  for (const tokens of STEP_TOKENS) {
    inputs.upload(planOf(Math.min(tokens, limits.maxStepTokens, limits.maxLogitRows)), () => 0);
    for (const stage of distinct) {
      const encoder = gpu.device.createCommandEncoder({ label: "warm-up" });
      const pass = encoder.beginComputePass();
      stage.encode(pass, inputs.counts);
      pass.end();
      gpu.device.queue.submit([encoder.finish()]);
      await gpu.device.queue.onSubmittedWorkDone();
      gpu.assertAlive();
      done++;
      const total = distinct.length * STEP_TOKENS.length;
      onProgress?.({ phase: "warm-up", done, total, unit: "pipelines", label: "first run of each kernel" });
    }
  }
}

/** One sequence in the pool's first block, with the logits of all its tokens. */
function planOf(tokens: number): StepPlan {
  const row = { sequence: "warm-up", tokens: Array(tokens).fill(0), position: 0, blocks: [0] };
  return { id: 0, rows: [{ ...row, output: { kind: "logits" } }] };
}
