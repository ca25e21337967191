import type { EngineCase } from "./cases.ts";
import type { ProbeSpreads } from "./probes.ts";
import { sampleMs, type Taken } from "./rounds.ts";
import { type Spread, spread } from "./spread.ts";
import { type ModelWork, workOf } from "./work.ts";

export interface CaseResult extends EngineCase {
  /** All sequences together, one sample a run. */
  readonly tokensPerSecond: Spread;
  /** Between tokens of one sequence, one sample a step; for decode only. */
  readonly tbtMs?: Spread;
  readonly dispatchesPerStep: number;
  /** Of the least bytes and multiply-adds that the case takes, per second, against the median of the probe. */
  readonly shareOf: { readonly copy: number; readonly float: number };
}

export function resultsOf(
  taken: Taken,
  model: ModelWork,
  maxStepTokens: number,
  probes: ProbeSpreads,
): CaseResult[] {
  return [...taken].map(([one, samples]) => {
    const tokens = one.batch * one.tokens;
    const work = workOf(one, model, maxStepTokens);
    const tokensPerSecond = spread(samples.map((sample) => (tokens * 1000) / sampleMs(sample)));
    const perSecond = tokensPerSecond.median / tokens;
    return {
      ...one,
      tokensPerSecond,
      ...(one.group !== "prefill" && { tbtMs: spread(samples.flatMap(({ stepMs }) => stepMs)) }),
      dispatchesPerStep: samples[0] ? samples[0].dispatches / samples[0].stepMs.length : 0,
      shareOf: {
        copy: share(work.bytes * perSecond, probes.copy),
        float: share(work.macs * perSecond, probes.float),
      },
    };
  });
}

/** Four digits. */
export function share(rate: number, probe: Spread | undefined): number {
  return probe === undefined ? 0 : Number((rate / probe.median).toPrecision(4));
}
