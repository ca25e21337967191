import { expect, test } from "vitest";
import { describeOnEveryAdapter, runsGpuKernels } from "../harness/adapters.ts";
import { checkAttention } from "./attention_case.ts";
import { attentionCases, limitedCases } from "./attention_shapes.ts";
import { perAttentionTile, runnableChoices } from "./choices.ts";
import { eachCase, KernelRun } from "./kernel_run.ts";

/** A sample of attention.full.test.ts. */
describeOnEveryAdapter("attention", (gpu) => {
  test("agrees with the reference, whatever lies in other blocks and behind the last token", async (context) => {
    const run = await KernelRun.open(gpu, context);
    for (const [index, { name, choice }] of runnableChoices(run.gpu).entries()) {
      const [heads, kvHeads, headDim] = (
        [
          [9, 3, 64],
          [4, 2, 16],
          [16, 1, 32],
          [2, 2, 80],
        ] as const
      )[index] ?? [8, 1, 32];
      const cases = attentionCases(heads, kvHeads, headDim, index).map((one) => ({ name, ...one }));
      await eachCase(cases, (one) => checkAttention(run, choice, one));
    }
  });

  test("agrees with the reference by every tile that tuning may choose for the default model", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const [own] = runnableChoices(run.gpu);
    const [heads, kvHeads, headDim] = [9, 3, 64];
    for (const { name, choice } of own ? perAttentionTile(own, { heads, kvHeads, headDim }) : []) {
      const cases = attentionCases(heads, kvHeads, headDim, 11).map((one) => ({ name, ...one }));
      await eachCase(cases, (one) => checkAttention(run, choice, one));
    }
  });

  test("keeps to a sliding window and caps scores", async (context) => {
    const run = await KernelRun.open(gpu, context);
    // One choice a kernel: each compiles its own pipelines for it.
    const choices = runnableChoices(run.gpu).filter(({ choice }) => choice.precision === "default");
    expect(choices).toHaveLength(runsGpuKernels(gpu.summary) ? 2 : 1);
    for (const { name, choice } of choices) {
      const cases = limitedCases(7).map((one) => ({ name, ...one }));
      await eachCase(cases, (one) => checkAttention(run, choice, one));
    }
  });
});
