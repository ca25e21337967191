import { InputError } from "../errors.ts";
import { Draws } from "./random.ts";
import type { WorkloadConversation } from "./workload.ts";

/**
 * When conversations begin. Rates are conversations a second, above 0.
 *
 * - `poisson`: gaps are exponential.
 * - `bursty`: gaps are gamma distributed with the coefficient of variation `variation` (standard deviation over mean, above 0): 1 is as
 *   Poisson, more comes in bursts, less is more even. Requests to hosted models vary like this (BurstGPT, arXiv 2401.17644; ServeGen,
 *   arXiv 2505.09999). What vLLM's benchmark calls `burstiness` is 1 / variation².
 * - `times`: as a trace had them, in ms from its beginning (`arrivalsMs`).
 * - `closed`: `concurrency` conversations at once (a whole number of at least 1), the next begins when one ends. Who replays them counts;
 *   here all arrive at 0.
 */
export type Arrivals =
  | { readonly kind: "poisson"; readonly ratePerSecond: number }
  | { readonly kind: "bursty"; readonly ratePerSecond: number; readonly variation: number }
  | { readonly kind: "times"; readonly arrivalsMs: readonly number[] }
  | { readonly kind: "closed"; readonly concurrency: number };

/**
 * When each of `count` conversations begins, in ms from the beginning of the workload, ascending; the same for the same seed. At another
 * rate the times are the same but for a factor.
 * @throws InputError `invalid-option` for a rate, variation or concurrency out of range, or for fewer times than conversations
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
    case "times": {
      const times = arrivals.arrivalsMs;
      if (times.length < count)
        throw refused("arrivalsMs", `${times.length} times`, `a time for each of ${count} conversations`);
      if (!times.every((ms) => ms >= 0 && ms < Number.POSITIVE_INFINITY))
        throw refused("arrivalsMs", "a list with other values", "a list of ms of at least 0");
      return times.slice(0, count).toSorted((a, b) => a - b);
    }
    case "closed":
      if (!(Number.isSafeInteger(arrivals.concurrency) && arrivals.concurrency >= 1))
        throw refused("concurrency", arrivals.concurrency, "a whole number of at least 1");
      return Array.from({ length: count }, () => 0);
    default:
      return arrivals satisfies never;
  }
}

/**
 * The same conversations at other times, in the order in which they are given.
 * @throws InputError as `arrivalTimes` does
 */
export function withArrivals(
  workload: readonly WorkloadConversation[],
  arrivals: Arrivals,
  seed: number,
): readonly WorkloadConversation[] {
  const times = arrivalTimes(arrivals, workload.length, seed);
  return workload.map((conversation, at) => ({ ...conversation, arrivalMs: times[at] ?? 0 }));
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
