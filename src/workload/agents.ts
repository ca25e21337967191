import type { WorkloadShape } from "./generate.ts";

/**
 * An agent's conversation on a small scale, for machines without a GPU: a first prompt with instructions and tools, some turns with a
 * tool's result each, short answers that call the next tool. First turns hold about 79% of the prefill: the two phases that ConServe
 * (arXiv 2606.01839) builds on. All numbers are assumptions.
 */
export const AGENTS: WorkloadShape = {
  turns: { min: 1, max: 5 },
  firstTokens: { median: 128, sigma: 0.5, min: 32, max: 512 },
  laterTokens: { median: 16, sigma: 0.6, min: 4, max: 96 },
  outputTokens: { median: 8, sigma: 0.5, min: 2, max: 32 },
  pauseMs: { median: 200, sigma: 0.8, min: 20, max: 2000 },
};
