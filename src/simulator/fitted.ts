import type { StepRecord } from "../metrics/replay.ts";
import type { StepWork } from "../metrics/step_work.ts";
import { fitWeights } from "./least_squares.ts";
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

/**
 * The costs that come closest to measured steps (`fitWeights`).
 * @param tileTokens of the device's kernels (`RunnerLimits`)
 * @throws RangeError where no step took any time
 */
export function fitSteps(steps: readonly StepRecord[], tileTokens = 1): FittedCosts {
  const timed = steps.filter(({ startMs, endMs }) => endMs > startMs);
  if (timed.length === 0) throw new RangeError("There is no step to fit costs to.");
  const weights = fitWeights(
    timed.map((step) => factorsOf(step, tileTokens)),
    timed.map(({ startMs, endMs }) => endMs - startMs),
  );
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
