import { Draws } from "./random.ts";
import type { WorkloadConversation, WorkloadTurn } from "./workload.ts";

/** A log-normal distribution within bounds. */
export interface Distribution {
  readonly median: number;
  /** Standard deviation of the logarithm; 0 for always the median. */
  readonly sigma: number;
  readonly min: number;
  readonly max: number;
}

export interface WorkloadShape {
  /** Turns of a conversation, each number as likely as any other. */
  readonly turns: { readonly min: number; readonly max: number };
  /** New tokens of a first turn: a system prompt, tools, a task. */
  readonly firstTokens: Distribution;
  /** New tokens of a later turn: a tool's result, a short question. */
  readonly laterTokens: Distribution;
  readonly outputTokens: Distribution;
  /** Pause before each later turn. */
  readonly pauseMs: Distribution;
}

export interface GenerateOptions {
  readonly seed: number;
  readonly conversations: number;
  /** Conversations that arrive in a second, by a Poisson process. */
  readonly ratePerSecond: number;
  readonly shape: WorkloadShape;
}

/** Conversations that come by a Poisson process; the same for the same options on every machine. */
export function generateWorkload(options: GenerateOptions): readonly WorkloadConversation[] {
  const { seed, conversations, ratePerSecond, shape } = options;
  // Arrivals by draws of their own, so that the same conversations come at another rate.
  const arrivals = new Draws(seed ^ 0x5bd1e995);
  const draws = new Draws(seed);
  let arrivalMs = 0;
  return Array.from({ length: conversations }, (_, index) => {
    arrivalMs += (arrivals.exponential() * 1000) / ratePerSecond;
    const count = draws.integer(shape.turns.min, shape.turns.max);
    const turns = Array.from({ length: count }, (_, turn) => drawTurn(draws, shape, turn === 0));
    return { id: `agent-${index + 1}`, arrivalMs, turns };
  });
}

function drawTurn(draws: Draws, shape: WorkloadShape, isFirst: boolean): WorkloadTurn {
  return {
    inputTokens: tokensFrom(draws, isFirst ? shape.firstTokens : shape.laterTokens),
    outputTokens: tokensFrom(draws, shape.outputTokens),
    delayMs: isFirst ? 0 : drawFrom(draws, shape.pauseMs),
  };
}

function tokensFrom(draws: Draws, distribution: Distribution): number {
  return Math.max(1, Math.round(drawFrom(draws, distribution)));
}

function drawFrom(draws: Draws, { median, sigma, min, max }: Distribution): number {
  return Math.min(max, Math.max(min, draws.logNormal(median, sigma)));
}
