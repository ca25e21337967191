import type { StepRecord } from "../metrics/replay.ts";
import type { StepWork } from "../metrics/step_work.ts";
import type { StepCost } from "./simulated_device.ts";

/** What a step takes on a device that has been measured: so much, and so much for each of what is in it. None is negative. */
export interface FittedCosts {
  readonly stepMs: number;
  readonly prefillTokenMs: number;
  /** Of a step with prompts, for each token that its last tile is short of: kernels take `tileTokens` at a time. */
  readonly paddedTokenMs: number;
  readonly tileTokens: number;
  readonly prefillPairMs: number;
  readonly decodeMs: number;
  readonly decodeContextTokenMs: number;
  readonly logitRowMs: number;
}

const TERMS = ["stepMs", "prefillTokenMs", "paddedTokenMs", "prefillPairMs", "decodeMs", "decodeContextTokenMs", "logitRowMs"] as const; // biome-ignore format: a list

function factorsOf(work: StepWork, tileTokens: number): readonly number[] {
  const { prefillTokens, prefillPairs, decodes, decodeContextTokens, logitRows } = work;
  const tokens = prefillTokens + decodes;
  const padded = prefillTokens === 0 ? 0 : Math.ceil(tokens / tileTokens) * tileTokens - tokens;
  return [1, prefillTokens, padded, prefillPairs, decodes, decodeContextTokens, logitRows];
}

export function fittedCost(costs: FittedCosts): StepCost {
  const weights = TERMS.map((term) => costs[term]);
  const { tileTokens } = costs;
  return (work) =>
    factorsOf(work, tileTokens).reduce((sum, factor, at) => sum + factor * (weights[at] ?? 0), 0);
}

/** Rounds over all terms; each brings the error down, and after so many no digit that counts changes any more. */
const ROUNDS = 5000;

/**
 * The costs that come closest to measured steps: least squares of the relative errors, none below zero, by one term after the other (coordinate
 * descent; Franc, Hlavac, Navara, 2005). Relative, since a step of 300 ms would otherwise outweigh the thirty of 10 ms which make a turn.
 * @param tileTokens of the device's kernels (`RunnerLimits`)
 * @throws RangeError where no step took any time
 */
export function fitSteps(steps: readonly StepRecord[], tileTokens = 1): FittedCosts {
  const timed = steps.filter(({ startMs, endMs }) => endMs > startMs);
  if (timed.length === 0) throw new RangeError("There is no step to fit costs to.");
  const size = TERMS.length;
  const gram = new Float64Array(size * size);
  const target = new Float64Array(size);
  for (const step of timed) {
    const ms = step.endMs - step.startMs;
    const row = factorsOf(step, tileTokens).map((factor) => factor / ms);
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
  const of = (term: (typeof TERMS)[number]) => Number((weights[TERMS.indexOf(term)] ?? 0).toPrecision(6));
  return {
    stepMs: of("stepMs"),
    prefillTokenMs: of("prefillTokenMs"),
    paddedTokenMs: of("paddedTokenMs"),
    tileTokens,
    prefillPairMs: of("prefillPairMs"),
    decodeMs: of("decodeMs"),
    decodeContextTokenMs: of("decodeContextTokenMs"),
    logitRowMs: of("logitRowMs"),
  };
}
