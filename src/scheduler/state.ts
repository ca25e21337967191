import type { BlockTable } from "../kv/block_table.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import { needsLogits } from "../protocol/sampling.ts";
import { FED_TOKEN, type RowOutput } from "../protocol/step.ts";
import type { FinishReason, TurnRequest } from "../protocol/turn.ts";
import type { Device } from "./device.ts";
import type { DraftSource } from "./draft_source.ts";
import type { Handoff } from "./handoff.ts";
import type { Pool } from "./pool.ts";
import type { RankedTurns } from "./ranked_turns.ts";
import type { TokenList } from "./token_list.ts";

/**
 * What the scheduler remembers. What can be derived is derived: where a turn stands follows from how many of its tokens are in the
 * cache of its device and how many are in flight.
 */

export interface ConversationState {
  readonly id: string;
  /** All its tokens in their order: those that have run, and behind them the rest of its turn's prompt or the last one sampled. */
  readonly tokens: TokenList;
  /** How many of them have run on some device. They stay here, so that a cache can be rebuilt. */
  ran: number;
  /** Where parts of its KV are. */
  readonly residences: Map<Pool, Residence>;
  /** The device it stays on, by the policy's choice; undefined before that, and after it was lost. */
  bound: string | undefined;
  turn: TurnState | undefined;
  /** When its last turn ended; undefined before that. */
  endedMs: number | undefined;
  /** Its KV is on its way to another device. */
  handoff: Handoff | undefined;
  /** It uses a tool: its next turn comes soon, so that its KV goes after that of the others that are idle. */
  isPaused: boolean;
  /** What has crossed so far, of all its handoffs, and how often it has left the device it stayed on for one with room. */
  readonly moved: { transfers: number; blocks: number; parks: number; rebinds: number };
}

/** A conversation's KV in one pool. */
export interface Residence {
  readonly conversation: ConversationState;
  readonly pool: Pool;
  /** Tokens whose step has reported; blocks also for those in flight. */
  readonly table: BlockTable;
  /** The last plan that writes to its blocks; 0 before the first. Until it has reported they cannot be given to anybody else. */
  lastPlan: number;
  /** It is counted as in use: its turn runs here, or it is on its way. */
  isActive: boolean;
}

export interface TurnState {
  readonly request: TurnRequest;
  readonly conversation: ConversationState;
  readonly arrivedMs: number;
  /** Its place in every queue: the least is served first. */
  readonly rank: number;
  /** The queue that it is in; undefined while its KV crosses, and when it has ended. */
  list: RankedTurns | undefined;
  /** Where it runs; undefined while it waits for a place, or for its KV to cross. */
  residence: Residence | undefined;
  /** Which device runs it, or has it in its queue. */
  device: Device | undefined;
  /** Its blocks are reserved. */
  admitted: boolean;
  /** When its prompt has run, its conversation leaves the device. */
  leaves: boolean;
  /** Tokens of its prompt that it did not have to run; undefined before it was admitted first. */
  cachedTokens: number | undefined;
  /** How many of its tokens are in flight, drafts included. */
  ahead: number;
  /** How many of these are drafts: how many tokens its step gives is not known before it has reported. */
  drafted: number;
  /** Where its drafts come from; undefined before its first token and for turns that have none. */
  drafts: DraftSource | undefined;
  /** What its rows ask for, where that is the same for all; made with the first. */
  sampled: RowOutput | undefined;
  /** Rows of logits that were delivered. */
  delivered: number;
  /** Turns that came later and were admitted before it. */
  overtaken: number;
  /** When its answer's first token came; undefined before that. */
  firstTokenMs: number | undefined;
}

export type TurnOutcome =
  | { readonly kind: "finish"; readonly reason: FinishReason }
  | { readonly kind: "fail"; readonly error: PlainError };

/**
 * Whether a turn can be in the next plan: `ready`; `waits` for its step in flight, as the host has to see it first; `complete` when
 * it ends with what is in flight, or leaves the device, whatever comes out.
 */
export type Standing = "ready" | "waits" | "complete";

export function standingOf(turn: TurnState, contextTokens: number, lastPlan: number): Standing {
  const { ahead, request, residence } = turn;
  if (ahead === 0) return "ready";
  if (request.output.kind === "logits") return "waits";
  if (tokensLeft(turn) > 0) return "ready";
  if (turn.leaves) return "complete";
  if (turn.drafted > 0) return "waits";
  if (completionTokens(turn) + pendingTokens(turn) >= mostTokens(turn, contextTokens)) return "complete";
  const fed = !needsLogits(request.output.sampling) && residence?.lastPlan === lastPlan;
  return fed ? "ready" : "waits";
}

/** Tokens of the turn's whole prompt, history included. */
export function promptTokens({ request }: TurnState): number {
  return request.keep + request.tokens.length;
}

/** Tokens of the answer so far. */
export function completionTokens(turn: TurnState): number {
  return Math.max(0, turn.conversation.tokens.length - promptTokens(turn));
}

/** How many tokens of the sequence will be in the cache when everything in flight has landed. */
export function nextPosition({ residence, ahead }: TurnState): number {
  return (residence?.table.length ?? 0) + ahead;
}

/** How many of its known tokens no step on its device has taken. */
export function tokensLeft(turn: TurnState): number {
  return Math.max(0, turn.conversation.tokens.length - nextPosition(turn));
}

/** Whether its next row is the one token of a decode. All else is prefill: the prompt, and what was said where the KV has to be built again. */
export function decodes(turn: TurnState): boolean {
  return (
    turn.request.output.kind === "tokens" &&
    completionTokens(turn) + pendingTokens(turn) > 0 &&
    tokensLeft(turn) <= 1
  );
}

/** How many tokens of the completion are being sampled by steps in flight. */
export function pendingTokens(turn: TurnState): number {
  return Math.max(0, nextPosition(turn) + 1 - turn.conversation.tokens.length);
}

/** How many tokens the completion may have. */
export function mostTokens(turn: TurnState, contextTokens: number): number {
  const { output } = turn.request;
  return output.kind === "tokens" ? Math.min(output.maxTokens, contextTokens - promptTokens(turn)) : 0;
}

/** The turn's next `count` tokens to run: of its prompt, or the last one sampled, which may still be in flight. */
export function nextTokens(turn: TurnState, count: number): readonly number[] {
  if (pendingTokens(turn) > 0) return FED;
  const first = nextPosition(turn);
  return turn.conversation.tokens.slice(first, first + count);
}

const FED: readonly number[] = [FED_TOKEN];

/** How the turn ends with this token, the last of its completion; undefined when it goes on. */
export function outcomeAfter(turn: TurnState, token: number, contextTokens: number): TurnOutcome | undefined {
  const { output } = turn.request;
  if (output.kind !== "tokens") return undefined;
  if (output.endTokens.includes(token)) return { kind: "finish", reason: "end" };
  if (output.stopTokens.includes(token)) return { kind: "finish", reason: "stop" };
  const isLast = completionTokens(turn) >= mostTokens(turn, contextTokens);
  return isLast ? { kind: "finish", reason: "length" } : undefined;
}

/** Whether ending now leaves nothing worth keeping: the turn is then undone as if it had never begun. */
export function leavesNothing(turn: TurnState, outcome: TurnOutcome): boolean {
  if (outcome.kind === "fail") return true;
  return (outcome.reason === "abort" || outcome.reason === "stop") && completionTokens(turn) === 0;
}

/** How the caller hears of it. */
export function endCommand(turn: TurnState, outcome: TurnOutcome): SchedulerCommand {
  const { turn: id } = turn.request;
  if (outcome.kind === "fail") return { kind: "turn-failed", turn: id, error: outcome.error };
  const usage = {
    promptTokens: promptTokens(turn),
    cachedTokens: turn.cachedTokens ?? 0,
    completionTokens: completionTokens(turn),
  };
  return { kind: "turn-finished", turn: id, reason: outcome.reason, usage };
}

/** A turn that has just arrived; in the order of turns its prompt counts as so much time. */
export function newTurn(
  request: TurnRequest,
  conversation: ConversationState,
  arrivedMs: number,
  /** By how much later it counts as having come. */
  laterMs: number,
): TurnState {
  return {
    request,
    conversation,
    arrivedMs,
    rank: rankOf(request, arrivedMs, laterMs),
    list: undefined,
    residence: undefined,
    device: undefined,
    admitted: false,
    leaves: false,
    cachedTokens: undefined,
    ahead: 0,
    drafted: 0,
    drafts: undefined,
    sampled: undefined,
    delivered: 0,
    overtaken: 0,
    firstTokenMs: undefined,
  };
}

/** By arrival, ten seconds earlier for each step of priority, and later by what its prompt and its waiting count. */
function rankOf({ priority = 0 }: TurnRequest, arrivedMs: number, laterMs: number): number {
  return arrivedMs - priority * PRIORITY_MS + laterMs;
}

const PRIORITY_MS = 10_000;

/** Whether a conversation's KV may go: no turn runs on it, and it is not on its way. A second copy of what is on its way from elsewhere may. */
export function isIdle(residence: Residence): boolean {
  const { turn, handoff } = residence.conversation;
  if (turn?.residence === residence) return false;
  return handoff?.source !== residence && handoff?.target?.residence !== residence;
}
