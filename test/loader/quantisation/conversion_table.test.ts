import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { packedWords, type WeightLayout } from "../../../src/loader/layout.ts";
import { type GgmlType, ggmlTypes } from "../../../src/loader/quantisation/ggml_types.ts";
import { packRows } from "../../../src/loader/quantisation/pack_rows.ts";
import { randomBlocks } from "../../harness/ggml_blocks.ts";
import { seededRandom } from "../../harness/random.ts";
import { dequantise } from "../../reference/dequantise.ts";
import { unpackLayout } from "../../reference/unpack_layout.ts";
import { conversionCost } from "./conversion_cost.ts";

/** Weights of a usual size: deviation 0.05. Rows and columns are whole bundles and whole blocks. */
const SHAPE = { rows: 32, cols: 1536, interleave: 8 };

function measure(type: GgmlType, layout: WeightLayout) {
  const bytes = randomBlocks(type, SHAPE.rows * SHAPE.cols, seededRandom(11), 0.05);
  const shape = { ...SHAPE, layout };
  const packed = packRows(type, bytes, shape);
  const { values } = unpackLayout(shape, packed.values, packed.scales);
  const expected = dequantise(type, bytes);
  const words = packedWords(shape);
  return {
    bits: ((words.values + words.scales) * 32) / values.length,
    largest: conversionCost(values, expected, SHAPE.cols),
    mean: rms(values.map((value, i) => value - (expected[i] ?? Number.NaN))) / rms(expected),
  };
}

const rms = (values: Float32Array) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
const figure = (error: number) => (error === 0 ? "0" : error.toExponential(1));

/** A type's line in docs/quantisation.md. */
function line(type: GgmlType): string {
  const { blockBytes, blockValues, layout } = ggmlTypes[type];
  const own = measure(type, layout);
  const cells = [
    type,
    String((blockBytes * 8) / blockValues),
    layout,
    String(own.bits),
    figure(own.largest),
    figure(own.mean),
    figure(measure(type, "q8m").largest),
    figure(measure(type, "f16").largest),
  ];
  return `| ${cells.join(" | ")} |`;
}

test.each(Object.keys(ggmlTypes) as GgmlType[])("docs/quantisation.md says what packing %s costs", (type) => {
  const file = new URL("../../../docs/quantisation.md", import.meta.url);
  expect(readFileSync(file, "utf8").split("\n")).toContain(line(type));
});
