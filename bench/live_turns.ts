import type { TurnLoop } from "../src/conversation/turn_loop.ts";
import { GREEDY } from "../src/protocol/sampling.ts";

export interface TurnTokens {
  readonly tokens: readonly number[];
  /** When each was delivered, by `performance.now()`. */
  readonly tokenMs: readonly number[];
}

/** Runs a turn of exactly `maxTokens` tokens, streamed to a sink. */
export function runTurn(
  loop: TurnLoop,
  conversation: string,
  keep: number,
  prompt: readonly number[],
  maxTokens: number,
): Promise<TurnTokens> {
  const tokens: number[] = [];
  const tokenMs: number[] = [];
  const output = { kind: "tokens", sampling: GREEDY, maxTokens, endTokens: [], stopTokens: [] } as const;
  return new Promise((resolve, failed) => {
    const token = (value: number, atMs: number) => {
      tokens.push(value);
      tokenMs.push(atMs);
    };
    loop.start(
      { conversation, keep, tokens: prompt, output },
      { token, finished: () => resolve({ tokens, tokenMs }), failed },
    );
  });
}
