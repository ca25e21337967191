import type { TurnLoop } from "../src/conversation/turn_loop.ts";
import { GREEDY } from "../src/protocol/sampling.ts";

export interface TurnTokens {
  readonly tokens: readonly number[];
  /** When each was delivered, by `performance.now()`. */
  readonly tokenMs: readonly number[];
  /** CPU time of all threads of the process until its first token, and until its last. */
  readonly firstCpuMs: number;
  readonly lastCpuMs: number;
}

/** Of all threads of the process, those of a software adapter included. */
export function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
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
  let [firstCpuMs, lastCpuMs] = [Number.NaN, Number.NaN];
  const output = { kind: "tokens", sampling: GREEDY, maxTokens, endTokens: [], stopTokens: [] } as const;
  return new Promise((resolve, failed) => {
    const token = (value: number, atMs: number) => {
      tokens.push(value);
      tokenMs.push(atMs);
      if (tokens.length === 1) firstCpuMs = processCpuMs();
      if (tokens.length === maxTokens) lastCpuMs = processCpuMs();
    };
    loop.start(
      { conversation, keep, tokens: prompt, output },
      { token, finished: () => resolve({ tokens, tokenMs, firstCpuMs, lastCpuMs }), failed },
    );
  });
}
