/** Rounds over all weights; each brings the error down, and after so many no digit that counts changes any more. */
const ROUNDS = 5000;

/**
 * The weights of a row's factors that come closest to what the rows came to (all above 0): least squares of the relative errors, no weight below
 * zero, by one weight after the other (coordinate descent; Franc, Hlavac, Navara, 2005). Relative, since what is large would otherwise outweigh
 * all that is small and frequent.
 */
export function fitWeights(
  rows: readonly (readonly number[])[],
  totals: readonly number[],
): readonly number[] {
  const size = rows[0]?.length ?? 0;
  const gram = new Float64Array(size * size);
  const target = new Float64Array(size);
  for (const [at, factors] of rows.entries()) {
    const row = factors.map((factor) => factor / (totals[at] ?? 1));
    for (let i = 0; i < size; i++) {
      target[i] = (target[i] ?? 0) + (row[i] ?? 0);
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
