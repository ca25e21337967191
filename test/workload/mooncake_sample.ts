import { generateWorkload, type WorkloadShape } from "../../src/workload/generate.ts";
import type { WorkloadConversation } from "../../src/workload/workload.ts";

/** Small traces as Mooncake's are, made of workloads that are known. */

const BLOCK_TOKENS = 512;

const SHAPE: WorkloadShape = {
  turns: { min: 1, max: 6 },
  firstTokens: { median: 3000, sigma: 0.6, min: 1600, max: 16_000 },
  laterTokens: { median: 400, sigma: 1, min: 100, max: 4000 },
  outputTokens: { median: 150, sigma: 0.8, min: 20, max: 1000 },
  pauseMs: { median: 20_000, sigma: 1, min: 1000, max: 200_000 },
};

/** Times are whole ms, as Mooncake's are. */
export function sampleWorkload(seed: number, conversations: number): readonly WorkloadConversation[] {
  const arrivals = { kind: "poisson", ratePerSecond: 0.5 } as const;
  return generateWorkload({ seed, conversations, arrivals, shape: SHAPE }).map(
    ({ id, arrivalMs, turns }) => ({
      id,
      arrivalMs: Math.round(arrivalMs),
      turns: turns.map((turn) => ({ ...turn, delayMs: Math.round(turn.delayMs) })),
    }),
  );
}

export interface MooncakeRequest {
  readonly session_id: string;
  readonly timestamp: number;
  readonly delay: number;
  readonly input_length: number;
  readonly output_length: number;
  readonly hash_ids: readonly number[];
}

/**
 * A request for each turn, by time, as if answers took none. All prompts begin with the same `systemTokens`, which count as part of first
 * turns. Ids number blocks in the order in which they are first seen; a block is told from others by all tokens up to its end.
 */
export function mooncakeRequests(
  workload: readonly WorkloadConversation[],
  systemTokens = 700,
): readonly MooncakeRequest[] {
  const turns = workload.flatMap(({ id, arrivalMs, turns }) => {
    let [timestamp, tokens] = [arrivalMs, 0];
    return turns.map(({ delayMs, inputTokens, outputTokens }) => {
      timestamp += delayMs;
      const promptTokens = tokens + inputTokens;
      tokens = promptTokens + outputTokens;
      return { id, timestamp, delayMs, promptTokens, outputTokens };
    });
  });
  const known = new Map<string, number>();
  const idOf = (block: string) => {
    const id = known.get(block) ?? known.size;
    known.set(block, id);
    return id;
  };
  return turns
    .toSorted((a, b) => a.timestamp - b.timestamp)
    .map(({ id, timestamp, delayMs, promptTokens, outputTokens }) => ({
      session_id: id,
      timestamp,
      delay: delayMs,
      input_length: promptTokens,
      output_length: outputTokens,
      hash_ids: Array.from({ length: Math.ceil(promptTokens / BLOCK_TOKENS) }, (_, block) => {
        const end = Math.min(promptTokens, (block + 1) * BLOCK_TOKENS);
        return idOf(end <= systemTokens ? `${end}` : `${id} ${end}`);
      }),
    }));
}

/** Without what Mooncake's own traces do not have. */
export function plainLines(requests: readonly MooncakeRequest[]): string {
  return requests.map(({ session_id: _, delay: __, ...request }) => JSON.stringify(request)).join("\n");
}
