/** Rounds over all weights; each brings the error down, and after so many no digit that counts changes any more. */
const ROUNDS = 5000;
/** How often errors are weighed anew; after so many times no digit that counts changes any more. */
const REWEIGHTINGS = 20;

/**
 * The weights of a row's factors that come closest to what the rows came to (all above 0): least squares of the errors relative to what is
 * fitted, no weight below zero. Relative, since what is large would otherwise outweigh all that is small and frequent; to what is fitted, since
 * relative to what was measured, what was short by chance would count most, and everything would be fitted below its mean (quasi-likelihood
 * with a constant coefficient of variation; McCullagh and Nelder, Generalized Linear Models, 1989).
 */
export function fitWeights(
  rows: readonly (readonly number[])[],
  totals: readonly number[],
): readonly number[] {
  const mean = totals.reduce((sum, total) => sum + total, 0) / totals.length;
  let weights: readonly number[] = [];
  let scales: readonly number[] = totals.map((total) => Math.max(total, mean));
  for (let time = 0; time < REWEIGHTINGS; time++) {
    weights = leastSquares(rows, totals, scales);
    const fitted = weights;
    scales = rows.map((row) => Math.max(LEAST_SHARE * mean, row.reduce((sum, factor, at) => sum + factor * (fitted[at] ?? 0), 0))); // biome-ignore format: one sum
  }
  return weights;
}

/** Of the mean, what is fitted counts as at the least when errors are weighed. */
const LEAST_SHARE = 1e-3;

/** With the errors over `scales`, by one weight after the other (coordinate descent; Franc, Hlavac, Navara, 2005). */
function leastSquares(
  rows: readonly (readonly number[])[],
  totals: readonly number[],
  scales: readonly number[],
): readonly number[] {
  const size = rows[0]?.length ?? 0;
  const gram = new Float64Array(size * size);
  const target = new Float64Array(size);
  for (const [at, factors] of rows.entries()) {
    const scale = scales[at] ?? 1;
    const total = (totals[at] ?? 0) / scale;
    const row = factors.map((factor) => factor / scale);
    for (let i = 0; i < size; i++) {
      target[i] = (target[i] ?? 0) + total * (row[i] ?? 0);
      for (let j = 0; j < size; j++)
        gram[i * size + j] = (gram[i * size + j] ?? 0) + (row[i] ?? 0) * (row[j] ?? 0);
    }
  }
  const weights = new Float64Array(size);
  for (let round = 0; round < ROUNDS; round++)
    for (let i = 0; i < size; i++) {
      const own = gram[i * size + i] ?? 0;
      if (own === 0) continue;
      let rest = target[i] ?? 0;
      for (let j = 0; j < size; j++) if (j !== i) rest -= (gram[i * size + j] ?? 0) * (weights[j] ?? 0);
      weights[i] = Math.max(0, rest / own);
    }
  return Array.from(weights);
}
