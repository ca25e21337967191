import { test } from "vitest";
import type { MatmulTile } from "../../src/kernels/matmul_kernels.ts";
import { chooseKernels, type Ranked } from "../../src/kernels/variants.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { type NamedChoice, perTile, runnableChoices } from "./choices.ts";
import { eachCase, KernelRun } from "./kernel_run.ts";
import { checkMatmul, epilogues, type MatmulCase, randomMatmulCase } from "./matmul_case.ts";
import { layouts } from "./random_data.ts";

/**
 * A sample of matmul.full.test.ts: every layout, epilogue and tile at least once, not every combination. Compiling is what takes the
 * time, so of the tiles that a GPU chooses among each gets one layout and epilogue, and each of its defaults the edges.
 */
describeOnEveryAdapter("matmul", (gpu) => {
  test("agrees with the reference in every layout, epilogue and tile", async (context) => {
    const run = await KernelRun.open(gpu, context);
    for (const [index, named] of runnableChoices(run.gpu).flatMap(perTile).entries()) {
      const { name, choice } = named;
      const cases = layouts.flatMap((layout, at) => {
        const epilogue = epilogues[(index + at) % epilogues.length] ?? "store";
        return isSampled(named, index, at)
          ? [1, 2, 3, 4].map((n) => ({
              name,
              ...randomMatmulCase(layout, epilogue, choice, 100 * index + 10 * at + n),
            }))
          : [];
      });
      const edges = !isGpus(named) || isDefault(named) ? edgeCases(choice.interleave) : [];
      await eachCase([...cases, ...edges], (one) => checkMatmul(run, choice, one));
    }
  });

  // The first two tiles of each class: all of them are in the full tests, and those of `lanes` above.
  test("agrees with the reference on pairs of int8, in integers and in floats", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const tiles = runnableChoices(run.gpu, ["fast"]).map((named) => perTile(named));
    for (const [index, { name, choice }] of tiles.flatMap((all) => all.slice(0, 2)).entries()) {
      const cases = layouts.map((layout, at) => {
        const epilogue = (["store", "bias", "silu"] as const)[(index + at) % 3] ?? "store";
        return { name, ...randomMatmulCase(layout, epilogue, choice, 7000 + 100 * index + at) };
      });
      await eachCase([...cases, ...edgeCases(choice.interleave)], (one) => checkMatmul(run, choice, one));
    }
  });
});

function tileOf({ choice: { matmul } }: NamedChoice): MatmulTile {
  const [{ tile }] = matmul as readonly [Ranked<MatmulTile>];
  return tile;
}

function isSampled(named: NamedChoice, index: number, at: number): boolean {
  return (index + at) % (isGpus(named) ? layouts.length : 3) === 0;
}

/** A GPU's in the default numeric class, which has many tiles to choose among. */
function isGpus({ capabilities, choice }: NamedChoice): boolean {
  return !capabilities.software && choice.precision !== "exact";
}

/** By steps of one token, or of any number. */
function isDefault(named: NamedChoice): boolean {
  const { capabilities, choice } = named;
  const { matmul } = chooseKernels(capabilities, choice.precision);
  return [matmul[0], matmul.at(-1)].some((ranked) => ranked?.tile === tileOf(named));
}

/** What chance may leave out of a sample: the last word of a pair with an odd row, and the columns of a later slice. */
function edgeCases(interleave: number): MatmulCase[] {
  const common = { sliceRows: [interleave, 13], cols: 70, tokens: 3, seed: 1 };
  return [
    { ...common, layout: "q4", epilogue: "silu", margins: [0, 0] },
    { ...common, layout: "q4", epilogue: "bias", margins: [8, 1] },
  ];
}
