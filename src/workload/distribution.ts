import type { Draws } from "./random.ts";

/** A log-normal distribution, whose draws beyond the bounds are put on them. */
export interface Distribution {
  /** Above 0, in the unit of what is drawn (tokens, ms, turns). */
  readonly median: number;
  /** Standard deviation of the logarithm, at least 0; 0 for always the median. */
  readonly sigma: number;
  readonly min: number;
  readonly max: number;
}

/** Each whole number in [min, max] is as likely as any other. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export function drawFrom(draws: Draws, { median, sigma, min, max }: Distribution): number {
  return Math.min(max, Math.max(min, draws.logNormal(median, sigma)));
}

/** A whole number of at least 1. */
export function countFrom(draws: Draws, distribution: Distribution): number {
  return Math.max(1, Math.round(drawFrom(draws, distribution)));
}

/** Standard deviations to both sides that the mean is summed over, and steps between. */
const REACH = 8;
const STEPS = 800;

/** The mean of what is drawn, bounds included; by the midpoint rule over the normal variable, right to about 0.01%. */
export function meanOf(distribution: Distribution | Range): number {
  if (!("median" in distribution)) return (distribution.min + distribution.max) / 2;
  const { median, sigma, min, max } = distribution;
  const width = (2 * REACH) / STEPS;
  let sum = 0;
  for (let step = 0; step < STEPS; step++) {
    const normal = -REACH + (step + 0.5) * width;
    const density = Math.exp((-normal * normal) / 2) / Math.sqrt(2 * Math.PI);
    sum += density * width * Math.min(max, Math.max(min, median * Math.exp(sigma * normal)));
  }
  return sum;
}
