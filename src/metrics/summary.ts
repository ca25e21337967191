/** What is said of a list of measurements. */
export interface Summary {
  readonly samples: number;
  readonly median: number;
  readonly p95: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

/** Undefined for no samples: there is nothing to say. */
export function summarize(samples: readonly number[]): Summary | undefined {
  if (samples.length === 0) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    samples: sorted.length,
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
  };
}

/** Quantile `q` in [0, 1] of ascending values, linear between neighbours (type 7 of Hyndman and Fan, 1996). */
export function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}
