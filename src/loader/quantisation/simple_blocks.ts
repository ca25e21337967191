import { floatToHalf, halfToFloat } from "../half.ts";
import type { BlockFormat } from "./block_format.ts";

/**
 * GGML's blocks of 32 values, one group each (ggml's quantize_row_*_reference defines them):
 *   Q4_0  d, 16 bytes of nibbles                   value = d * (q - 8)
 *   Q4_1  d, m, 16 bytes of nibbles                value = d * q + m
 *   Q5_0  d, 32 fifth bits, 16 bytes of nibbles    value = d * (q - 16)
 *   Q5_1  d, m, 32 fifth bits, 16 bytes            value = d * q + m
 *   Q8_0  d, 32 signed bytes                       value = d * q
 * d and m are halves. Byte b of the nibbles holds value b (low) and b + 16 (high), as layout q4 does; fifth bit i belongs
 * to value i.
 */

const LOW = 0x0f0f0f0f;

/** Four words of nibbles are layout q4 already. */
function copyNibbles(source: DataView, start: number, words: Uint32Array): void {
  for (let w = 0; w < 4; w++) words[w] = source.getUint32(start + 4 * w, true);
}

/** Nibbles and fifth bits to a byte each, 0 to 31. */
function spreadFiveBits(source: DataView, fifths: number, nibbles: number, words: Uint32Array): void {
  const high = source.getUint32(fifths, true);
  for (let w = 0; w < 4; w++) {
    const word = source.getUint32(nibbles + 4 * w, true);
    words[w] = (word & LOW) | fifthBits(high >>> (4 * w));
    words[w + 4] = ((word >>> 4) & LOW) | fifthBits(high >>> (4 * w + 16));
  }
}

/** The low four bits, each at bit 4 of its own byte. */
function fifthBits(bits: number): number {
  return ((bits & 1) << 4) | ((bits & 2) << 11) | ((bits & 4) << 18) | ((bits & 8) << 25);
}

function unpackNibbles(
  source: DataView,
  start: number,
  scale: number,
  minimum: number,
  out: Float32Array,
  at: number,
): void {
  for (let b = 0; b < 16; b++) {
    const byte = source.getUint8(start + b);
    out[at + b] = scale * (byte & 15) + minimum;
    out[at + b + 16] = scale * (byte >> 4) + minimum;
  }
}

function unpackFiveBits(
  source: DataView,
  fifths: number,
  nibbles: number,
  scale: number,
  minimum: number,
  out: Float32Array,
  at: number,
): void {
  const high = source.getUint32(fifths, true);
  for (let b = 0; b < 16; b++) {
    const byte = source.getUint8(nibbles + b);
    out[at + b] = scale * ((byte & 15) | (((high >>> b) & 1) << 4)) + minimum;
    out[at + b + 16] = scale * ((byte >> 4) | (((high >>> (b + 16)) & 1) << 4)) + minimum;
  }
}

export const q4_0: BlockFormat = {
  pack(source, row, group, _count, words) {
    const block = row + group * 18;
    copyNibbles(source, block + 2, words);
    const scale = source.getUint16(block, true);
    return scale | (floatToHalf(-8 * halfToFloat(scale)) << 16);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 18;
    const scale = halfToFloat(source.getUint16(block, true));
    unpackNibbles(source, block + 2, scale, -8 * scale, out, at);
  },
};

export const q4_1: BlockFormat = {
  pack(source, row, group, _count, words) {
    const block = row + group * 20;
    copyNibbles(source, block + 4, words);
    return source.getUint32(block, true);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 20;
    const scale = halfToFloat(source.getUint16(block, true));
    unpackNibbles(source, block + 4, scale, halfToFloat(source.getUint16(block + 2, true)), out, at);
  },
};

export const q5_0: BlockFormat = {
  pack(source, row, group, _count, words) {
    const block = row + group * 22;
    spreadFiveBits(source, block + 2, block + 6, words);
    // Bytes hold 0 to 31: flipping bit 4 and copying it into the upper three is q - 16 in two's complement.
    for (let w = 0; w < 8; w++) {
      const flipped = (words[w] ?? 0) ^ 0x10101010;
      words[w] = flipped | ((flipped & 0x10101010) * 0x0e);
    }
    const scale = source.getUint16(block, true);
    return scale | (scale << 16);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 22;
    const scale = halfToFloat(source.getUint16(block, true));
    unpackFiveBits(source, block + 2, block + 6, scale, -16 * scale, out, at);
  },
};

export const q5_1: BlockFormat = {
  pack(source, row, group, _count, words) {
    const block = row + group * 24;
    spreadFiveBits(source, block + 4, block + 8, words);
    return source.getUint32(block, true);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 24;
    const scale = halfToFloat(source.getUint16(block, true));
    const minimum = halfToFloat(source.getUint16(block + 2, true));
    unpackFiveBits(source, block + 4, block + 8, scale, minimum, out, at);
  },
};

export const q8_0: BlockFormat = {
  pack(source, row, group, _count, words) {
    const block = row + group * 34;
    for (let w = 0; w < 8; w++) words[w] = source.getUint32(block + 2 + 4 * w, true);
    const scale = source.getUint16(block, true);
    return scale | (scale << 16);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 34;
    const scale = halfToFloat(source.getUint16(block, true));
    for (let i = 0; i < 32; i++) out[at + i] = scale * source.getInt8(block + 2 + i);
  },
};
