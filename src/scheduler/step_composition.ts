import { dependsOnTokens } from "../protocol/sampling.ts";
import type { RowOutput, RunnerLimits, StepRow } from "../protocol/step.ts";
import type { RankedTurns } from "./ranked_turns.ts";
import { nextPosition, nextTokens, promptTokens, standingOf, type TurnState, tokensLeft } from "./state.ts";

/**
 * What one step of a device holds: the next token of every turn that decodes, and in the room that is left chunks of prompts, first
 * come first served. A decode therefore never waits for more than one step of `maxStepTokens`, however long the prompts are
 * (Sarathi-Serve, arXiv 2403.02310). A turn enters the step as a prompt and becomes one decode row, so decodes always fit.
 */

export interface StepBudget {
  tokens: number;
  /** Of prompts alone. */
  promptTokens: number;
  rows: number;
  logitRows: number;
}

export function stepBudget(limits: RunnerLimits, promptTokens: number): StepBudget {
  const { maxStepTokens: tokens, maxStepRows: rows, maxLogitRows: logitRows } = limits;
  return { tokens, promptTokens, rows, logitRows };
}

/**
 * So many of the prompts' tokens that they and the decodes fill whole tiles of the kernels, as many as come nearest: what begins another tile
 * takes as long as all of it. As they are where that is none; none stay none.
 */
export function inWholeTiles(
  promptTokens: number,
  decodes: number,
  { tileTokens = 1 }: RunnerLimits,
): number {
  if (promptTokens === 0) return 0;
  const whole = Math.round((promptTokens + decodes) / tileTokens) * tileTokens;
  return whole > decodes ? whole - decodes : promptTokens;
}

/** Adds the turns that a plan made now may hold; false while one has to wait, so that it stays in a step with the others. */
export function readyTurns(
  turns: RankedTurns,
  contextTokens: number,
  lastPlan: number,
  ready: TurnState[],
): boolean {
  for (const turn of turns) {
    const standing = standingOf(turn, contextTokens, lastPlan);
    if (standing === "waits") return false;
    if (standing === "ready") ready.push(turn);
  }
  return true;
}

/** Whether there is room for a decode. */
export function hasRow({ rows, tokens, logitRows }: StepBudget): boolean {
  return rows > 0 && tokens > 0 && logitRows > 0;
}

/** How many of the turn's next tokens this step takes; 0 when there is no room for it. */
export function shareOf(turn: TurnState, budget: StepBudget): number {
  if (budget.rows === 0) return 0;
  const left = Math.max(1, tokensLeft(turn));
  const share = Math.min(left, turn.request.chunkTokens ?? left, budget.promptTokens, budget.tokens);
  if (turn.request.output.kind === "logits") {
    const again = deliveredEnd(turn) - nextPosition(turn);
    return again > 0 ? Math.min(share, again) : Math.min(share, budget.logitRows);
  }
  // The chunk that ends the prompt samples a token, which takes a row of logits.
  return share === left && budget.logitRows === 0 ? share - 1 : share;
}

export function rowOf(turn: TurnState, count: number): StepRow {
  const { residence, conversation } = turn;
  if (residence === undefined) throw new Error(`${conversation.id} is planned on no device.`);
  const { table } = residence;
  const position = nextPosition(turn);
  const end = position + count;
  return {
    sequence: conversation.id,
    tokens: nextTokens(turn, count),
    position,
    blocks: table.covering(end),
    output: outputOf(turn, end),
  };
}

export function takeFrom(budget: StepBudget, row: StepRow): void {
  budget.rows -= 1;
  budget.tokens -= row.tokens.length;
  const { kind } = row.output;
  budget.logitRows -= kind === "none" ? 0 : kind === "token" ? 1 : row.tokens.length;
}

/** Up to where the logits of a turn have been delivered. */
function deliveredEnd({ request, delivered }: TurnState): number {
  return request.keep + delivered;
}

function outputOf(turn: TurnState, end: number): RowOutput {
  const { output } = turn.request;
  const { tokens } = turn.conversation;
  if (output.kind === "logits") return { kind: end > deliveredEnd(turn) ? "logits" : "none" };
  if (end < tokens.length) return NONE;
  if (turn.sampled) return turn.sampled;
  const { sampling } = output;
  if (!dependsOnTokens(sampling)) {
    turn.sampled = { kind: "token", sampling: { ...sampling, promptTokens: [], completionTokens: [] } };
    return turn.sampled;
  }
  const prompt = promptTokens(turn);
  return {
    kind: "token",
    sampling: {
      ...sampling,
      promptTokens: sampling.repetitionPenalty === 1 ? [] : tokens.slice(0, prompt),
      completionTokens: tokens.slice(prompt, tokens.length),
    },
  };
}

const NONE: RowOutput = { kind: "none" };
