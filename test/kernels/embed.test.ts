import { test } from "vitest";
import { embedStage, FED } from "../../src/kernels/elementwise.ts";
import type { KernelChoice } from "../../src/kernels/variants.ts";
import type { WeightLayout } from "../../src/loader/layout.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { expectClose, tolerances } from "../harness/expect_close.ts";
import { seededRandom } from "../harness/random.ts";
import { runnableChoices } from "./choices.ts";
import { eachCase, expectUntouched, KernelRun } from "./kernel_run.ts";
import { integer, layouts, randomMatrix } from "./random_data.ts";

interface EmbedCase {
  readonly layout: WeightLayout;
  readonly hidden: number;
  /** Rows of each slice of the vocabulary; all but the last are whole bundles. */
  readonly sliceRows: readonly number[];
  /** Slices that are run; tokens of the others must keep their rows of x. */
  readonly run: readonly number[];
  readonly tokens: readonly number[];
  readonly seed: number;
}

describeOnEveryAdapter("embed", (gpu) => {
  test("gives each token its row in every layout, and leaves tokens of other slices alone", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const interleaves = new Set(runnableChoices(run.gpu).map(({ choice }) => choice.interleave));
    for (const interleave of interleaves) {
      for (const { choice } of runnableChoices(run.gpu)
        .filter((each) => each.choice.interleave === interleave)
        .slice(0, 1))
        await eachCase(
          layouts.flatMap((layout, at) => casesOf(layout, interleave, at)),
          (one) => checkEmbed(run, choice, one),
        );
    }
  });
});

function casesOf(layout: WeightLayout, interleave: number, seed: number): EmbedCase[] {
  const random = seededRandom(seed);
  return [4, 32, 100, 576, 2052].map((hidden, at) => {
    const sliceRows = [interleave * integer(random, 1, 3), interleave, integer(random, 1, 2 * interleave)];
    const vocab = sliceRows.reduce((sum, rows) => sum + rows, 0);
    const [first = 0, second = 0] = sliceRows;
    const edges = [0, first - 1, first, first + second - 1, first + second, vocab - 1];
    const others = Array.from({ length: 5 }, () => integer(random, 0, vocab - 1));
    return {
      layout,
      hidden,
      sliceRows,
      run: at % 2 === 0 ? [0, 1, 2] : [1],
      tokens: [...edges, ...others],
      seed: at,
    };
  });
}

async function checkEmbed(run: KernelRun, choice: KernelChoice, one: EmbedCase): Promise<void> {
  const { layout, hidden, sliceRows, tokens } = one;
  const random = seededRandom(one.seed);
  const x = run.output(tokens.length * hidden);
  // Every other token comes by way of the step before, in the opposite order.
  const words = tokens.map((token, at) => (at % 2 === 0 ? token : FED + tokens.length - 1 - at));
  const sampled = run.input(Uint32Array.from(tokens).reverse());
  const buffers = { tokens: run.input(Uint32Array.from(words)), sampled, x };
  let firstRow = 0;
  const slices = sliceRows.map((rows) => {
    const matrix = randomMatrix({ rows, cols: hidden, layout, interleave: choice.interleave }, random);
    const slice = { rows, firstRow, ...matrix };
    firstRow += rows;
    return slice;
  });
  const stages = one.run
    .flatMap((index) => slices[index] ?? [])
    .map((slice) =>
      embedStage(run.library, choice, {
        layout,
        hidden,
        groups: Math.ceil(hidden / 32),
        firstRow: slice.firstRow,
        rows: slice.rows,
        values: run.input(slice.values),
        scales: slice.scales.length > 0 ? run.input(slice.scales) : undefined,
        ...buffers,
      }),
    );
  await run.run(await Promise.all(stages), { tokens: tokens.length });
  const bits = await run.read(x);
  run.free();

  const actual = new Float32Array(bits.buffer);
  const written = tokens.map((token) => {
    const index = slices.findIndex((slice) => token < slice.firstRow + slice.rows);
    const slice = slices[index];
    return slice && one.run.includes(index)
      ? slice.numbers.subarray((token - slice.firstRow) * hidden).subarray(0, hidden)
      : undefined;
  });
  for (const [at, row] of written.entries()) {
    if (row) expectClose(actual.subarray(at * hidden, (at + 1) * hidden), row, tolerances.f32);
  }
  expectUntouched(bits, (word) => written[Math.floor(word / hidden)] !== undefined);
}
