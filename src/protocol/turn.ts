import type { TurnSampling } from "./sampling.ts";

/** A turn as the scheduler knows it: tokens in, tokens or logits out. Text is somebody else's business. */

/** `end`: the model ended its turn; `stop`: a stop string or token; `length`: `maxTokens` or the context; `abort`: the signal. */
export type FinishReason = "end" | "stop" | "length" | "abort";

/** What a turn is for. */
export type TurnOutput =
  /** Tokens sampled one after another until one of the limits says stop. The token that ends the turn is delivered as well. */
  | {
      readonly kind: "tokens";
      readonly sampling: TurnSampling;
      /** At least one. */
      readonly maxTokens: number;
      /** Tokens by which the model ends its turn. */
      readonly endTokens: readonly number[];
      /** The caller's own. */
      readonly stopTokens: readonly number[];
    }
  /** The logits after every token of the prompt; nothing is sampled. */
  | { readonly kind: "logits" };

export interface TurnRequest {
  readonly conversation: string;
  /** A number no other turn of this scheduler has. */
  readonly turn: number;
  /** How many of the tokens that the conversation has run stay; what is behind them is dropped. */
  readonly keep: number;
  /** The tokens that follow the kept ones. At least one. */
  readonly tokens: readonly number[];
  readonly output: TurnOutput;
  /** Most tokens of one prefill chunk; what a step can hold when absent. */
  readonly chunkTokens?: number;
  /** Turns of a higher one go first, and those that wait rise: one more counts as much as ten seconds of waiting. Default 0. */
  readonly priority?: number;
}

export interface TurnUsage {
  /** Tokens of the whole prompt of this turn, history included. */
  readonly promptTokens: number;
  /** Of these, how many were in the cache of the device that ran them already. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}
