import { GROUP, layoutWords, type PackedShape, packedWords, type WeightLayout } from "../layout.ts";
import { groupEncoders } from "./encode_group.ts";
import { type GgmlType, ggmlTypes, rowBytes } from "./ggml_types.ts";

/** Rows in a canonical layout, indexed as layout.ts says. */
export interface PackedRows {
  readonly values: Uint32Array;
  /** Empty in layouts without scales. */
  readonly scales: Uint32Array;
}

/** Arrays that grow to the largest piece and are used again: a load of many pieces leaves no garbage behind. */
export class PackScratch {
  #values = new Uint32Array(0);
  #scales = new Uint32Array(0);

  /** Views of so many words, holding whatever was there; they are valid until the next call. */
  take(words: { readonly values: number; readonly scales: number }): PackedRows {
    if (this.#values.length < words.values) this.#values = new Uint32Array(words.values);
    if (this.#scales.length < words.scales) this.#scales = new Uint32Array(words.scales);
    return { values: this.#values.subarray(0, words.values), scales: this.#scales.subarray(0, words.scales) };
  }
}

/**
 * Packs whole rows of a GGML type, beginning at a bundle's boundary, into a canonical layout: the type's own
 * (`ggmlTypes[type].layout`) at the speed of copying, or another when matrices of different types become one product.
 * The last bundle is filled up with zero rows, the last group of a row with zeros.
 * @param scratch where to put them; by default arrays of their own. The result is views of its arrays.
 * @throws RangeError when `bytes` are not exactly `rows` rows of `cols` values.
 */
export function packRows(
  type: GgmlType,
  bytes: Uint8Array,
  shape: PackedShape,
  scratch: PackScratch = new PackScratch(),
): PackedRows {
  const { rows, cols, layout, interleave } = shape;
  const stepBytes = rowBytes(type, cols);
  if (bytes.byteLength !== rows * stepBytes)
    throw new RangeError(`${rows} rows of ${cols} ${type} values are not ${bytes.byteLength} bytes`);
  const { values, scales } = scratch.take(packedWords(shape));
  if (rows % interleave !== 0) {
    values.fill(0);
    scales.fill(0);
  }
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const convert = groupConverter(type, layout);
  const groups = Math.ceil(cols / GROUP);
  const groupWords = layoutWords[layout].values;
  const words = new Uint32Array(GROUP);
  for (let row = 0; row < rows; row++) {
    const lane = row % interleave;
    const bundle = (row - lane) / interleave;
    for (let group = 0; group < groups; group++) {
      const count = Math.min(GROUP, cols - group * GROUP);
      if (count < GROUP) words.fill(0);
      const scale = convert(source, row * stepBytes, group, count, words);
      const place = bundle * groups + group;
      if (scales.length > 0) scales[place * interleave + lane] = scale;
      let to = (place * (groupWords >> 2) * interleave + lane) * 4;
      for (let w = 0; w < groupWords; w += 4, to += interleave * 4) {
        values[to] = words[w] ?? 0;
        values[to + 1] = words[w + 1] ?? 0;
        values[to + 2] = words[w + 2] ?? 0;
        values[to + 3] = words[w + 3] ?? 0;
      }
    }
  }
  return { values, scales };
}

/** All values of whole blocks, exactly as GGML defines them: for norms, biases and whatever is read on the CPU. */
export function toFloat32(type: GgmlType, bytes: Uint8Array): Float32Array {
  const { blockValues, blockBytes, format } = ggmlTypes[type];
  const values = new Float32Array((bytes.byteLength / blockBytes) * blockValues);
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < values.length; at += GROUP)
    format.unpack(source, 0, at / GROUP, Math.min(GROUP, values.length - at), values, at);
  return values;
}

/**
 * The smallest layout that holds matrices of these types as exactly as their own layouts do (halves stand for
 * quantised values to 2^-11): what they take when fused into one product.
 */
export function commonLayout(types: readonly GgmlType[]): WeightLayout {
  const own = types.map((type) => ggmlTypes[type].layout);
  const first = own[0] ?? "f32";
  if (own.every((layout) => layout === first)) return first;
  if (types.every((type) => ggmlTypes[type].exactInQ8m)) return "q8m";
  return own.includes("f32") ? "f32" : "f16";
}

type GroupConverter = (
  source: DataView,
  row: number,
  group: number,
  count: number,
  words: Uint32Array,
) => number;

function groupConverter(type: GgmlType, layout: WeightLayout): GroupConverter {
  const { format, layout: own, exactInQ8m } = ggmlTypes[type];
  if (layout === own) return format.pack;
  if (layout === "q8m" && exactInQ8m) {
    return (source, row, group, count, words) => {
      const scale = format.pack(source, row, group, count, words);
      // Layout q8 repeats the scale where q8m has the minimum, which is zero.
      if (own === "q8") return scale & 0xffff;
      nibblesToBytes(words);
      return scale;
    };
  }
  const encode = groupEncoders[layout];
  const floats = new Float32Array(GROUP);
  return (source, row, group, count, words) => {
    if (count < GROUP) floats.fill(0);
    format.unpack(source, row, group, count, floats, 0);
    return encode(floats, words);
  };
}

/** Four words of q4 to eight of q8m, in place. */
function nibblesToBytes(words: Uint32Array): void {
  for (let w = 0; w < 4; w++) {
    const word = words[w] ?? 0;
    words[w + 4] = (word >>> 4) & 0x0f0f0f0f;
    words[w] = word & 0x0f0f0f0f;
  }
}
