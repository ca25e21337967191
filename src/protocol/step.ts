import type { TurnSampling } from "./sampling.ts";

/** What one device is to run in one step, and what came out: plain data that crosses any border. */

/**
 * Stands for the token that the plan just before this one samples for the same sequence. The runner passes it on without the
 * host, so a plan can be made before that token is known; what samples it must not need the host (`needsLogits`).
 */
export const FED_TOKEN = -1;

/** A conversation's new tokens in one step: a prefill chunk, or the one token of a decode. */
export interface StepRow {
  /** Names the sequence in results and messages; means nothing to the runner. */
  readonly sequence: string;
  /** At least one; one alone may be `FED_TOKEN`. Their K and V are written at `position`, `position + 1`, … */
  readonly tokens: readonly number[];
  /** How many tokens of the sequence are in the cache before this step, when the plans before it have run. */
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
  /** Sample the token that follows each one, as if all before it were the sequence. The host must not be needed (`needsLogits`). */
  | { readonly kind: "tokens"; readonly sampling: TokenSampling }
  /** The logits after every token of the row. */
  | { readonly kind: "logits" };

/** Sampling with everything resolved; the draw depends on `seed` and the token's position and on nothing else. */
export interface TokenSampling extends TurnSampling {
  /** Tokens of the prompt, for the repetition penalty; empty when that is 1. */
  readonly promptTokens: readonly number[];
  /** Tokens of the completion so far, for all three penalties and the constraint; empty when none applies. */
  readonly completionTokens: readonly number[];
}

/** A pool block and the one that gets its content. */
export interface BlockCopy {
  readonly from: number;
  readonly to: number;
}

export interface StepPlan {
  readonly id: number;
  readonly rows: readonly StepRow[];
  /** Made before the rows run: a row goes on in a block that it shared until now. Absent when there are none. */
  readonly copies?: readonly BlockCopy[];
}

export type RowResult =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: number }
  /** One for each token of the row. */
  | { readonly kind: "tokens"; readonly tokens: readonly number[] }
  /** [tokens, vocabTokens], 32-bit floats. */
  | { readonly kind: "logits"; readonly logits: Float32Array };

export interface StepResult {
  readonly plan: number;
  /** In the order of the plan's rows. */
  readonly rows: readonly RowResult[];
  /** From when the device had nothing before this step to do, or got its plan, to its results. */
  readonly ms: number;
}

/** What a plan must keep to. */
export interface RunnerLimits {
  readonly blockTokens: number;
  /** K and V of one block, all layers. */
  readonly blockBytes: number;
  readonly blocks: number;
  /** Most tokens of one step, all rows together. */
  readonly maxStepTokens: number;
  /** Kernels take tokens by so many: a step of one token more takes as long as one of so many more. Absent: 1. */
  readonly tileTokens?: number;
  /** Most rows of one step. */
  readonly maxStepRows: number;
  /** Most rows of logits one step computes: one per `token` row, one per token of a `tokens` or `logits` row. */
  readonly maxLogitRows: number;
  /** Most tokens of one sequence, as the model was trained. */
  readonly contextTokens: number;
  readonly vocabTokens: number;
  /** Most plans that are given before the first of them has reported. At least one. */
  readonly plansInFlight: number;
}

/** A device that runs step plans: real, simulated or remote. */
export interface Runner {
  readonly name: string;
  readonly limits: RunnerLimits;
  /**
   * Runs one step. Plans run and report in the order of the calls; K and V of the rows are in the pool when it resolves.
   * @throws DeviceError `device-lost`, `gpu-error`, `gpu-out-of-memory`
   */
  run(plan: StepPlan): Promise<StepResult>;
  /**
   * The content of KV blocks as the plans given before leave it, one block after the other, each `limits.blockBytes` long.
   * @throws DeviceError as `run`
   */
  exportBlocks(blocks: readonly number[]): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Fills KV blocks with what `exportBlocks` gave, also on another device. Plans given afterwards see it.
   * @throws DeviceError as `run`
   */
  importBlocks(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): Promise<void>;
  dispose(): void;
}
