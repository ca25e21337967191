import type { RankedTurns } from "./ranked_turns.ts";
import { completionTokens, pendingTokens } from "./state.ts";

/** Of the pace, the least that prompts have of a step, and the most. */
const LEAST = 0.5;
const MOST = 3;
/** Prompts wait until their share holds so many tiles of the kernels, */
const WORTHWHILE_TILES = 6;
/** or so much of the pace, */
const WORTHWHILE = 1.5;
/** through so many steps at most. */
const MOST_RESTS = 2;

/** What is seen of a device when a step is composed. */
export interface PaceView {
  /** The turns that answer, and how many of them are in the step. */
  readonly decoding: RankedTurns;
  readonly decodes: number;
  readonly nowMs: number;
  /** How long a step with decodes in it takes, lately. */
  readonly stepMs: number;
  /** What as many tokens of prompts take as the kernels take at a time. */
  readonly tileMs: number;
}

/**
 * How much of a device's steps prompts may take, so that answers keep their pace: as much as all of them are ahead of it, within bounds. Where that
 * is little, prompts rest through a step or two and have more of the next: a step with prompts has costs of its own, and its last tile
 * is seldom full.
 */
export class Pacing {
  /** The mean time between tokens that answers keep. */
  readonly #paceMs: number;
  /** How many steps in a row prompts have rested through. */
  #rests = 0;

  constructor(paceMs: number) {
    this.#paceMs = paceMs;
  }

  /** What prompts may take of the next step, in ms; 0 while they rest. */
  promptMs(view: PaceView): number {
    const paceMs = this.#paceMs;
    const aheadMs = aheadOf(view, paceMs);
    const leastMs = LEAST * paceMs * (1 + this.#rests);
    const worthwhileMs = Math.min(WORTHWHILE * paceMs, WORTHWHILE_TILES * view.tileMs);
    const rests = view.decodes > 0 && this.#rests < MOST_RESTS && Math.max(leastMs, aheadMs) < worthwhileMs;
    return rests ? 0 : Math.max(leastMs, Math.min(MOST * paceMs, aheadMs));
  }

  /** A step was planned with so many tokens of prompts, and more of them waited for it or not. */
  planned(promptTokens: number, isWaitedFor: boolean): void {
    this.#rests = promptTokens === 0 && isWaitedFor ? this.#rests + 1 : 0;
  }

  /** Whether prompts of a step take so long that the next one is not planned before it has ended. */
  takesLong(promptMs: number): boolean {
    return promptMs > LEAST * this.#paceMs;
  }
}

/** How much longer than a step the next token of any answer may still take; infinite where there are none. */
function aheadOf({ decoding, nowMs, stepMs }: PaceView, paceMs: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const turn of decoding) {
    if (turn.firstTokenMs === undefined) return 0;
    const pending = pendingTokens(turn);
    const dueMs = turn.firstTokenMs + (completionTokens(turn) + pending) * paceMs;
    least = Math.min(least, dueMs - nowMs - pending * stepMs);
  }
  return least;
}
