import type { WorkloadShape } from "./generate.ts";

/**
 * An agent's conversation on a small scale: a first prompt with instructions and tools, some turns with a tool's result each, short
 * answers that call the next tool. First turns hold most of the prefill, as the paper's do (arXiv 2606.01839).
 */
export const AGENTS: WorkloadShape = {
  turns: { min: 1, max: 5 },
  firstTokens: { median: 128, sigma: 0.5, min: 32, max: 512 },
  laterTokens: { median: 16, sigma: 0.6, min: 4, max: 96 },
  outputTokens: { median: 8, sigma: 0.5, min: 2, max: 32 },
  pauseMs: { median: 200, sigma: 0.8, min: 20, max: 2000 },
};
