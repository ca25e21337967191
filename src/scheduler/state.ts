import type { BlockTable } from "../kv/block_table.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import { needsLogits } from "../protocol/sampling.ts";
import { FED_TOKEN } from "../protocol/step.ts";
import type { FinishReason, TurnRequest } from "../protocol/turn.ts";
import type { DraftSource } from "./draft_source.ts";

/**
 * What the scheduler remembers. What can be derived is derived: where a turn stands follows from its block table and from how many
 * of its tokens are in flight.
 */

export interface ConversationState {
  readonly id: string;
  /** Tokens whose step has reported; blocks also for those in flight. */
  readonly table: BlockTable;
  turn: TurnState | undefined;
  /** The last plan that writes to its blocks; 0 before the first. Until it has reported they cannot be given to anybody else. */
  lastPlan: number;
  /** A mark: it goes when nothing of it is in flight. */
  closed: boolean;
}

export interface TurnState {
  readonly request: TurnRequest;
  readonly conversation: ConversationState;
  readonly arrivedMs: number;
  readonly completion: number[];
  /** How many of its tokens are in flight, drafts included. */
  ahead: number;
  /** How many of these are drafts: how many tokens its step gives is not known before it has reported. */
  drafted: number;
  /** Where its drafts come from; undefined before its first token and for turns that have none. */
  drafts: DraftSource | undefined;
}

export type TurnOutcome =
  | { readonly kind: "finish"; readonly reason: FinishReason }
  | { readonly kind: "fail"; readonly error: PlainError };

/**
 * Whether a turn can be in the next plan: `ready`; `waits` for its step in flight, as the host has to see it first; `complete` when
 * it ends with what is in flight, whatever comes out.
 */
export type Standing = "ready" | "waits" | "complete";

export function standingOf(turn: TurnState, contextTokens: number, lastPlan: number): Standing {
  const { ahead, request, conversation } = turn;
  if (ahead === 0) return "ready";
  if (request.output.kind === "logits") return "waits";
  if (promptLeft(turn) > 0) return "ready";
  if (turn.drafted > 0) return "waits";
  if (turn.completion.length + pendingTokens(turn) >= mostTokens(turn, contextTokens)) return "complete";
  const fed = !needsLogits(request.output.sampling) && conversation.lastPlan === lastPlan;
  return fed ? "ready" : "waits";
}

/** Tokens of the turn's whole prompt, history included. */
export function promptTokens({ request }: TurnState): number {
  return request.keep + request.tokens.length;
}

/** How many tokens of the sequence will be in the cache when everything in flight has landed. */
export function nextPosition({ conversation, ahead }: TurnState): number {
  return conversation.table.length + ahead;
}

/** How many tokens of the prompt no step has taken yet; 0 for a turn that decodes. */
export function promptLeft(turn: TurnState): number {
  return Math.max(0, promptTokens(turn) - nextPosition(turn));
}

/** How many tokens of the completion are being sampled by steps in flight. */
export function pendingTokens(turn: TurnState): number {
  if (promptLeft(turn) > 0) return 0;
  return nextPosition(turn) - promptTokens(turn) + 1 - turn.completion.length;
}

/** How many tokens the completion may have. */
export function mostTokens(turn: TurnState, contextTokens: number): number {
  const { output } = turn.request;
  return output.kind === "tokens" ? Math.min(output.maxTokens, contextTokens - promptTokens(turn)) : 0;
}

/** The turn's next `count` tokens to run: of its prompt, or the last one sampled, which may still be in flight. */
export function nextTokens(turn: TurnState, count: number): readonly number[] {
  const { request, completion } = turn;
  if (promptLeft(turn) === 0) return pendingTokens(turn) > 0 ? [FED_TOKEN] : completion.slice(-1);
  const first = nextPosition(turn) - request.keep;
  return request.tokens.slice(first, first + count);
}

/** How the turn ends with this token, the last of its completion; undefined when it goes on. */
export function outcomeAfter(turn: TurnState, token: number, contextTokens: number): TurnOutcome | undefined {
  const { output } = turn.request;
  if (output.kind !== "tokens") return undefined;
  if (output.endTokens.includes(token)) return { kind: "finish", reason: "end" };
  if (output.stopTokens.includes(token)) return { kind: "finish", reason: "stop" };
  const isLast = turn.completion.length >= mostTokens(turn, contextTokens);
  return isLast ? { kind: "finish", reason: "length" } : undefined;
}

/** Whether ending now leaves nothing worth keeping: the turn is then undone as if it had never begun. */
export function leavesNothing(turn: TurnState, outcome: TurnOutcome): boolean {
  if (outcome.kind === "fail") return true;
  return (outcome.reason === "abort" || outcome.reason === "stop") && turn.completion.length === 0;
}

/** How the caller hears of it. */
export function endCommand(turn: TurnState, outcome: TurnOutcome): SchedulerCommand {
  const { turn: id, keep } = turn.request;
  if (outcome.kind === "fail") return { kind: "turn-failed", turn: id, error: outcome.error };
  const usage = {
    promptTokens: promptTokens(turn),
    cachedTokens: keep,
    completionTokens: turn.completion.length,
  };
  return { kind: "turn-finished", turn: id, reason: outcome.reason, usage };
}
