import type { PolicyComparison } from "../comparison/report.ts";
import type { Replay } from "../metrics/replay.ts";
import type { PolicyName } from "../scheduler/policies/table.ts";
import type { WorkloadShape } from "../workload/generate.ts";
import type { RuntimeOptions } from "./runtime.ts";

export type { PolicyComparison, WorkloadShape };

/** What a caller passes to `comparePolicies` and gets from it. */

export interface ComparePoliciesOptions
  extends Pick<
    RuntimeOptions,
    | "model"
    | "precision"
    | "kvMiB"
    | "onProgress"
    | "signal"
    | "platform"
    | "modelsUrl"
    | "maxStepTokens"
    | "thread"
    | "workerUrl"
  > {
  /** A prefiller and a decoder on the best adapter when absent. */
  readonly devices?: Exclude<RuntimeOptions["devices"], "auto" | undefined>;
  /** Default baton, conserve and collocated-sticky. Each is set beside `baton` where that is among them. */
  readonly policies?: readonly PolicyName[];
  /** Shares of what the devices manage at most, which is measured first. Range (0, 10] each; default 0.5, 0.75 and 1. */
  readonly loads?: readonly number[];
  /** Of each policy, load and seed. Range [1, 100000]; default 40. */
  readonly conversations?: number;
  /** What they are like. Agents' of 1 to 5 turns when absent, first prompts of 128 tokens in the median, answers of 8. */
  readonly shape?: WorkloadShape;
  /** Workloads of each load. Range [1, 1000]; default 2. */
  readonly seeds?: number;
  /** Most a turn may wait for its first token, and most the mean time between its tokens may be, in ms. Default 1000 and 75. */
  readonly ttftSloMs?: number;
  readonly tbtSloMs?: number;
  /** How long after the last arrival conversations are cut off, in ms. Default 30000. */
  readonly patienceMs?: number;
}

export interface ComparedPolicies {
  readonly comparison: PolicyComparison;
  /** What happened at the highest load, for plots. */
  readonly replays: readonly Replay[];
}
