import { floatToHalf, halfToFloat } from "../half.ts";
import type { BlockFormat } from "./block_format.ts";

/**
 * GGML's K-quants: blocks of 256 values, eight groups, with small integer scales under 16-bit ones (ggml's block_q4_K,
 * block_q5_K, block_q6_K):
 *   Q4_K  d, dmin, 12 bytes of scales, 128 bytes of nibbles                    value = d * sc * q - dmin * m
 *   Q5_K  d, dmin, 12 bytes of scales, 32 bytes of fifth bits, 128 of nibbles  the same
 *   Q6_K  128 bytes of low nibbles, 64 of high bits, 16 scales, d              value = d * sc * (q - 32)
 * A group's d * sc and dmin * m become one half each: that rounding (2^-11) is all that packing them costs.
 */

const LOW = 0x0f0f0f0f;

/** Q4_K, Q5_K: the six bits of group `g`'s scale, and of its minimum 4 further on. */
function sixBits(source: DataView, scales: number, g: number, minimum: 0 | 4): number {
  if (g < 4) return source.getUint8(scales + g + minimum) & 63;
  const low = source.getUint8(scales + 4 + g);
  const high = source.getUint8(scales + g - 4 + minimum) >> 6;
  return (minimum === 0 ? low & 15 : low >> 4) | (high << 4);
}

function scaleOf(source: DataView, block: number, g: number): number {
  return halfToFloat(source.getUint16(block, true)) * sixBits(source, block + 4, g, 0);
}

function minimumOf(source: DataView, block: number, g: number): number {
  return -halfToFloat(source.getUint16(block + 2, true)) * sixBits(source, block + 4, g, 4);
}

/** Scale and minimum of group `g` as the word of layouts q4 and q8m. */
function scaleWord(source: DataView, block: number, g: number): number {
  return floatToHalf(scaleOf(source, block, g)) | (floatToHalf(minimumOf(source, block, g)) << 16);
}

export const q4_k: BlockFormat = {
  pack(source, row, group, _count, words) {
    const block = row + (group >> 3) * 144;
    const g = group & 7;
    // Groups 2j and 2j + 1 are the low and the high nibbles of the same 32 bytes.
    const nibbles = block + 16 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    for (let w = 0; w < 4; w++) {
      const first = (source.getUint32(nibbles + 4 * w, true) >>> shift) & LOW;
      const second = (source.getUint32(nibbles + 16 + 4 * w, true) >>> shift) & LOW;
      words[w] = first | (second << 4);
    }
    return scaleWord(source, block, g);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + (group >> 3) * 144;
    const g = group & 7;
    const nibbles = block + 16 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    const scale = scaleOf(source, block, g);
    const minimum = minimumOf(source, block, g);
    for (let i = 0; i < 32; i++)
      out[at + i] = scale * ((source.getUint8(nibbles + i) >> shift) & 15) + minimum;
  },
};

export const q5_k: BlockFormat = {
  pack(source, row, group, _count, words) {
    const block = row + (group >> 3) * 176;
    const g = group & 7;
    const nibbles = block + 48 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    for (let w = 0; w < 8; w++) {
      const low = (source.getUint32(nibbles + 4 * w, true) >>> shift) & LOW;
      // Bit g of the 32 bytes is the fifth bit of group g's values.
      const fifth = (source.getUint32(block + 16 + 4 * w, true) >>> g) & 0x01010101;
      words[w] = low | (fifth << 4);
    }
    return scaleWord(source, block, g);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + (group >> 3) * 176;
    const g = group & 7;
    const nibbles = block + 48 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    const scale = scaleOf(source, block, g);
    const minimum = minimumOf(source, block, g);
    for (let i = 0; i < 32; i++) {
      const low = (source.getUint8(nibbles + i) >> shift) & 15;
      const fifth = (source.getUint8(block + 16 + i) >> g) & 1;
      out[at + i] = scale * (low | (fifth << 4)) + minimum;
    }
  },
};

/** Q6_K: of a half block (128 values, groups 0 to 3) group g has its nibbles in 32 of 64 bytes, its high bits at 2g. */
function q6kParts(row: number, group: number) {
  const block = row + (group >> 3) * 210;
  const half = (group >> 2) & 1;
  const g = group & 3;
  return {
    low: block + half * 64 + (g & 1) * 32,
    lowShift: (g >> 1) * 4,
    high: block + 128 + half * 32,
    highShift: g * 2,
    scales: block + 192 + half * 8 + g * 2,
    d: block + 208,
  };
}

export const q6_k: BlockFormat = {
  pack(source, row, group, _count, words) {
    const { low, lowShift, high, highShift, scales, d } = q6kParts(row, group);
    for (let w = 0; w < 8; w++) {
      const nibbles = (source.getUint32(low + 4 * w, true) >>> lowShift) & LOW;
      const upper = (source.getUint32(high + 4 * w, true) >>> highShift) & 0x03030303;
      // Bytes hold 0 to 63: flipping bit 5 and copying it into the upper two is q - 32 in two's complement.
      const flipped = nibbles | ((upper << 4) ^ 0x20202020);
      words[w] = flipped | ((flipped & 0x20202020) * 6);
    }
    const scale = halfToFloat(source.getUint16(d, true));
    const first = floatToHalf(scale * source.getInt8(scales));
    return first | (floatToHalf(scale * source.getInt8(scales + 1)) << 16);
  },
  unpack(source, row, group, _count, out, at) {
    const { low, lowShift, high, highShift, scales, d } = q6kParts(row, group);
    const scale = halfToFloat(source.getUint16(d, true));
    for (let i = 0; i < 32; i++) {
      const nibble = (source.getUint8(low + i) >> lowShift) & 15;
      const upper = (source.getUint8(high + i) >> highShift) & 3;
      out[at + i] = scale * source.getInt8(scales + (i >> 4)) * ((nibble | (upper << 4)) - 32);
    }
  },
};
