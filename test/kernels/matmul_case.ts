import { inputFormat } from "../../src/kernels/activations.ts";
import { matmulStage, type WeightSlice } from "../../src/kernels/matmul.ts";
import { type MatmulEpilogue, type MatmulTile, matmulKernels } from "../../src/kernels/matmul_kernels.ts";
import { type KernelChoice, paddedTokens, type Ranked } from "../../src/kernels/variants.ts";
import type { WeightLayout } from "../../src/loader/layout.ts";
import { expectClose, tolerances } from "../harness/expect_close.ts";
import { normals, type Random, seededRandom } from "../harness/random.ts";
import { product, silu } from "../reference/kernels.ts";
import { expectUntouched, type KernelRun } from "./kernel_run.ts";
import { activationsOf, integer, type RandomMatrix, randomActivations, randomMatrix } from "./random_data.ts";

export const epilogues: readonly MatmulEpilogue[] = ["store", "bias", "residual", "silu"];

export interface MatmulCase {
  readonly layout: WeightLayout;
  readonly epilogue: MatmulEpilogue;
  /** Rows of each slice; all but the last are whole bundles. */
  readonly sliceRows: readonly number[];
  readonly cols: number;
  readonly tokens: number;
  /** Columns of y before and behind the product's own. */
  readonly margins: readonly [number, number];
  readonly seed: number;
}

/** Shapes that are no multiple of anything, and those around the sizes of tiles, workgroups and groups. */
export function randomMatmulCase(
  layout: WeightLayout,
  epilogue: MatmulEpilogue,
  choice: KernelChoice,
  seed: number,
): MatmulCase {
  const random = seededRandom(seed);
  const { interleave, matmul } = choice;
  const [{ tile }] = matmul as readonly [Ranked<MatmulTile>];
  const { tokens: tokensOf, rows: rowsOf } = matmulKernels[tile.kernel];
  const around = (size: number) => Math.max(1, size + integer(random, -1, 1));
  const lastRows = [
    1,
    around(interleave),
    around(tile.workgroup),
    around(rowsOf(tile)),
    integer(random, 1, 90),
  ];
  const whole = Array.from({ length: integer(random, 0, 2) }, () => interleave * integer(random, 1, 5));
  const cols = [1, around(32), around(64), integer(random, 2, 300)];
  const tokens = [1, around(tokensOf(tile)), around(2 * tokensOf(tile)), integer(random, 1, 21)];
  const from = (sizes: readonly number[]) => sizes[integer(random, 0, sizes.length - 1)] ?? 1;
  const before = epilogue === "silu" ? 0 : 8 * integer(random, 0, 2);
  return {
    layout,
    epilogue,
    sliceRows: [...whole, from(lastRows)],
    cols: from(cols),
    tokens: from(tokens),
    margins: [before, integer(random, 0, 3)],
    seed,
  };
}

interface Slice {
  readonly bound: WeightSlice;
  /** [rows, cols] of the matrix, or of gate, and of up. */
  readonly matrices: readonly Float32Array[];
}

/** Runs a product and compares it, value by value, with the reference; also every word that it had to leave alone. */
export async function checkMatmul(run: KernelRun, choice: KernelChoice, one: MatmulCase): Promise<void> {
  const { epilogue, cols, tokens, sliceRows, margins } = one;
  const random = seededRandom(one.seed);
  const halves = choice.activations === "half";
  const format = inputFormat(choice, epilogue);
  const x = randomActivations({ rows: tokens, cols, paddedRows: paddedTokens(tokens), format }, random);
  const halfMath = choice.matmul.find(({ upToTokens }) => tokens <= upToTokens)?.tile.arithmetic === "f16";
  const slices = makeSlices(run, choice, one, random);
  const rows = sliceRows.reduce((sum, each) => sum + each, 0);
  const pair = epilogue === "silu";
  const outStride = pair ? Math.ceil(rows / 32) * 32 : margins[0] + rows + margins[1];
  const bias = normals(random, outStride, 1);
  const before = normals(random, tokens * outStride, 1);
  const y = epilogue === "residual" ? run.input(before) : run.output(tokens * outStride);
  const request = {
    label: "product",
    epilogue,
    x: run.input(x.words),
    y,
    outStride,
    ...(epilogue === "bias" && { bias: run.input(bias) }),
    count: run.uniform(tokens),
    rowsOf: (counts: { readonly tokens: number }) => counts.tokens,
  };
  const stages = await Promise.all(
    slices.map(({ bound }) => matmulStage(run.library, choice, { ...request, slice: bound })),
  );
  await run.run(stages, { tokens });
  const words = await run.read(y);
  run.free();

  for (const { bound, matrices } of slices) {
    const { rows, outOffset } = bound;
    const found = activationsOf(words, pair && halves);
    const actual = columns(found, tokens, outStride, outOffset, rows);
    const sums = matrices.map((matrix) => product(x.numbers, matrix, cols));
    const [first, second] = sums;
    if (!first) throw new Error("a slice has a matrix");
    if (pair && second) {
      const expected = first.sums.map((gate, i) => silu(gate) * (second.sums[i] ?? 0));
      // The slope of silu is at most 1.1, so that an error of gate's sum comes through times up, and up's times silu(gate).
      const magnitudes = first.magnitudes.map((magnitude, i) => {
        const [gate, up] = [first.sums[i] ?? 0, second.sums[i] ?? 0];
        return 1.1 * magnitude * Math.abs(up) + Math.abs(silu(gate)) * (second.magnitudes[i] ?? 0);
      });
      if (halfMath)
        expectClose(
          actual,
          expected,
          tolerances.f16Sum,
          magnitudes.map((each, i) => each + Math.abs(expected[i] ?? 0)),
        );
      else expectClose(actual, expected, tolerances.f32Silu, roundedMagnitudes(magnitudes, expected, halves));
    } else {
      const added = first.sums.map((_, i) => {
        const [token, column] = [Math.floor(i / rows), outOffset + (i % rows)];
        return epilogue === "bias"
          ? (bias[column] ?? 0)
          : epilogue === "residual"
            ? (before[token * outStride + column] ?? 0)
            : 0;
      });
      const magnitudes = first.magnitudes.map((magnitude, i) => magnitude + Math.abs(added[i] ?? 0));
      expectClose(
        actual,
        first.sums.map((sum, i) => sum + (added[i] ?? 0)),
        halfMath ? tolerances.f16Sum : tolerances.f32Sum,
        magnitudes,
      );
    }
  }
  const own = (column: number) => column >= margins[0] && column < margins[0] + rows;
  if (pair && halves) {
    // Where the number of rows is odd, the other half of the last word is padding, and zero.
    if (rows % 2 === 1)
      expectClose(
        columns(activationsOf(words, true), tokens, outStride, rows, 1),
        new Float32Array(tokens),
        tolerances.exact,
      );
    expectUntouched(words, (word) => word < (tokens * outStride) / 2 && (word * 2) % outStride < rows);
  } else if (epilogue === "residual") {
    const kept = new Float32Array(words.buffer, 0, tokens * outStride);
    const outside = (_: number, i: number) => !own(i % outStride);
    expectClose(kept.filter(outside), before.filter(outside), tolerances.exact);
    expectUntouched(words, (word) => word < tokens * outStride);
  } else {
    expectUntouched(words, (word) => word < tokens * outStride && own(word % outStride));
  }
}

/** What silu's tolerance refers to: with 16-bit results also their rounding, 2^-11 of the value, beside the 1e-5 it states. */
function roundedMagnitudes(magnitudes: Float64Array, values: Float64Array, halves: boolean): Float64Array {
  const share = tolerances.f16Silu.relative / tolerances.f32Silu.relative;
  return halves ? magnitudes.map((each, i) => each + share * Math.abs(values[i] ?? 0)) : magnitudes;
}

function makeSlices(run: KernelRun, choice: KernelChoice, one: MatmulCase, random: Random): Slice[] {
  const { layout, cols, epilogue, sliceRows, margins } = one;
  const { interleave } = choice;
  let outOffset = margins[0];
  return sliceRows.map((rows) => {
    const shape = { rows, cols, layout, interleave };
    const parts = Array.from({ length: epilogue === "silu" ? 2 : 1 }, () => randomMatrix(shape, random));
    const joined = (pick: (part: RandomMatrix) => Uint32Array) =>
      Uint32Array.from(parts.flatMap((part) => [...pick(part)]));
    const scales = joined((part) => part.scales);
    const bound: WeightSlice = {
      layout,
      groups: Math.ceil(cols / 32),
      rows,
      halfRows: epilogue === "silu" ? Math.ceil(rows / interleave) * interleave : 0,
      outOffset,
      values: run.input(joined((part) => part.values)),
      scales: scales.length > 0 ? run.input(scales) : undefined,
    };
    outOffset += rows;
    return { bound, matrices: parts.map((part) => part.numbers) };
  });
}

/** [tokens, rows] out of [tokens, stride], from a column on. */
function columns(
  values: Float32Array,
  tokens: number,
  stride: number,
  from: number,
  rows: number,
): Float32Array {
  const out = new Float32Array(tokens * rows);
  for (let t = 0; t < tokens; t++)
    out.set(values.subarray(t * stride + from, t * stride + from + rows), t * rows);
  return out;
}
