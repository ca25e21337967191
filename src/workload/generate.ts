import { InputError } from "../errors.ts";
import { type Arrivals, arrivalTimes } from "./arrivals.ts";
import { countFrom, type Distribution, drawFrom, meanOf, type Range } from "./distribution.ts";
import { Draws } from "./random.ts";
import type { WorkloadConversation, WorkloadTurn } from "./workload.ts";

/** What conversations are made of. A plain record: `{ ...shapes.chat, pauseMs: … }` is another one. */
export interface WorkloadShape {
  /** Turns of a conversation, at least 1. */
  readonly turns: Range | Distribution;
  /** New tokens of a first turn: a system prompt, tools, a task. */
  readonly firstTokens: Distribution;
  /** New tokens of a later turn, without the answer before it: a tool's result, a short question. */
  readonly laterTokens: Distribution;
  /** Tokens of an answer. */
  readonly outputTokens: Distribution;
  /** Pause before each later turn, from the end of the answer before it: a tool that runs, a person who reads. */
  readonly pauseMs: Distribution;
  /**
   * Share of first turns in all new tokens of prompts, above 0 and at most 1, on the average of many conversations. Where it is given,
   * later turns are made that much longer or shorter: of `laterTokens` only the form counts. Default: what follows from the rest.
   */
  readonly firstShare?: number;
}

export interface GenerateOptions {
  /** Any whole number; the lowest 32 bits count. */
  readonly seed: number;
  /** How many. */
  readonly conversations: number;
  readonly arrivals: Arrivals;
  readonly shape: WorkloadShape;
}

/**
 * Conversations of a shape; the same for the same options on every machine. Arrivals have draws of their own: with the same seed and
 * shape, the same conversations come however they arrive.
 * @throws InputError `invalid-option` for a `firstShare` out of range, and as `arrivalTimes` does
 */
export function generateWorkload(options: GenerateOptions): readonly WorkloadConversation[] {
  const { seed, conversations, arrivals } = options;
  const shape = withShare(options.shape);
  const draws = new Draws(seed);
  return arrivalTimes(arrivals, conversations, seed).map((arrivalMs, index) => {
    const count = turnsFrom(draws, shape.turns);
    const turns = Array.from({ length: count }, (_, turn) => drawTurn(draws, shape, turn === 0));
    return { id: `agent-${index + 1}`, arrivalMs, turns };
  });
}

/** The share of first turns in all new tokens of prompts that is to be expected of a shape. */
export function firstShareOf({ turns, firstTokens, laterTokens, firstShare }: WorkloadShape): number {
  const later = (meanOf(turns) - 1) * meanOf(laterTokens);
  return later > 0 ? (firstShare ?? meanOf(firstTokens) / (meanOf(firstTokens) + later)) : 1;
}

/** The same shape with all tokens times `factor` (above 0), for devices with less room. Turns and pauses stay. */
export function scaled(shape: WorkloadShape, factor: number): WorkloadShape {
  return {
    ...shape,
    firstTokens: multiplied(shape.firstTokens, factor),
    laterTokens: multiplied(shape.laterTokens, factor),
    outputTokens: multiplied(shape.outputTokens, factor),
  };
}

function withShare(shape: WorkloadShape): WorkloadShape {
  const { firstShare, ...rest } = shape;
  if (firstShare === undefined) return shape;
  if (!(firstShare > 0 && firstShare <= 1))
    throw new InputError(
      "invalid-option",
      `The option firstShare is ${firstShare}; it has to be above 0 and at most 1.`,
      { option: "firstShare", value: firstShare },
    );
  const now = firstShareOf(rest);
  const factor = now === 1 ? 1 : ((1 - firstShare) / firstShare) * (now / (1 - now));
  return { ...rest, laterTokens: multiplied(rest.laterTokens, factor) };
}

/** The same form around another middle. */
export function multiplied({ median, sigma, min, max }: Distribution, factor: number): Distribution {
  return { median: median * factor, sigma, min: min * factor, max: max * factor };
}

function turnsFrom(draws: Draws, turns: Range | Distribution): number {
  return "median" in turns ? countFrom(draws, turns) : draws.integer(turns.min, turns.max);
}

function drawTurn(draws: Draws, shape: WorkloadShape, isFirst: boolean): WorkloadTurn {
  return {
    inputTokens: countFrom(draws, isFirst ? shape.firstTokens : shape.laterTokens),
    outputTokens: countFrom(draws, shape.outputTokens),
    delayMs: isFirst ? 0 : drawFrom(draws, shape.pauseMs),
  };
}
