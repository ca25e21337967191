import { bfloatToFloat, bfloatToHalf, halfToFloat } from "../half.ts";
import type { BlockFormat } from "./block_format.ts";

/** F32, F16, BF16: a block is one value. */

export const f32: BlockFormat = {
  pack(source, row, group, count, words) {
    const start = row + group * 128;
    for (let i = 0; i < count; i++) words[i] = source.getUint32(start + 4 * i, true);
    return 0;
  },
  unpack(source, row, group, count, out, at) {
    const start = row + group * 128;
    for (let i = 0; i < count; i++) out[at + i] = source.getFloat32(start + 4 * i, true);
  },
};

/** A 16-bit type that becomes halves by `toHalf` and numbers by `toFloat`. */
function sixteenBits(toHalf: (bits: number) => number, toFloat: (bits: number) => number): BlockFormat {
  return {
    pack(source, row, group, count, words) {
      const start = row + group * 64;
      for (let i = 0; i < count; i += 2) {
        const low = toHalf(source.getUint16(start + 2 * i, true));
        const high = i + 1 < count ? toHalf(source.getUint16(start + 2 * i + 2, true)) : 0;
        words[i >> 1] = low | (high << 16);
      }
      return 0;
    },
    unpack(source, row, group, count, out, at) {
      const start = row + group * 64;
      for (let i = 0; i < count; i++) out[at + i] = toFloat(source.getUint16(start + 2 * i, true));
    },
  };
}

export const f16 = sixteenBits((bits) => bits, halfToFloat);
export const bf16 = sixteenBits(bfloatToHalf, bfloatToFloat);
