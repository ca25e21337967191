import type { SchedulerCommand } from "../protocol/command.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import { type Conversations, cutTo, setPaused } from "./conversations.ts";
import type { Fleet } from "./fleet.ts";
import type { Moves } from "./moves.ts";
import type { Placement } from "./placement.ts";
import type { Policy } from "./policy.ts";
import type { Pool } from "./pool.ts";
import { disposed, refusalOf } from "./scheduler_errors.ts";
import {
  type ConversationState,
  completionTokens,
  endCommand,
  leavesNothing,
  newTurn,
  type TurnOutcome,
  type TurnState,
} from "./state.ts";
import { mostTokensOf } from "./world.ts";

export interface TurnsParts {
  readonly policy: Policy;
  readonly fleet: Fleet;
  readonly conversations: Conversations;
  readonly moves: Moves;
  readonly placement: Placement;
  readonly tell: (command: SchedulerCommand) => void;
}

/** The turns that have arrived and have not ended: how they begin, and what ends them. */
export class Turns {
  readonly #parts: TurnsParts;
  /** When the event happened that is worked on. */
  nowMs = 0;
  /** In the order of arrival. */
  readonly #all = new Map<number, TurnState>();

  constructor(parts: TurnsParts) {
    this.#parts = parts;
  }

  get all(): ReadonlyMap<number, TurnState> {
    return this.#all;
  }

  get(id: number): TurnState | undefined {
    return this.#all.get(id);
  }

  arrive(request: TurnRequest): void {
    const { fleet, conversations, moves, placement, tell } = this.#parts;
    const known = conversations.get(request.conversation);
    const refusal = fleet.gone ?? refusalOf(request, known, fleet.limits());
    if (refusal !== undefined) {
      tell({ kind: "turn-failed", turn: request.turn, error: refusal });
      return;
    }
    const conversation = known ?? conversations.open(request.conversation);
    // What is on its way to host memory is still where it was.
    if (conversation.handoff?.kind === "park") moves.drop(conversation.handoff);
    if (request.keep > conversation.ran) throw new Error("A turn keeps tokens that have not run.");
    if (conversation.isPaused) setPaused(conversation, false);
    if (conversation.endedMs !== undefined) {
      placement.past.pauseMs.add(this.nowMs - conversation.endedMs);
      placement.past.laterTokens.add(request.tokens.length);
    }
    this.#cut(conversation, request.keep);
    conversation.tokens.append(request.tokens, request.tokens.length);
    const turn = newTurn(request, conversation, this.nowMs, this.#laterMs(request));
    conversation.turn = turn;
    this.#all.set(request.turn, turn);
    placement.add(turn);
  }

  /** Ends a turn, whatever of it is in flight. */
  end(turn: TurnState | undefined, outcome: TurnOutcome): void {
    if (turn === undefined) return;
    const { moves, placement, tell } = this.#parts;
    const { conversation, request } = turn;
    const end = endCommand(turn, outcome);
    conversation.turn = undefined;
    conversation.endedMs = this.nowMs;
    this.#all.delete(request.turn);
    if (turn.device) turn.device.remove(turn);
    else turn.list?.delete(turn);
    if (turn.residence) turn.residence.pool.review(turn.residence);
    const undone = leavesNothing(turn, outcome);
    if (!undone && request.output.kind === "tokens") placement.past.outputTokens.add(completionTokens(turn));
    if (!undone) moves.ended(turn);
    this.#cut(conversation, undone ? request.keep : conversation.ran);
    placement.changed();
    tell(end);
  }

  /** The turn has all of its device and needs more: it goes on where there is more, from its tokens, or it fails. */
  outgrow(turn: TurnState, error: PlainError): void {
    const { fleet, placement } = this.#parts;
    const { conversation, device, residence } = turn;
    const { length } = conversation.tokens;
    const most = Math.max(0, ...Array.from(fleet.limits(), mostTokensOf));
    if (device === undefined || length <= mostTokensOf(device.limits) || length > most) {
      this.end(turn, { kind: "fail", error });
      return;
    }
    device.evict(turn);
    if (residence) residence.pool.leave(residence);
    conversation.bound = undefined;
    turn.leaves = false;
    placement.add(turn);
  }

  close(id: string): void {
    const { conversations, moves } = this.#parts;
    const conversation = conversations.get(id);
    if (conversation === undefined) return;
    this.end(conversation.turn, { kind: "fail", error: disposed(id) });
    if (conversation.handoff) moves.drop(conversation.handoff);
    conversations.close(conversation);
  }

  /** What stands in these blocks is unknown, and in copies of them: conversations that have one are prefilled again, and their turns fail. */
  forget(pool: Pool, unknown: readonly number[], error: PlainError): void {
    const blocks = pool.withCopies(unknown);
    for (const block of blocks) pool.allocator.forget(block);
    for (const residence of pool.holders(blocks)) {
      const { conversation } = residence;
      this.end(conversation.turn, { kind: "fail", error });
      if (conversation.handoff) this.#parts.moves.drop(conversation.handoff);
      pool.forget(residence);
    }
  }

  /** Keeps the first `tokens` tokens of the conversation, everywhere. */
  #cut(conversation: ConversationState, tokens: number): void {
    cutTo(conversation, tokens);
    this.#parts.moves.cut(conversation, tokens);
  }

  /** What a prompt's length counts in the order of turns. */
  #laterMs({ tokens }: TurnRequest): number {
    const { policy, fleet } = this.#parts;
    return (policy.steps?.promptWeight ?? 0) * tokens.length * fleet.prefillMsPerToken;
  }
}
