import type { Precision } from "../src/api.ts";
import type { Comparison } from "./compare.ts";
import type { EngineRun, RunModel } from "./engine_run.ts";
import type { FirstToken } from "./first_token.ts";
import type { HostPeaks } from "./host_memory.ts";
import type { Machine } from "./machine.ts";

/** What `bench engine --json` prints, and what bench/results/ keeps. */
export interface EngineReport extends Omit<EngineRun, "model"> {
  readonly benchmark: "engine";
  readonly takenAt: string;
  readonly machine: Machine;
  /** The page's browser, as it names itself; absent where Node itself measured. */
  readonly browser?: string;
  /** Load average of the machine when measuring began and when it ended. */
  readonly loadAverage: readonly [number, number];
  readonly model: BenchModel;
  readonly precision: Precision;
  readonly seed: number;
  /** Rounds: samples of a case that is taken in every one. */
  readonly samples: number;
  readonly maxStepTokens: number;
  /** Of loading and the first steps; absent for a page, which is not told. */
  readonly hostPeaks?: HostPeaks;
  /** Absent where no process was started for it. */
  readonly firstToken?: FirstToken;
  readonly comparison?: Comparison;
}

export interface BenchModel extends RunModel {
  /** A model, or the shape of the random weights. */
  readonly name: string;
  readonly weights: "file" | "random";
}
