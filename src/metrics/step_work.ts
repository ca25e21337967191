import type { StepPlan } from "../protocol/step.ts";

/** What the time of a step depends on. */
export interface StepWork {
  /** Tokens of prompts. */
  readonly prefillTokens: number;
  /** Pairs of a prompt's token in the step and a token before it, or itself: what attention multiplies. */
  readonly prefillPairs: number;
  /** Tokens whose K and V the prompts' attention reads, those of the step included. */
  readonly prefillContextTokens: number;
  /** Turns that decode. */
  readonly decodes: number;
  /** Tokens whose K and V they read, their own included. */
  readonly decodeContextTokens: number;
  /** Tokens that logits are computed for. */
  readonly logitRows: number;
}

export function stepWork({ rows }: StepPlan): StepWork {
  let [prefillTokens, prefillPairs, prefillContextTokens] = [0, 0, 0];
  let [decodes, decodeContextTokens, logitRows] = [0, 0, 0];
  for (const { tokens, output, position } of rows) {
    const count = tokens.length;
    if (output.kind === "token") logitRows += 1;
    else if (output.kind !== "none") logitRows += count;
    if (count === 1 && output.kind === "token" && position > 0) {
      decodes += 1;
      decodeContextTokens += position + 1;
    } else {
      prefillTokens += count;
      prefillPairs += count * position + (count * (count + 1)) / 2;
      prefillContextTokens += position + count;
    }
  }
  return { prefillTokens, prefillPairs, prefillContextTokens, decodes, decodeContextTokens, logitRows };
}

/** The same step without its prompts. */
export function decodesAlone(work: StepWork): StepWork {
  const none = { prefillTokens: 0, prefillPairs: 0, prefillContextTokens: 0 };
  return { ...work, ...none, logitRows: work.decodes };
}
