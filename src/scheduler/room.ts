import type { PlainError } from "../protocol/plain_error.ts";
import type { BlockCopy } from "../protocol/step.ts";
import { reserveBlocks } from "./admission.ts";
import type { Device } from "./device.ts";
import type { Pool } from "./pool.ts";
import { comesBefore } from "./ranked_turns.ts";
import { kvFull } from "./scheduler_errors.ts";
import { nextPosition, type TurnState } from "./state.ts";

/** What composing steps meant for turns that found no blocks. */
export interface Shortage {
  /** Turns that cannot go on although they have the pool to themselves. */
  readonly stuck: { readonly turn: TurnState; readonly error: PlainError }[];
  /** How many had to make room for others. */
  preempted: number;
  /** Pools where a turn is the only one that runs, and others than turns have the blocks that it needs. */
  readonly short: Pool[];
}

/** Room for a turn's next `count` tokens in a plan. */
export interface WantedRoom {
  readonly turn: TurnState;
  readonly count: number;
  readonly plan: number;
  /** What is to be copied before the plan runs is added here. */
  readonly copies: BlockCopy[];
  readonly shortage: Shortage;
}

/**
 * Blocks for the turn's next tokens, and one of its own in place of a shared one that they go into. Plans in flight may hold blocks that
 * come back, or that nobody would have taken without running ahead: the turn waits for those, and others lose theirs only when there are none.
 */
export function makeRoom(device: Device, wanted: WantedRoom): "made" | "waits" | "none" {
  const { turn, count, plan, copies, shortage } = wanted;
  const { residence } = turn;
  if (residence === undefined) throw new Error(`${turn.conversation.id} was admitted nowhere.`);
  const { pool } = device;
  const position = nextPosition(turn);
  for (;;) {
    const missing = residence.table.missingFor(position + count);
    const needed = missing + pool.copiesAt(residence, position);
    const blocks = reserveBlocks(pool, needed, 0);
    if (blocks) {
      pool.extend(residence, blocks.slice(0, missing));
      copies.push(...pool.own(residence, position, blocks[missing], plan));
      return "made";
    }
    const sharers = [...pool.devices];
    if (pool.parking > 0 || sharers.some(({ flights }) => flights.length > 0)) return "waits";
    if (sharers.reduce((sum, { running }) => sum + running, 0) === 1) {
      giveUp(turn, pool, Math.max(1, needed), shortage);
      return "none";
    }
    const last = lastOf(sharers) ?? { turn, device };
    last.device.preempt(last.turn);
    shortage.preempted += 1;
    if (last.turn === turn) return "none";
  }
}

/** Alone and without a block. Where others still have blocks that will come back, it waits for them. */
function giveUp(turn: TurnState, pool: Pool, needed: number, { stuck, short }: Shortage): void {
  const { total, used, room } = pool.allocator;
  const own = turn.residence?.table.blocks.length ?? 0;
  if (used > own) {
    short.push(pool);
    return;
  }
  const { id } = turn.conversation;
  stuck.push({ turn, error: kvFull(id, { needed, missing: needed - room, total }) });
}

/** The turn that comes last of those that are in no step: with tokens ahead they are in the one that is being composed. */
function lastOf(
  devices: readonly Device[],
): { readonly turn: TurnState; readonly device: Device } | undefined {
  let last: { readonly turn: TurnState; readonly device: Device } | undefined;
  for (const device of devices) {
    for (const turns of [device.decoding, device.prompts]) {
      const turn = turns.last(({ ahead }) => ahead === 0);
      if (turn && (last === undefined || comesBefore(last.turn, turn))) last = { turn, device };
    }
  }
  return last;
}
