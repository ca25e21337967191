import type { StepProfile } from "../src/runner/step_profile.ts";
import { type Spread, spread } from "./spread.ts";

/** What one kernel takes of a step, all its dispatches together. */
export interface KernelTime {
  /** The kernel and its variant, by the label of its pipeline. */
  readonly kernel: string;
  readonly dispatches: number;
  readonly ms: Spread;
  /** Of all kernels' time. */
  readonly share: number;
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
  /** `sumMs` over `onePassMs`, by pairs. Far from 1, the kernels' times say little: passes of their own cost too much. */
  readonly sumOverOnePass: Spread;
  /** From the beginning of the upload to the results; what it has beyond the one pass is the host's. */
  readonly wallMs: Spread;
  /** Those that take longest first. */
  readonly kernels: readonly KernelTime[];
}

export function caseProfile(id: string, tokens: number, profiles: readonly StepProfile[]): CaseProfile {
  const sums = profiles.map(({ dispatches }) => dispatches.reduce((sum, { ms }) => sum + ms, 0));
  const kernels = kernelTimes(profiles);
  const all = kernels.reduce((sum, { ms }) => sum + ms.median, 0);
  return {
    id,
    tokens,
    dispatches: profiles[0]?.dispatches.length ?? 0,
    onePassMs: spread(profiles.map(({ onePassMs }) => onePassMs)),
    sumMs: spread(sums),
    sumOverOnePass: spread(profiles.map(({ onePassMs }, index) => (sums[index] ?? 0) / onePassMs)),
    wallMs: spread(profiles.map(wallMs)),
    kernels: kernels
      .map((kernel) => ({ ...kernel, share: Number((kernel.ms.median / all).toPrecision(4)) }))
      .sort((a, b) => b.ms.median - a.ms.median),
  };
}

export function wallMs({ host }: StepProfile): number {
  return host.uploadMs + host.encodeMs + host.submitMs + host.waitMs;
}

/** Summed over a step's dispatches first, so that what a clock rounds evens out. */
function kernelTimes(profiles: readonly StepProfile[]): Omit<KernelTime, "share">[] {
  const bySample = profiles.map(({ dispatches }) => {
    const sums = new Map<string, { ms: number; dispatches: number }>();
    for (const { kernel, ms } of dispatches) {
      const sum = sums.get(kernel) ?? { ms: 0, dispatches: 0 };
      sums.set(kernel, { ms: sum.ms + ms, dispatches: sum.dispatches + 1 });
    }
    return sums;
  });
  return [...(bySample[0] ?? [])].map(([kernel, { dispatches }]) => ({
    kernel,
    dispatches,
    ms: spread(bySample.map((sums) => sums.get(kernel)?.ms ?? 0)),
  }));
}
