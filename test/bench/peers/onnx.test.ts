import { expect, test } from "vitest";
import { buildModel } from "../../../bench/peers/onnx/graph.mjs";
import { headHalves, repackQ4, repackQ8 } from "../../../bench/peers/onnx/repack.mjs";
import { floatToHalf, halfToFloat } from "../../../src/loader/half.ts";
import { randomBlocks } from "../../harness/ggml_blocks.ts";
import { seededRandom } from "../../harness/random.ts";
import { dequantise } from "../../reference/dequantise.ts";

type Quantised = ReturnType<typeof repackQ4>;

/** What MatMulNBits takes a packed matrix for: scale * (value - zero point), by its definition. */
function values({ rows, cols, bits, values, scales, zeros }: Quantised): number[] {
  const perRow = cols / 32;
  const nibble = (bytes: Uint8Array, at: number) => ((bytes[at >> 1] ?? 0) >> (4 * (at & 1))) & 15;
  return Array.from({ length: rows * cols }, (_, at) => {
    const block = Math.floor(at / 32);
    const row = Math.floor(at / cols);
    const zero = zeros ? nibble(zeros, row * 2 * Math.ceil(perRow / 2) + (block % perRow)) : 2 ** (bits - 1);
    const value = bits === 4 ? nibble(values, at) : (values[at] ?? 0);
    return (scales[block] ?? 0) * (value - zero);
  });
}

test("Q8_0 is the same weights", () => {
  const bytes = Buffer.from(randomBlocks("Q8_0", 6 * 96, seededRandom(1)));
  expect(values(repackQ8(bytes, 6, 96))).toEqual([...dequantise("Q8_0", bytes)]);
});

// Blocks a row: odd as well, since two zero points share a byte.
test.each([2, 3])("Q4_1 is within half a step of the same weights (%d blocks a row)", (blocks) => {
  const [rows, cols] = [5, 32 * blocks];
  const bytes = Buffer.from(randomBlocks("Q4_1", rows * cols, seededRandom(2)));
  const expected = dequantise("Q4_1", bytes);
  const packed = values(repackQ4(bytes, rows, cols));
  for (let block = 0; block < rows * blocks; block++) {
    const step = halfToFloat(bytes.readUInt16LE(20 * block));
    const squares = packed
      .slice(32 * block, 32 * (block + 1))
      .map((value, at) => (value - (expected[32 * block + at] ?? 0)) ** 2);
    const error = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / 32);
    expect(error).toBeLessThanOrEqual(step / 2);
  }
});

test.each([
  ["whose zero is a value", 0.5, -3.5],
  ["of one value", 0, -0.75],
  ["of zeros", 0, 0],
])("a Q4_1 block %s is exact", (_, scale, minimum) => {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16LE(floatToHalf(scale), 0);
  bytes.writeUInt16LE(floatToHalf(minimum), 2);
  for (let at = 0; at < 16 && scale > 0; at++) bytes[4 + at] = at | ((15 - at) << 4);
  // Where -0 is 0.
  const packed = values(repackQ4(bytes, 1, 32)).map((value) => value + 0);
  expect(packed).toEqual([...dequantise("Q4_1", bytes)].map((value) => value + 0));
});

test("rows of heads go from pairs side by side to halves", () => {
  expect(Array.from({ length: 12 }, (_, row) => headHalves(6)(row))).toEqual([
    0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11,
  ]);
  const bytes = Buffer.from(randomBlocks("Q4_1", 4 * 32, seededRandom(3)));
  const [inOrder, moved] = [repackQ4(bytes, 4, 32), repackQ4(bytes, 4, 32, headHalves(4))];
  const row = (matrix: Quantised, at: number) => values(matrix).slice(32 * at, 32 * (at + 1));
  expect([0, 1, 2, 3].map((at) => row(moved, at))).toEqual([0, 2, 1, 3].map((at) => row(inOrder, at)));
});

interface Node {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
}
interface Named {
  readonly name: string;
}
interface Model {
  readonly graph: {
    readonly node: readonly Node[];
    readonly initializer: readonly Named[];
    readonly input: readonly Named[];
    readonly output: readonly Named[];
  };
}

test("every value of the graph is made once, and before it is used", () => {
  const matrix = () => repackQ8(Buffer.alloc(2 * 34), 1, 64);
  const shape = { layers: 2, hidden: 64, heads: 2, kvHeads: 1, headDim: 32, vocab: 8 };
  const gain = () => new Float32Array(64);
  const { graph } = buildModel({ ...shape, epsilon: 1e-5, ropeBase: 10000, gain, matrix }) as Model;
  const known = [...graph.input, ...graph.initializer].map(({ name }) => name);
  for (const { input, output } of graph.node) {
    expect(input.filter((name) => !known.includes(name))).toEqual([]);
    known.push(...output.filter((name) => name !== ""));
  }
  expect(new Set(known).size).toBe(known.length);
  expect(graph.output.filter(({ name }) => !known.includes(name))).toEqual([]);
  const products = graph.node.filter(({ opType }) => opType === "MatMulNBits");
  expect(products).toHaveLength(2 * 7 + 1);
});
