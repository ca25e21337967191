import { floatToHalf, halfToFloat } from "../half.ts";
import type { WeightLayout } from "../layout.ts";

/** Writes one group of 32 numbers as the words of a layout to `words` and returns the word of scales. */
export type GroupEncoder = (values: Float32Array, words: Uint32Array) => number;

/** Rounds to the layout's nearest values; q4, q8 and q8m take the group's own smallest and largest value as their range. */
export const groupEncoders: Readonly<Record<WeightLayout, GroupEncoder>> = {
  q4(values, words) {
    const { scale, minimum, word } = rangeOf(values, 15, 0);
    for (let w = 0; w < 4; w++) {
      let bytes = 0;
      for (let i = 0; i < 4; i++) {
        const low = level(values[4 * w + i], scale, minimum, 0, 15);
        const high = level(values[4 * w + i + 16], scale, minimum, 0, 15);
        bytes |= (low | (high << 4)) << (8 * i);
      }
      words[w] = bytes;
    }
    return word;
  },
  q8(values, words) {
    const first = halfScale(values, 0);
    const second = halfScale(values, 16);
    const scales = [halfToFloat(first), halfToFloat(second)];
    writeBytes(words, (i) => level(values[i], scales[i >> 4] ?? 0, 0, -127, 127));
    return first | (second << 16);
  },
  q8m(values, words) {
    const { scale, minimum, word } = rangeOf(values, 255, -128);
    writeBytes(words, (i) => level(values[i], scale, minimum, -128, 127));
    return word;
  },
  f16(values, words) {
    for (let w = 0; w < 16; w++)
      words[w] = floatToHalf(values[2 * w] ?? 0) | (floatToHalf(values[2 * w + 1] ?? 0) << 16);
    return 0;
  },
  f32(values, words) {
    words.set(new Uint32Array(values.buffer, values.byteOffset, 32));
    return 0;
  },
};

/** Scale and minimum, as halves hold them, so that levels `first` to `first + steps` reach over all values. */
function rangeOf(values: Float32Array, steps: number, first: number) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scaleBits = floatToHalf((high - low) / steps);
  const scale = halfToFloat(scaleBits);
  const minimumBits = floatToHalf(low - first * scale);
  return { scale, minimum: halfToFloat(minimumBits), word: scaleBits | (minimumBits << 16) };
}

function halfScale(values: Float32Array, start: number): number {
  let largest = 0;
  for (let i = start; i < start + 16; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0));
  return floatToHalf(largest / 127);
}

function level(value: number | undefined, scale: number, minimum: number, low: number, high: number): number {
  const nearest = scale === 0 ? 0 : Math.round(((value ?? 0) - minimum) / scale);
  return Math.min(high, Math.max(low, nearest));
}

function writeBytes(words: Uint32Array, byteAt: (i: number) => number): void {
  for (let w = 0; w < 8; w++) {
    let word = 0;
    for (let i = 0; i < 4; i++) word |= (byteAt(4 * w + i) & 255) << (8 * i);
    words[w] = word;
  }
}
