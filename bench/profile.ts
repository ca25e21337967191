import type { StepProfile } from "../src/runner/step_profile.ts";
import type { ProbeSpreads } from "./probes.ts";
import { share } from "./results.ts";
import { type Spread, spread } from "./spread.ts";

/** What one kind of stage takes of a step, in all layers together. */
export interface StageTime {
  /** What it does: `qkv`, `attention`, `logits`. */
  readonly stage: string;
  /** The kernels that did it, by the labels of their pipelines. */
  readonly kernels: readonly string[];
  readonly dispatches: number;
  readonly ms: Spread;
  /** Of all stages' time. */
  readonly share: number;
  /** The least that it moves and multiplies, over the median of its time. */
  readonly bytesPerSecond: number;
  readonly macsPerSecond: number;
  /** These, against the medians of the probes. */
  readonly shareOf: { readonly copy: number; readonly float: number };
}

/** Where the time of one step of a case goes, by the GPU's clock. */
export interface CaseProfile {
  readonly id: string;
  /** New tokens of the step. */
  readonly tokens: number;
  readonly dispatches: number;
  /** The step as it always runs, in one pass. */
  readonly onePassMs: Spread;
  /** All dispatches, each in a pass of its own, added up. */
  readonly sumMs: Spread;
  /** `sumMs` over `onePassMs`, by pairs. Far from 1, the stages' times say little: passes of their own cost too much. */
  readonly sumOverOnePass: Spread;
  /** From the beginning of the upload to the results; what it has beyond the one pass is the host's. */
  readonly wallMs: Spread;
  /** Those that take longest first. */
  readonly stages: readonly StageTime[];
}

export function caseProfile(
  id: string,
  tokens: number,
  profiles: readonly StepProfile[],
  probes: ProbeSpreads,
): CaseProfile {
  const sums = profiles.map(({ dispatches }) => dispatches.reduce((sum, { ms }) => sum + ms, 0));
  return {
    id,
    tokens,
    dispatches: profiles[0]?.dispatches.length ?? 0,
    onePassMs: spread(profiles.map(({ onePassMs }) => onePassMs)),
    sumMs: spread(sums),
    sumOverOnePass: spread(profiles.map(({ onePassMs }, index) => (sums[index] ?? 0) / onePassMs)),
    wallMs: spread(profiles.map(wallMs)),
    stages: stageTimes(profiles, probes),
  };
}

export function wallMs({ host }: StepProfile): number {
  return host.uploadMs + host.encodeMs + host.submitMs + host.waitMs;
}

function stageTimes(profiles: readonly StepProfile[], probes: ProbeSpreads): StageTime[] {
  const bySample = profiles.map(sumByLabel);
  const times = [...(bySample[0] ?? [])].map(([stage, { kernels, dispatches, bytes, macs }]) => {
    const ms = spread(bySample.map((sums) => sums.get(stage)?.ms ?? 0));
    const perSecond = (amount: number) => Math.round((amount * 1000) / ms.median);
    const [bytesPerSecond, macsPerSecond] = [perSecond(bytes), perSecond(macs)];
    const shareOf = { copy: share(bytesPerSecond, probes.copy), float: share(macsPerSecond, probes.float) };
    return { stage, kernels: [...kernels], dispatches, ms, bytesPerSecond, macsPerSecond, shareOf };
  });
  const all = times.reduce((sum, { ms }) => sum + ms.median, 0);
  return times
    .map((time) => ({ ...time, share: Number((time.ms.median / all).toPrecision(4)) }))
    .sort((a, b) => b.ms.median - a.ms.median);
}

interface StageSum {
  readonly kernels: Set<string>;
  ms: number;
  dispatches: number;
  bytes: number;
  macs: number;
}

/** Over all layers first, so that what a clock rounds evens out. Stages without a dispatch in this step are left out. */
function sumByLabel({ stages, dispatches }: StepProfile): Map<string, StageSum> {
  const sums = new Map<string, StageSum>();
  const seen = new Set<number>();
  for (const { stage, kernel, ms } of dispatches) {
    const { label, bytes, macs } = stages[stage] ?? { label: kernel, bytes: 0, macs: 0 };
    const sum = sums.get(label) ?? { kernels: new Set(), ms: 0, dispatches: 0, bytes: 0, macs: 0 };
    sums.set(label, sum);
    sum.kernels.add(kernel);
    sum.ms += ms;
    sum.dispatches += 1;
    // Of a stage of several dispatches once.
    if (seen.has(stage)) continue;
    seen.add(stage);
    sum.bytes += bytes;
    sum.macs += macs;
  }
  return sums;
}
