import { floatToHalf } from "../../src/loader/half.ts";
import { type GgmlType, ggmlTypes } from "../../src/loader/quantisation/ggml_types.ts";
import { normals, type Random } from "./random.ts";

/**
 * Random weights in a GGML type, normally distributed with the given deviation (K-quants: valid blocks with random bits
 * and about that deviation). `values` is whole blocks.
 */
export function randomBlocks(type: GgmlType, values: number, random: Random, deviation = 1): Uint8Array {
  const encode = encoders[type];
  if (encode !== undefined) return encode(normals(random, values, deviation));
  return randomKBlocks(type, values / 256, random, deviation);
}

/** Encodes floats (whole blocks) in a type that has an encoder here: all but the K-quants. */
export function encodeBlocks(type: GgmlType, values: Float32Array): Uint8Array {
  const encode = encoders[type];
  if (encode === undefined) throw new Error(`no encoder for ${type}`);
  return encode(values);
}

const encoders: Readonly<Partial<Record<GgmlType, (values: Float32Array) => Uint8Array>>> = {
  F32: (values) => mapBytes(values, 4, (view, at, value) => view.setFloat32(at, value, true)),
  F16: (values) => mapBytes(values, 2, (view, at, value) => view.setUint16(at, floatToHalf(value), true)),
  BF16: (values) => mapBytes(values, 2, (view, at, value) => view.setUint16(at, floatToBfloat(value), true)),
  Q4_0: (values) => encodeNibbles(values, { centre: 8 }),
  Q4_1: (values) => encodeNibbles(values, { levels: 15 }),
  Q5_0: (values) => encodeNibbles(values, { centre: 16 }),
  Q5_1: (values) => encodeNibbles(values, { levels: 31 }),
  Q8_0: encodeBytes,
};

function mapBytes(
  values: Float32Array,
  bytes: number,
  write: (view: DataView, at: number, value: number) => void,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * bytes));
  values.forEach((value, i) => {
    write(view, i * bytes, value);
  });
  return new Uint8Array(view.buffer);
}

/** To nearest, ties to even. */
function floatToBfloat(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Q4_0 and Q5_0 (levels around `centre`), Q4_1 and Q5_1 (`levels` steps above the smallest value). */
function encodeNibbles(
  values: Float32Array,
  kind: { readonly centre: number } | { readonly levels: number },
): Uint8Array {
  const five = "centre" in kind ? kind.centre === 16 : kind.levels === 31;
  const head = "centre" in kind ? 2 : 4;
  const bytes = head + (five ? 4 : 0) + 16;
  const view = new DataView(new ArrayBuffer((values.length / 32) * bytes));
  for (let block = 0; block * 32 < values.length; block++) {
    const at = block * bytes;
    const group = values.subarray(block * 32, block * 32 + 32);
    const [scale, minimum] = "centre" in kind ? signedRange(group, kind.centre) : range(group, kind.levels);
    const largest = "centre" in kind ? 2 * kind.centre - 1 : kind.levels;
    view.setUint16(at, floatToHalf(scale), true);
    if (head === 4) view.setUint16(at + 2, floatToHalf(minimum), true);
    let fifths = 0;
    group.forEach((value, i) => {
      const nearest = scale === 0 ? 0 : Math.round((value - minimum) / scale);
      const q = Math.max(0, Math.min(largest, nearest));
      const byte = at + bytes - 16 + (i % 16);
      view.setUint8(byte, view.getUint8(byte) | ((q & 15) << (i < 16 ? 0 : 4)));
      fifths |= (q >> 4) << i;
    });
    if (five) view.setUint32(at + head, fifths >>> 0, true);
  }
  return new Uint8Array(view.buffer);
}

/** The value farthest from zero becomes level 0, as in ggml. */
function signedRange(group: Float32Array, centre: number): [number, number] {
  const farthest = group.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  return [farthest / -centre, farthest];
}

function range(group: Float32Array, levels: number): [number, number] {
  const low = Math.min(...group);
  return [(Math.max(...group) - low) / levels, low];
}

function encodeBytes(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer((values.length / 32) * 34));
  for (let block = 0; block * 32 < values.length; block++) {
    const group = values.subarray(block * 32, block * 32 + 32);
    const scale = Math.max(...group.map(Math.abs)) / 127;
    view.setUint16(block * 34, floatToHalf(scale), true);
    group.forEach((value, i) => {
      view.setInt8(block * 34 + 2 + i, scale === 0 ? 0 : Math.round(value / scale));
    });
  }
  return new Uint8Array(view.buffer);
}

/** Where a K-quant's 16-bit scales stand, and what they are for values of deviation 1 and mean about 0. */
const kScales: Readonly<Partial<Record<GgmlType, readonly { at: number; scale: number }[]>>> = {
  // sc (0 to 63) * q (0 to 15 or 31) is about 31 * 7.5 or 31 * 15.5 in the mean: dmin * m takes that away.
  Q4_K: [
    { at: 0, scale: 1 / 250 },
    { at: 2, scale: 7.5 / 250 },
  ],
  Q5_K: [
    { at: 0, scale: 1 / 500 },
    { at: 2, scale: 15.5 / 500 },
  ],
  // sc (-128 to 127) * (q - 32): deviations of 74 and 18.
  Q6_K: [{ at: 208, scale: 1 / 1350 }],
};

function randomKBlocks(type: GgmlType, blocks: number, random: Random, deviation: number): Uint8Array {
  const { blockBytes } = ggmlTypes[type];
  const bytes = Uint8Array.from({ length: blocks * blockBytes }, () => random() * 256);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < blocks; block++)
    for (const { at, scale } of kScales[type] ?? [])
      view.setUint16(block * blockBytes + at, floatToHalf(scale * deviation * (0.75 + random() / 2)), true);
  return bytes;
}
