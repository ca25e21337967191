import { test } from "vitest";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { checkAttention } from "./attention_case.ts";
import { attentionCases, headCounts, headDims } from "./attention_shapes.ts";
import { runnableChoices } from "./choices.ts";
import { eachCase, KernelRun } from "./kernel_run.ts";

describeOnEveryAdapter("attention", (gpu) => {
  for (const headDim of headDims) {
    test(`agrees with the reference with heads of ${headDim} dimensions, shared by 1 to 16`, async (context) => {
      const run = await KernelRun.open(gpu, context);
      for (const { name, choice } of runnableChoices(run.gpu)) {
        for (const [index, [heads, kvHeads]] of headCounts.entries()) {
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
