/**
 * GGML's quantised types read value by value, straight from their definitions (block structs and
 * `dequantize_row_*` of ggml), slowly and plainly: the measure for everything that packs or multiplies them. Shares no code with src/.
 */

export type ReferenceType =
  | "F32"
  | "F16"
  | "BF16"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K";

interface Definition {
  readonly values: number;
  readonly bytes: number;
  /** Value `i` of the block `b`. */
  value(b: Uint8Array, i: number): number;
}

/** All values of whole blocks, rounded once, to 32 bits. */
export function dequantise(type: ReferenceType, bytes: Uint8Array): Float32Array {
  const { values, bytes: blockBytes, value } = definitions[type];
  const result = new Float32Array((bytes.length / blockBytes) * values);
  for (let at = 0; at < result.length; at++) {
    const block = Math.floor(at / values);
    result[at] = value(bytes.subarray(block * blockBytes, (block + 1) * blockBytes), at % values);
  }
  return result;
}

/** A binary16 float, by the words of IEEE 754. */
export function half(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = bits % 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

const u8 = (b: Uint8Array, at: number): number => b[at] ?? NaN;
const i8 = (b: Uint8Array, at: number): number => (u8(b, at) << 24) >> 24;
const halfAt = (b: Uint8Array, at: number): number => half(u8(b, at) + 256 * u8(b, at + 1));
const low = (byte: number): number => byte % 16;
const high = (byte: number): number => Math.floor(byte / 16);
const bit = (byte: number, n: number): number => Math.floor(byte / 2 ** n) % 2;

/** Values 0 to 15 in the low nibbles of 16 bytes, 16 to 31 in the high ones. */
const nibble = (b: Uint8Array, qs: number, i: number): number =>
  i < 16 ? low(u8(b, qs + i)) : high(u8(b, qs + i - 16));
/** The same with bit i of 4 bytes as the fifth. */
const fiveBits = (b: Uint8Array, qh: number, qs: number, i: number): number =>
  nibble(b, qs, i) + 16 * bit(u8(b, qh + Math.floor(i / 8)), i % 8);

/** Scale and minimum of sub-block `j`, six bits each, as ggml's `get_scale_min_k4` has them. */
function kScaleMin(b: Uint8Array, at: number, j: number): [number, number] {
  if (j < 4) return [u8(b, at + j) % 64, u8(b, at + j + 4) % 64];
  const both = u8(b, at + j + 4);
  return [
    low(both) + 16 * Math.floor(u8(b, at + j - 4) / 64),
    high(both) + 16 * Math.floor(u8(b, at + j) / 64),
  ];
}

/** Nibble `i` of 256: each 32 bytes hold 32 values in their low nibbles, then 32 in their high ones. */
function kNibble(b: Uint8Array, qs: number, i: number): number {
  const byte = u8(b, qs + Math.floor(i / 64) * 32 + (i % 32));
  return i % 64 < 32 ? low(byte) : high(byte);
}

function kValue(b: Uint8Array, i: number, q: number): number {
  const [scale, minimum] = kScaleMin(b, 4, Math.floor(i / 32));
  return halfAt(b, 0) * scale * q - halfAt(b, 2) * minimum;
}

function q6kValue(b: Uint8Array, i: number): number {
  const part = Math.floor(i / 128);
  const quarter = Math.floor((i % 128) / 32);
  const l = i % 32;
  const ql = u8(b, 64 * part + 32 * (quarter % 2) + l);
  const qh = u8(b, 128 + 32 * part + l);
  const q = (quarter < 2 ? low(ql) : high(ql)) + 16 * (Math.floor(qh / 4 ** quarter) % 4) - 32;
  return halfAt(b, 208) * i8(b, 192 + Math.floor(i / 16)) * q;
}

const definitions: Readonly<Record<ReferenceType, Definition>> = {
  F32: { values: 1, bytes: 4, value: (b) => new DataView(b.buffer, b.byteOffset, 4).getFloat32(0, true) },
  F16: { values: 1, bytes: 2, value: (b) => halfAt(b, 0) },
  BF16: {
    values: 1,
    bytes: 2,
    value: (b) => new DataView(Uint8Array.of(0, 0, u8(b, 0), u8(b, 1)).buffer).getFloat32(0, true),
  },
  Q4_0: { values: 32, bytes: 18, value: (b, i) => halfAt(b, 0) * (nibble(b, 2, i) - 8) },
  Q4_1: { values: 32, bytes: 20, value: (b, i) => halfAt(b, 0) * nibble(b, 4, i) + halfAt(b, 2) },
  Q5_0: { values: 32, bytes: 22, value: (b, i) => halfAt(b, 0) * (fiveBits(b, 2, 6, i) - 16) },
  Q5_1: { values: 32, bytes: 24, value: (b, i) => halfAt(b, 0) * fiveBits(b, 4, 8, i) + halfAt(b, 2) },
  Q8_0: { values: 32, bytes: 34, value: (b, i) => halfAt(b, 0) * i8(b, 2 + i) },
  Q4_K: { values: 256, bytes: 144, value: (b, i) => kValue(b, i, kNibble(b, 16, i)) },
  Q5_K: {
    values: 256,
    bytes: 176,
    value: (b, i) => kValue(b, i, kNibble(b, 48, i) + 16 * bit(u8(b, 16 + (i % 32)), Math.floor(i / 32))),
  },
  Q6_K: { values: 256, bytes: 210, value: q6kValue },
};
