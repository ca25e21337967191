import { test } from "vitest";
import { activationWords } from "../../src/kernels/activations.ts";
import { normStage } from "../../src/kernels/elementwise.ts";
import type { KernelChoice } from "../../src/kernels/variants.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { expectClose, tolerances } from "../harness/expect_close.ts";
import { normals, seededRandom } from "../harness/random.ts";
import { rmsNorm } from "../reference/kernels.ts";
import { runnableChoices } from "./choices.ts";
import { eachCase, expectUntouched, KernelRun } from "./kernel_run.ts";
import { activationsOf, integer, pairsOf } from "./random_data.ts";

interface NormCase {
  readonly hidden: number;
  /** Rows of x, and those that are asked for, in their order; undefined: all. */
  readonly tokens: number;
  readonly gather: readonly number[] | undefined;
  /** Deviation of x. */
  readonly size: number;
  readonly seed: number;
}

describeOnEveryAdapter("rms_norm", (gpu) => {
  const random = seededRandom(11);
  // Below a group of 32, at its edges, at the workgroup's 64 lanes of four values, beyond, and odd multiples of 4; last, more
  // groups than lanes.
  const widths = [4, 28, 32, 36, 252, 256, 260, 576, 2084, 4 * integer(random, 70, 400) + 4];
  const cases = widths.flatMap((hidden, seed): NormCase[] => {
    const tokens = integer(random, 1, 9);
    const gather = Array.from({ length: integer(random, 1, 6) }, () => integer(random, 0, tokens - 1));
    return [
      { hidden, tokens, gather: undefined, size: 1, seed },
      { hidden, tokens, gather, size: [1e-4, 1, 300][seed % 3] ?? 1, seed: seed + 100 },
    ];
  });

  test("agrees with the reference for any width, all rows or some", async (context) => {
    const run = await KernelRun.open(gpu, context);
    for (const normed of ["half", "float", "int8"] as const) {
      for (const { choice } of runnableChoices(run.gpu).slice(0, 1))
        await eachCase(cases, (one) => checkNorm(run, { ...choice, normed }, one));
    }
  });
});

async function checkNorm(run: KernelRun, choice: KernelChoice, one: NormCase): Promise<void> {
  const { hidden, tokens, gather, size, seed } = one;
  const random = seededRandom(seed);
  const eps = 1e-5;
  const x = normals(random, tokens * hidden, size);
  const gain = normals(random, hidden, 1);
  const rows = gather ?? Array.from({ length: tokens }, (_, row) => row);
  const stride = Math.ceil(hidden / 32) * 32;
  const { normed } = choice;
  const y = run.output((rows.length * stride * activationWords[normed]) / 32);
  const stage = await normStage(run.library, choice, {
    hidden,
    eps,
    x: run.input(x),
    gain: run.input(gain),
    y,
    ...(gather && { rows: run.input(Uint32Array.from(gather)) }),
  });
  await run.run([stage], gather ? { logitRows: rows.length } : { tokens });
  const words = await run.read(y);
  run.free();

  const results = rows.map((row) => rmsNorm(x.subarray(row * hidden, (row + 1) * hidden), gain, eps));
  if (normed === "int8") return expectPairs(words, results, stride);
  const actual = activationsOf(words, normed === "half");
  const tolerance = normed === "half" ? tolerances.f16 : tolerances.f32;
  for (const [at, expected] of results.entries())
    expectClose(actual.subarray(at * stride, at * stride + hidden), expected, tolerance);
  const perWord = normed === "half" ? 2 : 1;
  expectUntouched(
    words,
    (word) => word < (rows.length * stride) / perWord && (word * perWord) % stride < hidden,
  );
}

/** Each value to half a step of its group's largest, the padding zero, and the sums those of the values that stand there. */
function expectPairs(words: Uint32Array<ArrayBuffer>, results: readonly Float64Array[], stride: number) {
  const written = (results.length * stride * activationWords.int8) / 32;
  const { values, sums } = pairsOf(words.slice(0, written));
  for (const [at, result] of results.entries()) {
    const expected = new Float64Array(stride);
    expected.set(result);
    const largest = expected.map((_, i) => {
      const group = expected.subarray(i - (i % 32), i - (i % 32) + 32);
      return Math.max(...group.map(Math.abs));
    });
    expectClose(values.subarray(at * stride, (at + 1) * stride), expected, tolerances.pairs, largest);
  }
  const groups = Array.from(sums, (_, group) => [...values.subarray(32 * group, 32 * group + 32)]);
  expectClose(
    sums,
    groups.map((group) => group.reduce((sum, value) => sum + value, 0)),
    tolerances.f32,
    groups.map((group) => group.reduce((sum, value) => sum + Math.abs(value), 0)),
  );
  expectUntouched(words, (word) => word < written);
}
