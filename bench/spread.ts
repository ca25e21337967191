import { summarize } from "../src/metrics/summary.ts";

/** Median, spread and number of what was measured. */
export interface Spread {
  readonly samples: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError for no values: a figure without a measurement is none */
export function spread(values: readonly number[]): Spread {
  const summary = summarize(values);
  if (!summary) throw new RangeError("nothing was measured");
  const { samples, median, min, max } = summary;
  return { samples, median: round(median), min: round(min), max: round(max) };
}

/** Five digits: more than any of these figures has. */
function round(value: number): number {
  return Number(value.toPrecision(5));
}
