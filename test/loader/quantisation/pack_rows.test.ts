import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WeightLayout } from "../../../src/loader/layout.ts";
import { type GgmlType, ggmlTypes } from "../../../src/loader/quantisation/ggml_types.ts";
import {
  commonLayout,
  PackScratch,
  packRows,
  toFloat32,
} from "../../../src/loader/quantisation/pack_rows.ts";
import { encodeBlocks, randomBlocks } from "../../harness/ggml_blocks.ts";
import { normals, seededRandom } from "../../harness/random.ts";
import { dequantise } from "../../reference/dequantise.ts";
import { unpackLayout } from "../../reference/unpack_layout.ts";
import { conversionCost, ownBound } from "./conversion_cost.ts";

const TYPES = Object.keys(ggmlTypes) as GgmlType[];
const ENCODED = TYPES.filter((type) => !type.endsWith("_K"));

/** The way there and back for random rows. */
function roundTrip(type: GgmlType, rows: number, cols: number, layout: WeightLayout, interleave: number) {
  const bytes = randomBlocks(type, rows * cols, seededRandom(rows * 1000 + cols + interleave));
  const shape = { rows, cols, layout, interleave };
  const packed = packRows(type, bytes, shape);
  return { ...unpackLayout(shape, packed.values, packed.scales), expected: dequantise(type, bytes) };
}

/** A few columns that fit the type: float types have rows of any length. */
const columnsOf = (type: GgmlType) => {
  const block = ggmlTypes[type].blockValues;
  return block === 1 ? [1, 31, 32, 33, 100] : [block, 3 * block];
};

test.each(TYPES)("the reference reads %s as the Python package gguf does", (type) => {
  const file = new URL("../../reference/quant_blocks.data.json", import.meta.url);
  const data: Record<string, { bytes: string; floats: string }> = JSON.parse(readFileSync(file, "utf8"));
  const bytes = Uint8Array.from(Buffer.from(data[type]?.bytes ?? "", "base64"));
  const floats = Uint8Array.from(Buffer.from(data[type]?.floats ?? "", "base64"));
  const expected = new Float32Array(floats.buffer);
  expect(expected.length).toBeGreaterThanOrEqual(96);
  expect(dequantise(type, bytes).map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
});

test.each(TYPES)("%s is read as floats exactly as it is defined", (type) => {
  const bytes = randomBlocks(type, 1536, seededRandom(7));
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  expect(toFloat32(type, shifted.subarray(1)).map((v) => v + 0)).toEqual(
    dequantise(type, bytes).map((v) => v + 0),
  );
});

describe.each(TYPES)("%s in its own layout", (type) => {
  const { layout } = ggmlTypes[type];
  const cases = [1, 4, 8, 32].flatMap((interleave) =>
    [1, 7, 8, 9].flatMap((rows) => columnsOf(type).map((cols) => ({ rows, cols, interleave }))),
  );

  test.each(cases)("holds the values of $rows rows of $cols, $interleave interleaved", (shape) => {
    const { values, padding, expected } = roundTrip(type, shape.rows, shape.cols, layout, shape.interleave);
    expect(values).toHaveLength(expected.length);
    expect(conversionCost(values, expected, shape.cols)).toBeLessThanOrEqual(ownBound[type]);
    expect(padding.every((value) => value === 0)).toBe(true);
  });
});

test("any shape and any layout holds what the type's own layout holds", () => {
  const shapes = fc.record({
    type: fc.constantFrom(...TYPES),
    layout: fc.constantFrom("q8m", "f16", "f32"),
    rows: fc.integer({ min: 1, max: 12 }),
    blocks: fc.integer({ min: 1, max: 4 }),
    interleave: fc.integer({ min: 1, max: 10 }),
  });
  fc.assert(
    fc.property(shapes, ({ type, layout, rows, blocks, interleave }) => {
      const cols = blocks * ggmlTypes[type].blockValues;
      const { values, expected } = roundTrip(type, rows, cols, layout, interleave);
      const lossyQ8m = layout === "q8m" && !ggmlTypes[type].exactInQ8m;
      const bound = { q8m: lossyQ8m ? 1 / 200 : ownBound[type], f16: 2 ** -11, f32: 0 }[layout];
      expect(conversionCost(values, expected, cols)).toBeLessThanOrEqual(bound);
    }),
    { numRuns: 150 },
  );
});

test.each(["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] as const)(
  "%s is widened to q8m without a change",
  (type) => {
    const { values, expected } = roundTrip(type, 9, 64, "q8m", 8);
    expect(conversionCost(values, expected, 64)).toBe(0);
  },
);

test.each(["q4", "q8", "q8m"] as const)(
  "floats become %s with an error of half a level at the most",
  (layout) => {
    const values = normals(seededRandom(3), 4 * 96, 1);
    const shape = { rows: 4, cols: 96, layout, interleave: 4 };
    const packed = packRows("F32", encodeBlocks("F32", values), shape);
    const back = unpackLayout(shape, packed.values, packed.scales).values;
    for (let group = 0; group < values.length; group += 32) {
      const wanted = values.slice(group, group + 32);
      const span = Math.max(...wanted) - Math.min(...wanted);
      const level = { q4: span / 15, q8: Math.max(...wanted.map(Math.abs)) / 127, q8m: span / 255 }[layout];
      // Scale and minimum are halves: up to 2^-11 of the largest value on top of the half level.
      const bound = level / 2 + 2 ** -10 * Math.max(...wanted.map(Math.abs));
      wanted.forEach((value, i) => {
        expect(Math.abs((back[group + i] ?? Number.NaN) - value)).toBeLessThanOrEqual(bound);
      });
    }
  },
);

test.each(ENCODED)("the tests' own encoder of %s comes near the floats", (type) => {
  const values = normals(seededRandom(5), 320, 1);
  const back = dequantise(type, encodeBlocks(type, values));
  const bound =
    { F32: 0, F16: 2 ** -10, BF16: 2 ** -8, Q8_0: 0.006 }[type as string] ??
    (type.startsWith("Q5") ? 0.09 : 0.18);
  expect(conversionCost(back, values, values.length)).toBeLessThanOrEqual(bound);
});

test("matrices of different types share the smallest layout that is as exact as their own", () => {
  expect(commonLayout(["Q4_1", "Q4_K", "Q4_0"])).toBe("q4");
  expect(commonLayout(["Q8_0", "Q6_K"])).toBe("q8");
  expect(commonLayout(["Q4_1", "Q8_0", "Q5_K"])).toBe("q8m");
  expect(commonLayout(["Q4_K", "Q6_K"])).toBe("f16");
  expect(commonLayout(["BF16", "F16"])).toBe("f16");
  expect(commonLayout(["Q4_1", "F32"])).toBe("f32");
});

test("bytes that are not whole rows are refused", () => {
  const shape = { rows: 2, cols: 32, layout: "q4", interleave: 1 } as const;
  expect(() => packRows("Q4_1", new Uint8Array(39), shape)).toThrow(RangeError);
});

test("arrays that are used again hold nothing of what was there", () => {
  const scratch = new PackScratch();
  const random = seededRandom(9);
  for (const [rows, cols] of [
    [16, 96],
    [3, 40],
    [8, 33],
    [1, 1],
  ] as const) {
    const bytes = randomBlocks("F16", rows * cols, random);
    const shape = { rows, cols, layout: "f16", interleave: 8 } as const;
    expect(packRows("F16", bytes, shape, scratch)).toEqual(packRows("F16", bytes, shape));
  }
});
