import type { Device } from "./device.ts";
import { rowsOf } from "./flight.ts";
import type { Handoffs } from "./handoff.ts";
import type { Keeping } from "./keeping.ts";
import type { Pool } from "./pool.ts";
import {
  type ConversationState,
  decodes,
  isIdle,
  promptTokens,
  type Residence,
  type TurnState,
  tokensLeft,
} from "./state.ts";

/** All the books of a scheduler. */
export interface Books {
  readonly conversations: ReadonlyMap<string, ConversationState>;
  readonly turns: ReadonlyMap<number, TurnState>;
  readonly devices: readonly Device[];
  readonly waiting: readonly TurnState[];
  readonly handoffs: Handoffs;
  readonly keeping: Keeping;
  /** A device is expected back. */
  readonly recovering: boolean;
}

/** Every block has the owners it should, every turn one place, nothing waits while all is idle. Throws where that is not so. */
export function assertConsistent(books: Books): void {
  const { conversations, turns, devices, handoffs, keeping, recovering } = books;
  const pools = new Set(devices.map(({ pool }) => pool));
  for (const pool of pools) checkPool(pool, books);
  for (const device of devices) checkDevice(device);
  for (const state of conversations.values()) checkConversation(state, books);
  const waits = [...conversations.values()].filter(({ turn }) => turn !== undefined).length;
  check(turns.size === waits, "a turn has no conversation");
  const copies = handoffs.held.length + keeping.held.length;
  const isBusy = copies > 0 || devices.some(({ flights }) => flights.length > 0);
  check(turns.size === 0 || isBusy || recovering, "turns wait and nothing is in flight");
}

function checkPool(pool: Pool, { conversations, handoffs, keeping }: Books): void {
  const owners = [
    ...[...pool.residences].map(({ table }) => table.blocks),
    pool.retired,
    ...keeping.held.filter((reading) => reading.pool === pool).map(({ blocks }) => blocks),
    ...handoffs.held.filter(({ residence }) => residence.pool === pool).map(({ blocks }) => blocks),
  ];
  pool.allocator.assertConsistent(owners.flat());
  for (const residence of pool.residences) {
    const { conversation } = residence;
    check(conversations.get(conversation.id) === conversation, `${conversation.id} is gone and has blocks`);
    check(conversation.residences.get(pool) === residence, `${conversation.id} does not know its blocks`);
    const isActive = !isIdle(residence);
    check(residence.isActive === isActive, `${conversation.id} is miscounted as idle or not`);
    const canGo = !isActive && residence.table.blocks.length > 0;
    check(!canGo || pool.idle.has(residence), `${conversation.id} is idle and cannot make room`);
    check(!isActive || !pool.idle.has(residence), `${conversation.id} may lose blocks that it uses`);
  }
  const active = [...pool.residences].filter((residence) => !isIdle(residence));
  const blocks = new Set(active.flatMap(({ table }) => table.blocks));
  check(pool.activeBlocks === blocks.size, `${pool.id} has miscounted the blocks in use`);
}

function checkDevice(device: Device): void {
  const { spec, flights, decoding, prompts, admission, limits, freeRows, incoming } = device;
  const turns = [...decoding, ...prompts];
  const queue = [...admission];
  check(flights.length <= limits.plansInFlight, `too many plans are in flight on ${spec.id}`);
  check(freeRows >= 0 && incoming >= 0, `too many turns share the steps of ${spec.id}`);
  check(
    turns.every(({ admitted }) => admitted),
    `${spec.id} runs a turn without blocks`,
  );
  check(
    queue.every(({ admitted }) => !admitted),
    `${spec.id} lets a turn wait that has blocks`,
  );
  check(
    [...decoding].every(decodes) && ![...prompts].some(decodes),
    `${spec.id} takes a prompt for a decode or the other way round`,
  );
  const tokens = queue.reduce((sum, turn) => sum + Math.max(0, tokensLeft(turn) - 1), 0);
  check(admission.queuedTokens === tokens, `${spec.id} has miscounted the tokens that wait`);
}

function checkConversation(state: ConversationState, { turns, devices, waiting, handoffs }: Books): void {
  const { id, turn, tokens, ran, residences, handoff } = state;
  check(ran <= tokens.length, `${id} has run more than it has`);
  check(handoff === undefined || handoffs.get(handoff.id) === handoff, `${id} has an unknown handoff`);
  for (const residence of residences.values()) checkResidence(residence);
  if (turn === undefined) return;
  check(turns.get(turn.request.turn) === turn, `${id} has an unknown turn`);
  const places = [
    waiting.includes(turn),
    handoff?.turn === turn,
    ...devices.map((device) => device.turns.includes(turn)),
  ];
  check(places.filter((here) => here).length === 1, `the turn of ${id} is in no place, or in two`);
  const rows = devices.flatMap(({ flights }) => rowsOf(turn, flights));
  const ahead = rows.reduce((sum, row) => sum + row.tokens.length, 0);
  check(turn.ahead === ahead, `${id} disagrees with the plans about what is in flight`);
  check(tokens.length >= promptTokens(turn), `${id} has lost a part of its prompt`);
}

function checkResidence({ conversation, table, pool }: Residence): void {
  const { id, ran, turn, handoff } = conversation;
  check(table.length <= ran, `${id} has cached what has not run`);
  const runsHere = turn?.residence?.pool === pool;
  const ahead = runsHere ? (turn?.ahead ?? 0) : 0;
  check(table.missingFor(table.length + ahead) === 0, `${id} has tokens without a block`);
  if (turn === undefined && handoff === undefined)
    check(table.blocks.length === Math.ceil(table.length / table.blockTokens), `${id} hoards`);
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(`The scheduler is inconsistent: ${otherwise}.`);
}
