import type { BlockTable } from "../kv/block_table.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { FinishReason, TurnRequest } from "../protocol/turn.ts";

/** What the scheduler remembers. What can be derived is derived: where a turn stands follows from its block table. */

export interface ConversationState {
  readonly id: string;
  readonly table: BlockTable;
  turn: TurnState | undefined;
  /** A step that writes to its blocks has not reported yet: they cannot be given to anybody else. */
  inFlight: boolean;
  /** A mark: it goes, with its blocks, when nothing is in flight. */
  closed: boolean;
}

export interface TurnState {
  readonly request: TurnRequest;
  readonly conversation: ConversationState;
  readonly arrivedMs: number;
  readonly completion: number[];
  /** A mark: how the turn ends once nothing of it is in flight. */
  outcome: TurnOutcome | undefined;
}

export type TurnOutcome =
  | { readonly kind: "finish"; readonly reason: FinishReason }
  | { readonly kind: "fail"; readonly error: PlainError };

/** Tokens of the turn's whole prompt, history included. */
export function promptTokens({ request }: TurnState): number {
  return request.keep + request.tokens.length;
}

/** How many tokens of the prompt are still to be prefilled; 0 for a turn that decodes. */
export function promptLeft(turn: TurnState): number {
  return Math.max(0, promptTokens(turn) - turn.conversation.table.length);
}

/** The turn's next `count` tokens to run: of its prompt, or the last one sampled. */
export function nextTokens(turn: TurnState, count: number): readonly number[] {
  const { request, conversation, completion } = turn;
  if (promptLeft(turn) === 0) return completion.slice(-1);
  const first = conversation.table.length - request.keep;
  return request.tokens.slice(first, first + count);
}

/** Whether ending now leaves nothing worth keeping: the turn is then undone as if it had never begun. */
export function leavesNothing(turn: TurnState, outcome: TurnOutcome): boolean {
  if (outcome.kind === "fail") return true;
  return (outcome.reason === "abort" || outcome.reason === "stop") && turn.completion.length === 0;
}
