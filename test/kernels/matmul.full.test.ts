import { expect, test } from "vitest";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { perTile, runnableChoices } from "./choices.ts";
import { eachCase, KernelRun } from "./kernel_run.ts";
import { checkMatmul, epilogues, randomMatmulCase } from "./matmul_case.ts";
import { layouts } from "./random_data.ts";

describeOnEveryAdapter("matmul", (gpu) => {
  for (const layout of layouts) {
    test(`agrees with the reference in ${layout}, with every epilogue and tile`, async (context) => {
      const run = await KernelRun.open(gpu, context);
      const choices = runnableChoices(run.gpu, ["default", "exact", "fast"]).flatMap(perTile);
      expect(choices.length).toBeGreaterThan(2);
      for (const [index, { name, choice }] of choices.entries()) {
        for (const [at, epilogue] of epilogues.entries()) {
          const cases = Array.from({ length: 3 }, (_, n) => {
            const seed = 10_000 + 1000 * index + 100 * at + n;
            return { name, ...randomMatmulCase(layout, epilogue, choice, seed) };
          });
          await eachCase(cases, (one) => checkMatmul(run, choice, one));
        }
      }
    });
  }
});
