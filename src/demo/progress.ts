import type { Progress } from "../index.ts";

/** How far one phase of loading is, with what its beginning says of its end. */
export interface PhaseProgress {
  readonly phase: Progress["phase"];
  readonly label: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: Progress["unit"];
  readonly secondsLeft: number | undefined;
  /** False for a download that the browser has no room to keep. */
  readonly kept: boolean;
}

export interface ProgressBook {
  add(progress: Progress, nowMs: number): void;
  /** In the order in which they began. */
  phases(nowMs: number): readonly PhaseProgress[];
}

/** Before that a rate says little. */
const LEAST_MS = 1000;

export function progressBook(): ProgressBook {
  const seen = new Map<
    Progress["phase"],
    { readonly last: Progress; readonly sinceMs: number; readonly first: number }
  >();
  return {
    add: (progress, nowMs) => {
      const known = seen.get(progress.phase);
      // One that begins again, as with another source, is timed anew.
      const again = known === undefined || progress.done < known.last.done;
      const { sinceMs, first } = again ? { sinceMs: nowMs, first: progress.done } : known;
      seen.set(progress.phase, { last: progress, sinceMs, first });
    },
    phases: (nowMs) =>
      Array.from(seen.values(), ({ last, sinceMs, first }) => {
        const { phase, label, done, total, unit, kept = true } = last;
        const rate = nowMs - sinceMs > LEAST_MS ? (done - first) / (nowMs - sinceMs) : 0;
        const secondsLeft = total !== undefined && rate > 0 ? (total - done) / rate / 1000 : undefined;
        return { phase, label, done, total, unit, secondsLeft, kept };
      }),
  };
}

/** Whether a model that is loaded so is there with the next load. */
export function isKept(phases: readonly PhaseProgress[]): boolean {
  return phases.every(({ kept }) => kept);
}

/** What happens in a phase, for people. */
export const phaseTitles: Readonly<Record<Progress["phase"], string>> = {
  download: "Downloading",
  verify: "Checking",
  load: "Putting the weights onto the GPU",
  measure: "Measuring the GPUs",
  compile: "Compiling kernels",
  "warm-up": "Running each kernel once",
  tune: "Tuning",
};
