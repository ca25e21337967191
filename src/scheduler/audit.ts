import type { BlockAllocator } from "../kv/block_allocator.ts";
import { type Flight, flightsOf, type RetiredBlocks } from "./flight.ts";
import { type ConversationState, promptLeft, promptTokens, type TurnState } from "./state.ts";

/** All the books of a scheduler. */
export interface Books {
  readonly conversations: ReadonlyMap<string, ConversationState>;
  readonly turns: ReadonlyMap<number, TurnState>;
  readonly allocator: BlockAllocator;
  readonly flights: readonly Flight[];
  readonly retired: readonly RetiredBlocks[];
  readonly plansInFlight: number;
}

/** Every block has one owner, every turn one conversation, nothing waits while the device is idle. Throws where that is not so. */
export function assertConsistent(books: Books): void {
  const { conversations, turns, allocator, flights, retired } = books;
  const states = [...conversations.values()];
  allocator.assertConsistent(
    [...states, ...retired].flatMap((owner) => ("table" in owner ? owner.table : owner).blocks),
  );
  check(flights.length <= books.plansInFlight, "too many plans are in flight");
  for (const state of states) checkConversation(state, books);
  for (const { turns: flying } of flights)
    for (const { conversation } of flying)
      check(conversations.get(conversation.id) === conversation, "a plan names a conversation that is gone");
  const waits = states.filter(({ turn }) => turn !== undefined).length;
  check(turns.size === waits, "a turn has no conversation");
  check(turns.size === 0 || flights.length > 0, "turns wait and nothing is in flight");
  const ids = new Set(flights.map(({ plan }) => plan.id));
  check(
    retired.every(({ plan }) => ids.has(plan)),
    "blocks wait for a plan that is not in flight",
  );
}

function checkConversation(state: ConversationState, { turns, flights }: Books): void {
  const { id, table, turn, lastPlan, closed } = state;
  const flying = flights.filter((flight) => flight.turns.some(({ conversation }) => conversation === state));
  check(table.missingFor(table.length + (turn?.ahead ?? 0)) === 0, `${id} has tokens without a block`);
  check(flying.length === 0 || flying.at(-1)?.plan.id === lastPlan, `${id} does not know its last plan`);
  check(flying.length > 0 || !closed, `${id} is closed, has nothing in flight and is still here`);
  if (turn === undefined) {
    check(table.blocks.length === Math.ceil(table.length / table.blockTokens), `${id} hoards`);
    return;
  }
  check(!closed && turns.get(turn.request.turn) === turn, `${id} has an unknown turn`);
  const ahead = flightsOf(turn, flights).reduce((sum, { tokens }) => sum + tokens.length, 0);
  check(turn.ahead === ahead, `${id} disagrees with the plans about what is in flight`);
  check(table.length <= promptTokens(turn) + turn.completion.length, `${id} has cached too much`);
  check(promptLeft(turn) === 0 || turn.completion.length === 0, `${id} answers before its prompt has run`);
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(`The scheduler is inconsistent: ${otherwise}.`);
}
