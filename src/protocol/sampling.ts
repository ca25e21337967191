/** How the next token is chosen, with the field's usual names. `sampling.ts` in `model/` says how each is applied. */
export interface SamplingOptions {
  /** 0 is greedy. Range [0, 100]; default 0. */
  readonly temperature?: number;
  /** Keep the K likeliest tokens; 0 keeps all. Default 0. */
  readonly topK?: number;
  /** Keep the smallest set of likeliest tokens whose probabilities reach `topP`. Range (0, 1]; default 1. */
  readonly topP?: number;
  /** Keep tokens at least `minP` times as likely as the likeliest. Range [0, 1); default 0. */
  readonly minP?: number;
  /** Divides (multiplies if negative) the logits of tokens seen before (CTRL, arXiv 1909.05858). Range (0, 10]; default 1. */
  readonly repetitionPenalty?: number;
  /** Subtracted once from the logit of each token seen before in the completion. Range [-2, 2]; default 0. */
  readonly presencePenalty?: number;
  /** Subtracted once per occurrence in the completion. Range [-2, 2]; default 0. */
  readonly frequencyPenalty?: number;
  /** Same seed, same text on the same adapter. An integer in [0, 2^32); drawn at random when absent. */
  readonly seed?: number;
}

/** What a turn's tokens are drawn by, everything resolved. */
export interface TurnSampling extends Required<SamplingOptions> {
  /** Which tokens may come at all. */
  readonly constraint?: TokenConstraint;
}

/**
 * A grammar over tokens. It is asked on the host, by the device that samples; a device elsewhere would need to be sent the grammar.
 */
export interface TokenConstraint {
  /**
   * The tokens that may follow after these of the answer: bit `id % 32` of word `id / 32` is set. Undefined: all of them. Never
   * rejects, since one step is many conversations'.
   */
  allowed(completionTokens: readonly number[]): Promise<Int32Array | undefined>;
}

/** The likeliest token, always. */
export const GREEDY: Required<SamplingOptions> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0,
};

/** Whether the choice needs the whole row of logits on the host; otherwise shaders/sample.wesl makes it. */
export function needsLogits(sampling: TurnSampling): boolean {
  return dependsOnTokens(sampling) || (sampling.temperature > 0 && isTruncated(sampling));
}

/** Whether the choice depends on the tokens before. */
export function dependsOnTokens(sampling: TurnSampling): boolean {
  return sampling.constraint !== undefined || hasPenalties(sampling);
}

export function hasPenalties(sampling: Required<SamplingOptions>): boolean {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}

function isTruncated({ topK, topP, minP }: Required<SamplingOptions>): boolean {
  return topK > 0 || topP < 1 || minP > 0;
}
