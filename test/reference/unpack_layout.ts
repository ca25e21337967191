import type { PackedShape } from "../../src/loader/layout.ts";
import { half } from "./dequantise.ts";

/**
 * A packed matrix's values [rows, cols], and those of the padding behind them, by the formulas at the head of
 * src/loader/layout.ts and nothing else.
 */
export function unpackLayout(
  shape: PackedShape,
  values: Uint32Array,
  scales: Uint32Array,
): { readonly values: Float32Array; readonly padding: Float32Array } {
  const { rows, cols, interleave } = shape;
  const groups = Math.ceil(cols / 32);
  const allRows = Math.ceil(rows / interleave) * interleave;
  const inside: number[] = [];
  const padding: number[] = [];
  for (let row = 0; row < allRows; row++)
    for (let col = 0; col < groups * 32; col++) {
      const value = valueAt(shape, groups, values, scales, row, col);
      (row < rows && col < cols ? inside : padding).push(value);
    }
  return { values: Float32Array.from(inside), padding: Float32Array.from(padding) };
}

function valueAt(
  { layout, interleave }: PackedShape,
  groups: number,
  values: Uint32Array,
  scales: Uint32Array,
  row: number,
  col: number,
): number {
  const chunks = { q4: 1, q8: 2, q8m: 2, f16: 4, f32: 8 }[layout];
  const b = Math.floor(row / interleave);
  const r = row % interleave;
  const k = Math.floor(col / 32);
  const v = col % 32;
  const word = (w: number): number => {
    const vec4 = ((b * groups + k) * chunks + Math.floor(w / 4)) * interleave + r;
    return values[vec4 * 4 + (w % 4)] ?? NaN;
  };
  const byte = (n: number): number => (word(Math.floor(n / 4)) >>> (8 * (n % 4))) & 255;
  const signed = (n: number): number => (byte(n) << 24) >> 24;
  const scaleWord = scales[(b * groups + k) * interleave + r] ?? NaN;
  const [first, second] = [half(scaleWord & 0xffff), half(scaleWord >>> 16)];
  switch (layout) {
    case "q4":
      return first * (v < 16 ? byte(v) & 15 : byte(v - 16) >> 4) + second;
    case "q8":
      return (v < 16 ? first : second) * signed(v);
    case "q8m":
      return first * signed(v) + second;
    case "f16":
      return half(v % 2 === 0 ? word(v >> 1) & 0xffff : word(v >> 1) >>> 16);
    case "f32":
      return new Float32Array(Uint32Array.of(word(v)).buffer)[0] ?? NaN;
  }
}
