import { AGENTS } from "./agents.ts";
import type { WorkloadShape } from "./generate.ts";

/**
 * Shapes of work by name. Where a source gives percentiles, the log-normal distribution has its median and is fitted to its 90th
 * percentile; what no source gives is called an assumption. Sources:
 *
 * - Codex: 610 runs of Codex on SWE-bench Pro, https://huggingface.co/datasets/Inferact/codex_swebenchpro_traces
 * - TraceLab: 4,265 sessions of Claude Code and Codex at work, arXiv 2606.30560, https://tracelab.cs.washington.edu
 * - LMSYS-Chat-1M: a million conversations with chat models, arXiv 2309.11998, table 1
 */
export type ShapeName = "agents" | "swe-agent" | "chat" | "tool-heavy";

/**
 * An agent that mends a program: about 34 turns, first turns of about 13,300 tokens, later ones of about 1,600, answers of about 128,
 * at the end a context of about 70,000 tokens (Codex: 84,000).
 *
 * First turns hold about 20% of the prefill here (Codex: 18%), so these are not the two phases of ConServe (arXiv 2606.01839), where the
 * prefill is the first turn's and the rest is bound by memory. `firstShare` sets another share; `scaled` makes all of it shorter.
 */
const SWE_AGENT: WorkloadShape = {
  // Codex: calls of a run have the median 30, the 90th percentile 57 and the 99th 90.
  turns: { median: 30, sigma: 0.5, min: 2, max: 100 },
  // Codex: 12,278, and hardly anything else, since one harness always sends the same instructions. Runs on SWE-bench with other harnesses
  // begin with 3,000 (noddu/swe_multiturn-claude-trace-tokenized-qwen3.5) and 20,000 (netpreme/coding_agent_traces); that they spread like
  // this is an assumption.
  firstTokens: { median: 12_278, sigma: 0.5, min: 3000, max: 24_000 },
  // TraceLab (Claude Code): 857 tokens are appended in the median and 5,342 at the 90th percentile, with the answer before, of 252 in the
  // median. Codex: contexts grow by 2,242 a turn, 520 of them the answer. The least and the most are assumptions.
  laterTokens: { median: 600, sigma: 1.43, min: 16, max: 32_768 },
  // An assumption: 128 in the mean, the call of a tool and a sentence, as a small model without reasoning writes them. The first calls of
  // netpreme/coding_agent_traces have 41 to 200; with reasoning it is more (TraceLab: median 184 to 252; Codex: mean 520).
  outputTokens: { median: 96, sigma: 0.75, min: 8, max: 2048 },
  // TraceLab: tools take 0.3 s in the median and 13.6 s at the 90th percentile. That they are stopped after 5 minutes is an assumption.
  pauseMs: { median: 300, sigma: 3, min: 10, max: 300_000 },
};

/** People who talk to a model: about 2 turns, prompts of about 70 tokens, answers of about 214, long pauses to read and write. */
const CHAT: WorkloadShape = {
  // LMSYS-Chat-1M: 2.0 in the mean; half of them being of one turn is an assumption.
  turns: { median: 1.4, sigma: 0.8, min: 1, max: 20 },
  // LMSYS-Chat-1M: 69.5 in the mean, of first and later prompts together; that first ones are no longer, and the spread, are assumptions.
  firstTokens: { median: 34, sigma: 1.2, min: 2, max: 2048 },
  laterTokens: { median: 34, sigma: 1.2, min: 2, max: 2048 },
  // LMSYS-Chat-1M: 214.5 in the mean; the spread is an assumption.
  outputTokens: { median: 143, sigma: 0.9, min: 1, max: 2048 },
  // An assumption: a minute, between reading 160 words at 240 a minute, and the 1.4 minutes that TraceLab's programmers take.
  pauseMs: { median: 60_000, sigma: 1.2, min: 2000, max: 1_800_000 },
};

/** The work of `swe-agent` with slow tools: builds, test suites, other agents. */
const TOOL_HEAVY: WorkloadShape = {
  ...SWE_AGENT,
  // TraceLab: of all time in tools, half is in calls of 1 s to 1 min (Codex) or 1 to 10 min (Claude Code). That all calls are like these,
  // the median and the spread are assumptions.
  pauseMs: { median: 20_000, sigma: 1.2, min: 1000, max: 600_000 },
};

export const shapes: Readonly<Record<ShapeName, WorkloadShape>> = {
  agents: AGENTS,
  "swe-agent": SWE_AGENT,
  chat: CHAT,
  "tool-heavy": TOOL_HEAVY,
};
