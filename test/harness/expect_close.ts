/** How far a computed number may be from its reference: `absolute + relative * magnitude`. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/**
 * Every tolerance of the kernel tests. Each is a few times what its reason gives, so that another order of additions passes and
 * a wrong index, sign or scale does not.
 */
export const tolerances = {
  /** Copied, or computed without rounding. */
  exact: { absolute: 0, relative: 0 },
  /** Sums of some hundred f32 products: each addition rounds to 2^-24 of the sum of their magnitudes. */
  f32Sum: { absolute: 1e-7, relative: 4e-6 },
  /**
   * The same with the products of each 32 values added up in 16 bits: a dozen roundings to 2^-11 in a row, of either sign, and
   * products below 2^-14 may be zero.
   */
  f16Sum: { absolute: 1e-3, relative: 2 ** -9 },
  /** A few f32 operations; WGSL gives inverseSqrt 2 units in the last place, division 2.5. */
  f32: { absolute: 1e-7, relative: 2e-6 },
  /** The same, then rounded to 16 bits: half a unit is 2^-11 of the value, 2^-25 below the normal numbers. */
  f16: { absolute: 2 ** -24, relative: 2 ** -11 + 4e-6 },
  /** A few f32 operations, then rounded to pairs of int8: half a step, a 32512th of the group's largest. */
  pairs: { absolute: 1e-7, relative: 0.5 / 32512 + 4e-6 },
  /** silu: WGSL's exp has 3 + 2 |x| units in the last place, and |x| stays below 16 here. */
  f32Silu: { absolute: 1e-6, relative: 1e-5 },
  f16Silu: { absolute: 2 ** -23, relative: 2 ** -11 + 1e-5 },
  /** Softmax over scores up to 20: an error in a score is one in its weight's logarithm. */
  attention: { absolute: 2e-5, relative: 2e-5 },
  f16Attention: { absolute: 2e-5, relative: 2 ** -11 + 2e-5 },
  /** Scores up to 1000: their own rounding (2^-24 of the summed magnitudes) is up to 1e-3 in a weight's logarithm. */
  attentionLarge: { absolute: 2e-3, relative: 2e-3 },
  /** Cosines of f32 angles up to 8191 (half a unit in the last place is 2.4e-4), whose frequency was rounded as well. */
  ropeAngle: { absolute: 1.5e-3, relative: 0 },
} as const satisfies Record<string, Tolerance>;

/** Values shown on each side of the first bad one. */
const NEIGHBOURS = 3;

/**
 * Compares element by element; a NaN equals only a NaN.
 * @param magnitudes what `relative` refers to, per element; |expected| when absent. For sums: the sum of their terms' magnitudes.
 * @throws Error that shows the first element out of tolerance with its neighbours
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  magnitudes: ArrayLike<number> = expected,
): void {
  if (actual.length !== expected.length)
    throw new Error(`${actual.length} values, and ${expected.length} were expected`);
  const bad: number[] = [];
  for (let i = 0; i < expected.length; i++) {
    const limit = tolerance.absolute + tolerance.relative * Math.abs(magnitudes[i] ?? Number.NaN);
    if (!isClose(actual[i] ?? Number.NaN, expected[i] ?? Number.NaN, limit)) bad.push(i);
  }
  const [first] = bad;
  if (first !== undefined)
    throw new Error(report(actual, expected, tolerance, magnitudes, first, bad.length));
}

function isClose(actual: number, expected: number, limit: number): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  return actual === expected || (Number.isFinite(expected) && Math.abs(actual - expected) <= limit);
}

function report(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute, relative }: Tolerance,
  magnitudes: ArrayLike<number>,
  first: number,
  count: number,
): string {
  const limit = absolute + relative * Math.abs(magnitudes[first] ?? Number.NaN);
  const lines = [
    `${count} of ${expected.length} values are out of tolerance, the first at ${first}: ${actual[first]} instead of ${expected[first]}, more than ${limit} away`,
  ];
  const end = Math.min(expected.length, first + NEIGHBOURS + 1);
  for (let i = Math.max(0, first - NEIGHBOURS); i < end; i++)
    lines.push(`${i === first ? ">" : " "} [${i}] ${actual[i]} expected ${expected[i]}`);
  return lines.join("\n");
}
