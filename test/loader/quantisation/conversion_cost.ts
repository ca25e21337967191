import type { GgmlType } from "../../../src/loader/quantisation/ggml_types.ts";

/** The largest error of `values`, relative to the largest of the 32 expected values around it. */
export function conversionCost(values: Float32Array, expected: Float32Array): number {
  let cost = 0;
  for (let group = 0; group < expected.length; group += 32) {
    const wanted = expected.subarray(group, group + 32);
    const largest = wanted.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    wanted.forEach((value, i) => {
      const error = Math.abs((values[group + i] ?? Number.NaN) - value);
      cost = Math.max(
        cost,
        Number.isNaN(error) ? Number.POSITIVE_INFINITY : error === 0 ? 0 : error / largest,
      );
    });
  }
  return cost;
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
