import type { BlockAllocator } from "../kv/block_allocator.ts";
import type { StepPlan } from "../protocol/step.ts";
import { type ConversationState, promptTokens, type TurnState } from "./state.ts";

/** Every block has one owner, every turn one conversation, nothing waits while the device is idle. Throws where that is not so. */
export function assertConsistent(
  conversations: ReadonlyMap<string, ConversationState>,
  turns: ReadonlyMap<number, TurnState>,
  allocator: BlockAllocator,
  inFlight: StepPlan | undefined,
): void {
  const states = [...conversations.values()];
  allocator.assertConsistent(states.flatMap(({ table }) => table.blocks));
  const flying = new Set(inFlight?.rows.map((row) => row.sequence));
  for (const { id, table, turn, inFlight, closed } of states) {
    check(table.missingFor(table.length) === 0, `${id} has tokens without a block`);
    check(inFlight === flying.delete(id), `${id} disagrees with the plan about being in flight`);
    check(inFlight || !closed, `${id} is closed, has nothing in flight and is still here`);
    check(inFlight || turn?.outcome === undefined, `${id} has a turn that ended and is still here`);
    check(turn === undefined || turns.get(turn.request.turn) === turn, `${id} has an unknown turn`);
    if (turn === undefined)
      check(table.blocks.length === Math.ceil(table.length / table.blockTokens), `${id} hoards`);
    else check(table.length <= promptTokens(turn) + turn.completion.length, `${id} has cached too much`);
  }
  check(flying.size === 0, "a plan names a conversation that is gone");
  check(turns.size === states.filter(({ turn }) => turn !== undefined).length, "a turn has no conversation");
  check(turns.size === 0 || inFlight !== undefined, "turns wait and nothing is in flight");
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(`The scheduler is inconsistent: ${otherwise}.`);
}
