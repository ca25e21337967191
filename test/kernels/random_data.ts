import type { ActivationFormat } from "../../src/kernels/activations.ts";
import { floatToHalf } from "../../src/loader/half.ts";
import {
  GROUP,
  layoutWords,
  type PackedShape,
  packedWords,
  type WeightLayout,
} from "../../src/loader/layout.ts";
import { normals, type Random } from "../harness/random.ts";
import { half } from "../reference/dequantise.ts";
import { unpackLayout } from "../reference/unpack_layout.ts";
import { POISON } from "./kernel_run.ts";

/** A group of 32 pairs of int8 with its scale and sum. */
const PAIR_WORDS = 18;

export const layouts: readonly WeightLayout[] = ["q4", "q8", "q8m", "f16", "f32"];

/** A whole number in [low, high]. */
export function integer(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[integer(random, 0, from.length - 1)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

/** 0 … count - 1 in random order. */
export function shuffled(random: Random, count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = integer(random, 0, i);
    const [a, b] = [order[i] ?? 0, order[j] ?? 0];
    order[i] = b;
    order[j] = a;
  }
  return order;
}

export interface RandomMatrix {
  readonly values: Uint32Array<ArrayBuffer>;
  readonly scales: Uint32Array<ArrayBuffer>;
  /** What the layout's definition makes of them: [rows, cols]. */
  readonly numbers: Float32Array;
}

/**
 * A packed matrix of random bits: every quantised value occurs, and so do negative scales. The rows that fill up the last bundle
 * are NaN where the layout can say so, since no kernel may let them show.
 */
export function randomMatrix(shape: PackedShape, random: Random): RandomMatrix {
  const sizes = packedWords(shape);
  const values = randomValues(shape.layout, sizes.values, random);
  const scales = Uint32Array.from({ length: sizes.scales }, () => randomScales(shape.layout, random));
  poisonPaddingRows(shape, values, scales);
  return { values, scales, numbers: unpackLayout(shape, values, scales).values };
}

function randomValues(layout: WeightLayout, words: number, random: Random): Uint32Array<ArrayBuffer> {
  if (layout === "f32") return new Uint32Array(normals(random, words, 1).buffer as ArrayBuffer);
  if (layout === "f16") return packHalves(normals(random, words * 2, 1));
  return Uint32Array.from({ length: words }, () => random() * 2 ** 32);
}

/** Such that values of every layout are of about the same size as f16's and f32's. */
function randomScales(layout: WeightLayout, random: Random): number {
  const deviation = layout === "q4" ? 0.1 : 0.01;
  const [low = 0, high = 0] = normals(random, 2, deviation);
  return (floatToHalf(low) | (floatToHalf(layout === "q8" ? high : high * 8) << 16)) >>> 0;
}

function poisonPaddingRows(
  { rows, cols, layout, interleave }: PackedShape,
  values: Uint32Array,
  scales: Uint32Array,
): void {
  const groups = Math.ceil(cols / GROUP);
  const chunks = layoutWords[layout].values / 4;
  const bundle = Math.floor((rows - 1) / interleave);
  for (let lane = ((rows - 1) % interleave) + 1; lane < interleave; lane++) {
    for (let group = 0; group < groups; group++) {
      const place = bundle * groups + group;
      if (scales.length > 0) scales[place * interleave + lane] = POISON;
      for (let c = 0; c < chunks; c++) {
        const at = ((place * chunks + c) * interleave + lane) * 4;
        values.fill(POISON, at, at + 4);
      }
    }
  }
}

/** Activations [rows, cols], as kernels read them: rows padded with zeros to a multiple of 32. */
export interface RandomActivations {
  readonly words: Uint32Array<ArrayBuffer>;
  /** [rows, cols], rounded as they are stored. */
  readonly numbers: Float32Array;
}

/** `paddedRows` rows are stored; those behind `rows` hold NaN. */
export function randomActivations(
  {
    rows,
    cols,
    paddedRows,
    format,
  }: { rows: number; cols: number; paddedRows: number; format: ActivationFormat },
  random: Random,
): RandomActivations {
  const stride = Math.ceil(cols / GROUP) * GROUP;
  const numbers = normals(random, rows * cols, 1);
  if (format === "int8") return pairActivations(numbers, cols, stride, paddedRows);
  const halves = format === "half";
  const stored = new Float32Array(paddedRows * stride).fill(Number.NaN, rows * stride);
  for (let i = 0; i < numbers.length; i++) {
    const rounded = halves ? half(floatToHalf(numbers[i] ?? 0)) : (numbers[i] ?? 0);
    numbers[i] = rounded;
    stored[Math.floor(i / cols) * stride + (i % cols)] = rounded;
  }
  return { words: halves ? packHalves(stored) : new Uint32Array(stored.buffer), numbers };
}

/** Pairs of int8 whose groups have any scale, as large as their numbers need; the padding is zero, or NaN by its scale. */
function pairActivations(
  numbers: Float32Array,
  cols: number,
  stride: number,
  paddedRows: number,
): RandomActivations {
  const rowWords = (stride / GROUP) * PAIR_WORDS;
  const words = new Uint32Array(paddedRows * rowWords).fill(POISON, (numbers.length / cols) * rowWords);
  const view = new DataView(words.buffer);
  for (let first = 0; first < numbers.length; first += cols) {
    for (let from = 0; from < cols; from += GROUP) {
      const group = numbers.subarray(first + from, first + Math.min(cols, from + GROUP));
      const scale = Math.fround(Math.max(...group.map(Math.abs)) / 32512);
      const at = 4 * ((first / cols) * rowWords + (from / GROUP) * PAIR_WORDS);
      let sum = 0;
      for (const [i, value] of group.entries()) {
        const q = Math.max(-32512, Math.min(32512, Math.round(value / scale)));
        const high = Math.floor((q + 128) / 256);
        const byte = at + 8 * Math.floor(i / 4) + (i % 4);
        view.setInt8(byte, high);
        view.setInt8(byte + 4, q - 256 * high);
        group[i] = q * scale;
        sum += q * scale;
      }
      view.setFloat32(at + 64, scale, true);
      view.setFloat32(at + 68, sum, true);
    }
  }
  return { words, numbers };
}

/** Values [groups * 32] out of pairs of int8, and the sums that stand with the groups. */
export function pairsOf(words: Uint32Array<ArrayBuffer>): { values: Float32Array; sums: Float32Array } {
  const groups = Math.floor(words.length / PAIR_WORDS);
  const view = new DataView(words.buffer, words.byteOffset);
  const values = Float32Array.from({ length: groups * GROUP }, (_, i) => {
    const at = 4 * PAIR_WORDS * Math.floor(i / GROUP);
    const byte = at + 8 * Math.floor((i % GROUP) / 4) + (i % 4);
    return (256 * view.getInt8(byte) + view.getInt8(byte + 4)) * view.getFloat32(at + 64, true);
  });
  const sums = Float32Array.from({ length: groups }, (_, group) =>
    view.getFloat32(4 * PAIR_WORDS * group + 68, true),
  );
  return { values, sums };
}

/** Two 16-bit floats per word, the first one low. */
export function packHalves(values: Float32Array): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: values.length / 2 }, (_, word) => {
    return (floatToHalf(values[2 * word] ?? 0) | (floatToHalf(values[2 * word + 1] ?? 0) << 16)) >>> 0;
  });
}

/** Activations as a kernel wrote them: 32-bit floats, or 16-bit ones two to a word. */
export function activationsOf(words: Uint32Array<ArrayBuffer>, halves: boolean): Float32Array {
  if (!halves) return new Float32Array(words.buffer, words.byteOffset, words.length);
  return Float32Array.from({ length: words.length * 2 }, (_, i) => {
    const word = words[i >> 1] ?? 0;
    return half(i % 2 === 0 ? word & 0xffff : word >>> 16);
  });
}
