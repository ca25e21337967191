/**
 * The canonical weight layouts: every GGUF type becomes one of five, so that one WGSL function each serves them all.
 *
 * A matrix [rows, cols] is cut along `cols` into groups of 32 (the last one padded with zeros) and along `rows` into
 * bundles of `interleave` rows (the last one padded with zero rows). One row's group is
 *
 * | layout | words of values (u32)                        | word of scales (two f16)        | value of q                |
 * |--------|----------------------------------------------|---------------------------------|---------------------------|
 * | q4     | 4: byte b is value b (low), b + 16 (high nibble) | low: scale, high: minimum   | scale * q + minimum       |
 * | q8     | 8: byte b is value b, signed                 | low: values 0–15, high: 16–31   | scale(half) * q           |
 * | q8m    | 8: byte b is value b, signed                 | low: scale, high: minimum       | scale * q + minimum       |
 * | f16    | 16: half-floats 2w (low), 2w + 1 (high)      | none                            | itself                    |
 * | f32    | 32                                           | none                            | itself                    |
 *
 * In memory, chunk c (4 words) of group k of row r of bundle b stands at vec4u index
 *   values[((b * groups + k) * chunks + c) * interleave + r],   scales[(b * groups + k) * interleave + r]
 * so `interleave` lanes, one per row, read neighbouring vec4u. A range of whole bundles is contiguous in both arrays.
 */
export type WeightLayout = "q4" | "q8" | "q8m" | "f16" | "f32";

/** Values per group along a row, in every layout. */
export const GROUP = 32;

/** Words (u32) one row's group takes: values and scales. */
export const layoutWords: Readonly<
  Record<WeightLayout, { readonly values: number; readonly scales: number }>
> = {
  q4: { values: 4, scales: 1 },
  q8: { values: 8, scales: 1 },
  q8m: { values: 8, scales: 1 },
  f16: { values: 16, scales: 0 },
  f32: { values: 32, scales: 0 },
};

/** A matrix's place in its two arrays. */
export interface PackedShape {
  readonly rows: number;
  readonly cols: number;
  readonly layout: WeightLayout;
  readonly interleave: number;
}

/** Sizes in u32 words of the two arrays of a packed matrix. */
export function packedWords({ rows, cols, layout, interleave }: PackedShape): {
  values: number;
  scales: number;
} {
  const groups = Math.ceil(rows / interleave) * interleave * Math.ceil(cols / GROUP);
  const words = layoutWords[layout];
  return { values: groups * words.values, scales: groups * words.scales };
}
