import { test } from "vitest";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { perTile, runnableChoices } from "./choices.ts";
import { eachCase, KernelRun } from "./kernel_run.ts";
import { checkMatmul, epilogues, type MatmulCase, randomMatmulCase } from "./matmul_case.ts";
import { layouts } from "./random_data.ts";

/** A sample of matmul.full.test.ts: every layout, epilogue and tile at least once, not every combination. */
describeOnEveryAdapter("matmul", (gpu) => {
  test("agrees with the reference in every layout, epilogue and tile", async (context) => {
    const run = await KernelRun.open(gpu, context);
    for (const [index, { name, choice }] of runnableChoices(run.gpu)
      .flatMap((named) => perTile(named, run.gpu.capabilities))
      .entries()) {
      const cases = layouts.flatMap((layout, at) => {
        const epilogue = epilogues[(index + at) % epilogues.length] ?? "store";
        return (index + at) % 2 === 0
          ? [1, 2, 3, 4].map((n) => ({
              name,
              ...randomMatmulCase(layout, epilogue, choice, 100 * index + 10 * at + n),
            }))
          : [];
      });
      await eachCase([...cases, ...edgeCases(choice.interleave)], (one) => checkMatmul(run, choice, one));
    }
  });

  // The first two tiles of each class: all of them are in the full tests, and those of `lanes` above.
  test("agrees with the reference on pairs of int8, in integers and in floats", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const tiles = runnableChoices(run.gpu, ["fast"]).map((named) => perTile(named, run.gpu.capabilities));
    for (const [index, { name, choice }] of tiles.flatMap((all) => all.slice(0, 2)).entries()) {
      const cases = layouts.map((layout, at) => {
        const epilogue = (["store", "bias", "silu"] as const)[(index + at) % 3] ?? "store";
        return { name, ...randomMatmulCase(layout, epilogue, choice, 7000 + 100 * index + at) };
      });
      await eachCase([...cases, ...edgeCases(choice.interleave)], (one) => checkMatmul(run, choice, one));
    }
  });
});

/** What chance may leave out of a sample: the last word of a pair with an odd row, and the columns of a later slice. */
function edgeCases(interleave: number): MatmulCase[] {
  const common = { sliceRows: [interleave, 13], cols: 70, tokens: 3, seed: 1 };
  return [
    { ...common, layout: "q4", epilogue: "silu", margins: [0, 0] },
    { ...common, layout: "q4", epilogue: "bias", margins: [8, 1] },
  ];
}
