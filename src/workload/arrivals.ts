import { InputError } from "../errors.ts";
import { Draws } from "./random.ts";

/**
 * When conversations begin. Rates are conversations a second, above 0.
 *
 * - `poisson`: gaps are exponential.
 * - `bursty`: gaps are gamma distributed with the coefficient of variation `variation` (standard deviation over mean, above 0): 1 is as
 *   Poisson, more comes in bursts, less is more even. Requests to hosted models vary like this (BurstGPT, arXiv 2401.17644; ServeGen,
 *   arXiv 2505.09999). What vLLM's benchmark calls `burstiness` is 1 / variation².
 */
export type Arrivals =
  | { readonly kind: "poisson"; readonly ratePerSecond: number }
  | { readonly kind: "bursty"; readonly ratePerSecond: number; readonly variation: number };

/**
 * When each of `count` conversations begins, in ms from the beginning of the workload, ascending; the same for the same seed. At another
 * rate the times are the same but for a factor.
 * @throws InputError `invalid-option` for a rate or variation out of range
 */
export function arrivalTimes(arrivals: Arrivals, count: number, seed: number): readonly number[] {
  // Draws of their own, so that the same conversations come at other times.
  const draws = new Draws(seed ^ 0x5bd1e995);
  switch (arrivals.kind) {
    case "poisson": {
      const rate = checkedRate(arrivals.ratePerSecond);
      return runningSum(count, () => (draws.exponential() * 1000) / rate);
    }
    case "bursty": {
      const rate = checkedRate(arrivals.ratePerSecond);
      if (!(arrivals.variation > 0 && arrivals.variation < Number.POSITIVE_INFINITY))
        throw refused("variation", arrivals.variation, "a number above 0");
      const shape = 1 / arrivals.variation ** 2;
      return runningSum(count, () => ((draws.gamma(shape) / shape) * 1000) / rate);
    }
    default:
      return arrivals satisfies never;
  }
}

function checkedRate(ratePerSecond: number): number {
  if (ratePerSecond > 0 && ratePerSecond < Number.POSITIVE_INFINITY) return ratePerSecond;
  throw refused("ratePerSecond", ratePerSecond, "a number above 0");
}

function runningSum(count: number, gapMs: () => number): readonly number[] {
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    nowMs += gapMs();
    return nowMs;
  });
}

function refused(option: string, value: number | string, expected: string): InputError {
  return new InputError("invalid-option", `The option ${option} is ${value}; it has to be ${expected}.`, {
    option,
    value: String(value),
    expected,
  });
}
