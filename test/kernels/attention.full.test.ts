import { test } from "vitest";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { checkAttention } from "./attention_case.ts";
import { attentionCases, headCounts, headDims } from "./attention_shapes.ts";
import { perAttentionTile, runnableChoices } from "./choices.ts";
import { eachCase, KernelRun } from "./kernel_run.ts";

describeOnEveryAdapter("attention", (gpu) => {
  for (const [at, headDim] of headDims.entries()) {
    // Kernels of 16 rows take seconds to compile, so each size of head meets two of the five ways to share KV heads.
    const shared = [at, at + 2].map((index) => headCounts[index % headCounts.length] ?? headCounts[0]);
    test(`agrees with the reference with heads of ${headDim} dimensions, ${shared.join(" and ")} of them`, async (context) => {
      const run = await KernelRun.open(gpu, context);
      for (const [index, [heads, kvHeads]] of shared.entries()) {
        // Every tile that tuning may choose for the first, the defaults for the second.
        const choices = runnableChoices(run.gpu).flatMap((named) =>
          index === 0 ? perAttentionTile(named, { heads, kvHeads, headDim }) : [named],
        );
        for (const { name, choice } of choices) {
          const cases = attentionCases(heads, kvHeads, headDim, 1000 + index).map((one) => ({
            name,
            ...one,
          }));
          await eachCase(cases, (one) => checkAttention(run, choice, one));
        }
      }
    });
  }
});
