import type { SchedulerEvent } from "../protocol/event.ts";
import type { Device } from "./device.ts";
import type { ConversationState, Residence, TurnState } from "./state.ts";
import { TokenList } from "./token_list.ts";

/** The conversations and what they have run: opened, forked, cut and closed. */
export class Conversations {
  readonly #all = new Map<string, ConversationState>();

  get all(): ReadonlyMap<string, ConversationState> {
    return this.#all;
  }

  get(id: string): ConversationState | undefined {
    return this.#all.get(id);
  }

  open(id: string): ConversationState {
    if (this.#all.has(id)) throw new Error(`${id} exists already.`);
    const conversation: ConversationState = {
      id,
      tokens: new TokenList(),
      ran: 0,
      residences: new Map(),
      bound: undefined,
      turn: undefined,
      endedMs: undefined,
      handoff: undefined,
      isPaused: false,
      moved: { transfers: 0, blocks: 0, parks: 0, rebinds: 0 },
    };
    this.#all.set(id, conversation);
    return conversation;
  }

  /** A block table more for the same blocks, on every device that has them. */
  fork({ conversation: id, from, tokens }: Extract<SchedulerEvent, { kind: "conversation-forked" }>): void {
    const origin = this.#all.get(from);
    if (origin === undefined) return;
    const count = Math.min(origin.ran, tokens ?? origin.ran);
    const fork = this.open(id);
    fork.tokens.append(origin.tokens.values, count);
    fork.ran = count;
    fork.bound = origin.bound;
    for (const [pool, residence] of origin.residences) {
      const shared = Math.min(count, residence.table.length);
      if (shared > 0) pool.share(residence, fork, shared);
    }
  }

  /** As if it had run here. */
  load(id: string, tokens: readonly number[]): ConversationState {
    const conversation = this.open(id);
    conversation.tokens.append(tokens, tokens.length);
    conversation.ran = tokens.length;
    return conversation;
  }

  /** It uses a tool from now on, or does so no more. */
  setPaused(id: string, isPaused: boolean): void {
    const conversation = this.#all.get(id);
    if (conversation && conversation.turn === undefined) setPaused(conversation, isPaused);
  }

  close({ id, residences }: ConversationState): void {
    for (const residence of [...residences.values()]) residence.pool.leave(residence);
    this.#all.delete(id);
  }
}

/** Keeps the first `tokens` tokens of the conversation, everywhere. */
export function cutTo(conversation: ConversationState, tokens: number): void {
  conversation.tokens.cut(tokens);
  conversation.ran = Math.min(conversation.ran, tokens);
  for (const residence of conversation.residences.values()) {
    // What crosses into it has blocks there already.
    const isTarget = conversation.handoff?.target?.residence === residence;
    if (!isTarget || residence.table.length > tokens) residence.pool.cut(residence, tokens);
  }
}

/** How many of its tokens are in the cache of the device that has most. */
export function cachedTokensOf(residences: Iterable<Residence>): number {
  let most = 0;
  for (const { table } of residences) most = Math.max(most, table.length);
  return most;
}

/** The conversation uses a tool from now on, or does so no more. */
export function setPaused(conversation: ConversationState, isPaused: boolean): void {
  conversation.isPaused = isPaused;
  for (const residence of conversation.residences.values()) {
    const { idle } = residence.pool;
    if (idle.delete(residence)) idle.add(residence);
  }
}

/** Nothing of a lost device is left: its turns, which are returned, run nowhere, and what stayed on it stays nowhere. */
export function leaveLost(
  { pool, spec, turns }: Device,
  conversations: Iterable<ConversationState>,
): readonly TurnState[] {
  for (const turn of turns) {
    turn.list?.delete(turn);
    turn.residence = undefined;
    turn.device = undefined;
    turn.admitted = false;
    turn.leaves = false;
    turn.ahead = 0;
    turn.drafted = 0;
  }
  for (const conversation of conversations) {
    conversation.residences.delete(pool);
    if (conversation.bound === spec.id) conversation.bound = undefined;
  }
  return turns;
}
