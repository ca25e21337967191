import type { Runner } from "../src/protocol/step.ts";

/** What a device did, by `performance.now()`. */
export interface ObservedStep {
  readonly device: string;
  /** Whose rows it had. */
  readonly sequences: readonly string[];
  /** The plan was given. */
  readonly givenMs: number;
  /** The device had nothing before it to do any more. */
  readonly startMs: number;
  readonly endMs: number;
}

export interface ObservedCopy {
  readonly device: string;
  readonly step: "export" | "import";
  readonly blocks: number;
  readonly bytes: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Observed {
  readonly steps: ObservedStep[];
  readonly copies: ObservedCopy[];
}

/** The same runner, with what it does written down; `blocks` of its pool, the first ones, are for the scheduler. Not to be disposed. */
export function observed(device: string, runner: Runner, log: Observed, blocks: number): Runner {
  let endedMs = 0;
  const copied = async <T>(step: "export" | "import", count: number, work: () => Promise<T>): Promise<T> => {
    const startMs = performance.now();
    const result = await work();
    const bytes = count * runner.limits.blockBytes;
    log.copies.push({ device, step, blocks: count, bytes, startMs, endMs: performance.now() });
    return result;
  };
  return {
    name: runner.name,
    limits: { ...runner.limits, blocks },
    run: async (plan) => {
      const givenMs = performance.now();
      const result = await runner.run(plan);
      const startMs = Math.max(givenMs, endedMs);
      endedMs = performance.now();
      const sequences = plan.rows.map(({ sequence }) => sequence);
      log.steps.push({ device, sequences, givenMs, startMs, endMs: endedMs });
      return result;
    },
    exportBlocks: (wanted) => copied("export", wanted.length, () => runner.exportBlocks(wanted)),
    importBlocks: (wanted, data) => copied("import", wanted.length, () => runner.importBlocks(wanted, data)),
    dispose: () => {},
  };
}
