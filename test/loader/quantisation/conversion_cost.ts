import type { GgmlType } from "../../../src/loader/quantisation/ggml_types.ts";

/** The largest error of `values` in rows of `cols`, relative to the largest expected value of its group: 32 along the row. */
export function conversionCost(values: Float32Array, expected: Float32Array, cols: number): number {
  let cost = 0;
  for (let row = 0; row < expected.length; row += cols) {
    for (let group = row; group < row + cols; group += 32) {
      const wanted = expected.subarray(group, Math.min(group + 32, row + cols));
      cost = Math.max(cost, groupCost(values.subarray(group, group + wanted.length), wanted));
    }
  }
  return cost;
}

function groupCost(values: Float32Array, wanted: Float32Array): number {
  const largest = wanted.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return wanted.reduce((cost, value, i) => {
    const error = Math.abs((values[i] ?? Number.NaN) - value);
    if (Number.isNaN(error)) return Number.POSITIVE_INFINITY;
    return error === 0 ? cost : Math.max(cost, error / largest);
  }, 0);
}

/**
 * What a type's own layout may cost, as docs/quantisation.md says. Rounding to a half costs 2^-11 of what is rounded.
 * In Q4_K and Q5_K that is scale and minimum, which partly cancel in a value: where a group reaches from level 0 to the
 * highest, the largest value is at least half of scale * levels, and so both are at most 5 times as large together.
 */
export const ownBound: Readonly<Record<GgmlType, number>> = {
  F32: 0,
  F16: 0,
  // Exact from 2^-14 up; below that, the step is 2^-24.
  BF16: 2 ** -11,
  Q4_0: 0,
  Q4_1: 0,
  Q5_0: 0,
  Q5_1: 0,
  Q8_0: 0,
  Q4_K: 5 * 2 ** -11,
  Q5_K: 5 * 2 ** -11,
  Q6_K: 2 ** -11,
};
