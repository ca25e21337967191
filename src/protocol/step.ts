import type { SamplingOptions } from "./sampling.ts";

/** What one device is to run in one step, and what came out: plain data that crosses any border. */

/** A conversation's new tokens in one step: a prefill chunk, or the one token of a decode. */
export interface StepRow {
  /** Names the sequence in results and messages; means nothing to the runner. */
  readonly sequence: string;
  /** At least one. Their K and V are written at `position`, `position + 1`, … */
  readonly tokens: readonly number[];
  /** How many tokens of the sequence are in the cache before this step. */
  readonly position: number;
  /** The block table: pool block of each `blockTokens` tokens, covering `position + tokens.length`. */
  readonly blocks: readonly number[];
  readonly output: RowOutput;
}

export type RowOutput =
  /** More of the prompt follows: no logits are computed. */
  | { readonly kind: "none" }
  /** Sample the token that follows the last one. */
  | { readonly kind: "token"; readonly sampling: TokenSampling }
  /** The logits after every token of the row. */
  | { readonly kind: "logits" };

/** Sampling with everything resolved; the draw depends on `seed` and the token's position and on nothing else. */
export interface TokenSampling extends Required<SamplingOptions> {
  /** Tokens of the prompt, for the repetition penalty; empty when that is 1. */
  readonly promptTokens: readonly number[];
  /** Tokens of the completion so far, for all three penalties; empty when none applies. */
  readonly completionTokens: readonly number[];
}

export interface StepPlan {
  readonly id: number;
  readonly rows: readonly StepRow[];
}

export type RowResult =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: number }
  /** [tokens, vocabTokens], 32-bit floats. */
  | { readonly kind: "logits"; readonly logits: Float32Array };

export interface StepResult {
  readonly plan: number;
  /** In the order of the plan's rows. */
  readonly rows: readonly RowResult[];
  readonly ms: number;
}

/** What a plan must keep to. */
export interface RunnerLimits {
  readonly blockTokens: number;
  readonly blocks: number;
  /** Most tokens of one step, all rows together. */
  readonly maxStepTokens: number;
  /** Most rows of one step. */
  readonly maxStepRows: number;
  /** Most rows of logits one step computes: one per `token` row, one per token of a `logits` row. */
  readonly maxLogitRows: number;
  /** Most tokens of one sequence, as the model was trained. */
  readonly contextTokens: number;
  readonly vocabTokens: number;
}

/** A device that runs step plans: real, simulated or remote. */
export interface Runner {
  readonly name: string;
  readonly limits: RunnerLimits;
  /**
   * Runs one step. Plans run in the order of the calls; K and V of the rows are in the pool when it resolves.
   * @throws DeviceError `device-lost`, `gpu-error`, `gpu-out-of-memory`
   */
  run(plan: StepPlan): Promise<StepResult>;
  dispose(): void;
}
