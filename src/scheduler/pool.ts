import { BlockAllocator } from "../kv/block_allocator.ts";
import { BlockTable } from "../kv/block_table.ts";
import type { BlockCopy } from "../protocol/step.ts";
import { ActiveBlocks } from "./active_blocks.ts";
import type { Device } from "./device.ts";
import { IdleOrder } from "./idle_order.ts";
import { RetiredBlocks } from "./retired_blocks.ts";
import { type ConversationState, isIdle, type Residence, type TurnState } from "./state.ts";

export interface PoolOptions {
  readonly blocks: number;
  readonly blockTokens: number;
  /** Conversations begin with the blocks of others that hold what they begin with. */
  readonly sharesPrefixes: boolean;
  /** Idle residences of all pools that are to be parked, so that their blocks come free; undefined where they are dropped instead. */
  readonly wanted: Set<Residence> | undefined;
}

/** The KV blocks of one device, or of several that share them, and the conversations that have some. */
export class Pool {
  readonly id: string;
  readonly blockTokens: number;
  readonly allocator: BlockAllocator;
  readonly devices = new Set<Device>();
  readonly idle = new IdleOrder();
  readonly #sharesPrefixes: boolean;
  readonly #wanted: Set<Residence> | undefined;
  /** How many are on their way to host memory, or will be. */
  parking = 0;
  readonly #residences = new Map<string, Residence>();
  readonly #active: ActiveBlocks;
  readonly #retired = new RetiredBlocks();
  #isQuiet = false;
  /** Blocks that could have been taken are being written to still. */
  #heldBack = false;

  constructor(id: string, { blocks, blockTokens, sharesPrefixes, wanted }: PoolOptions) {
    this.id = id;
    this.blockTokens = blockTokens;
    this.#sharesPrefixes = sharesPrefixes;
    this.#wanted = wanted;
    this.allocator = new BlockAllocator(blocks, () => this.released());
    this.#active = new ActiveBlocks(blocks);
  }

  get residences(): Iterable<Residence> {
    return this.#residences.values();
  }

  /** Blocks of conversations whose turn runs here or that are on their way; those that several share count once. */
  get activeBlocks(): number {
    return this.#active.count;
  }

  /** How many conversations have a residence here. */
  get conversations(): number {
    return this.#residences.size;
  }

  /** How many blocks the conversation has here. */
  blocksOf(conversation: string): number {
    return this.#residences.get(conversation)?.table.blocks.length ?? 0;
  }

  /** Who has one of these blocks. */
  holders(blocks: readonly number[]): readonly Residence[] {
    if (blocks.length === 0) return [];
    return [...this.#residences.values()].filter(({ table }) =>
      table.blocks.some((block) => blocks.includes(block)),
    );
  }

  /** Blocks that nobody holds any more, and that steps in flight may still write to. */
  get retired(): readonly number[] {
    return this.#retired.blocks;
  }

  /** There may be more room: blocks came free, or a turn has left its conversation's blocks here. */
  released(): void {
    if (this.#isQuiet) return;
    for (const device of this.devices) device.hasRoomAgain();
  }

  /** What the conversation has here; a new residence begins with the blocks of others that hold its first tokens, `limit` at most. */
  enter(conversation: ConversationState, limit: number): Residence {
    const residence = conversation.residences.get(this) ?? this.#settleIn(conversation);
    const { table } = residence;
    if (table.length > 0 || table.blocks.length > 0) return residence;
    if (!this.#sharesPrefixes) return residence;
    const { tokens } = conversation;
    const match = this.allocator.match(tokens.values, this.blockTokens, Math.min(limit, tokens.length));
    this.allocator.share(match.blocks);
    table.begin(match);
    this.#active.add(residence, match.blocks);
    return residence;
  }

  /** More blocks for the residence. */
  extend(residence: Residence, blocks: readonly number[]): void {
    if (blocks.length === 0) return;
    residence.table.addBlocks(blocks);
    this.#active.add(residence, blocks);
  }

  /** A step has written the residence's K and V up to `tokens`. */
  grow(residence: Residence, tokens: number): void {
    residence.table.grow(tokens, residence.conversation.tokens.values, this.allocator);
  }

  /** Whether `count` tokens at `position` go into blocks that are the residence's alone and that nobody finds by their content. */
  isOwn({ table }: Residence, position: number, count: number): boolean {
    const block = table.blocks[Math.floor(position / this.blockTokens)];
    if (block === undefined || position + count > table.room) return false;
    return this.allocator.owners(block) === 1 && !this.allocator.isKnown(block);
  }

  /** How many blocks it takes to go on at `position` in blocks that are the residence's own: 1 where that is in a shared one. */
  copiesAt({ table }: Residence, position: number): number {
    const block = table.blocks[Math.floor(position / this.blockTokens)];
    return block !== undefined && this.allocator.owners(block) > 1 ? 1 : 0;
  }

  /**
   * Makes the block that `position` is in the residence's own, before anything is written there; `copy` takes the place of a shared one,
   * which `plan`, about to be made, reads; without a plan nothing of it is needed.
   */
  own(residence: Residence, position: number, copy: number | undefined, plan?: number): readonly BlockCopy[] {
    const { table } = residence;
    const at = Math.floor(position / this.blockTokens);
    const block = table.blocks[at];
    if (block === undefined) return NONE;
    if (copy === undefined) {
      this.allocator.forget(block);
      return NONE;
    }
    table.replace(at, copy);
    this.#active.add(residence, [copy]);
    this.#active.remove(residence, [block]);
    if (plan === undefined) this.#retire(residence, [block]);
    else this.#retired.add(plan, [block]);
    return position % this.blockTokens === 0 ? NONE : [{ from: block, to: copy }];
  }

  /** Keeps the first `tokens` tokens; blocks that are not needed for them go as soon as nothing in flight writes to them. */
  cut(residence: Residence, tokens: number): void {
    const blocks = residence.table.truncate(tokens);
    if (blocks.length === 0) return;
    this.#active.remove(residence, blocks);
    this.#retire(residence, blocks);
  }

  leave(residence: Residence): void {
    this.cut(residence, 0);
    residence.isActive = false;
    this.idle.delete(residence);
    this.#residences.delete(residence.conversation.id);
    residence.conversation.residences.delete(this);
  }

  /** A residence that was entered a moment ago and finds no room leaves again: nobody gains by it. */
  undo(residence: Residence): void {
    this.#isQuiet = true;
    this.leave(residence);
    this.#isQuiet = false;
  }

  /** Leaves for good: its blocks hold something else than they should. */
  forget(residence: Residence): void {
    for (const block of residence.table.blocks) this.allocator.forget(block);
    this.leave(residence);
  }

  /** The conversation may go on with another one's first blocks: a fork. */
  share(from: Residence, conversation: ConversationState, tokens: number): void {
    const residence = this.#settleIn(conversation);
    const blocks = from.table.blocks.slice(0, Math.ceil(tokens / this.blockTokens));
    this.allocator.share(blocks);
    this.extend(residence, blocks);
    residence.lastPlan = from.lastPlan;
    this.grow(residence, tokens);
  }

  /** Whether the residence is idle may have changed. True when it is from now on. */
  review(residence: Residence): boolean {
    const isActive = !isIdle(residence);
    if (residence.isActive === isActive) return false;
    const { blocks } = residence.table;
    if (isActive) {
      this.idle.delete(residence);
      residence.isActive = true;
      this.#active.add(residence, blocks);
    } else {
      this.#active.remove(residence, blocks);
      residence.isActive = false;
      this.idle.add(residence);
    }
    return !isActive;
  }

  /** The coldest idle residence whose blocks can go; undefined when there is none. Not `own`. */
  coldest(own: Residence | undefined): Residence | undefined {
    for (const residence of this.idle) {
      if (residence === own) continue;
      if (residence.table.blocks.length === 0) this.idle.delete(residence);
      else if (!this.holds(residence)) return residence;
      else this.#heldBack = true;
    }
    return undefined;
  }

  /** An idle residence goes to host memory when this event has been dealt with. False where that is not done, or its turn is about to begin. */
  park(residence: Residence): boolean {
    const { turn, handoff } = residence.conversation;
    // One whose turn waits here begins from its tokens again; of one that is on its way there is another copy.
    if (this.#wanted === undefined || turn !== undefined || handoff !== undefined) return false;
    this.idle.delete(residence);
    this.#wanted.add(residence);
    this.parking += 1;
    return true;
  }

  /** Blocks that come free when the residence goes. */
  ownBlocks({ table }: Residence): number {
    let count = 0;
    for (const block of table.blocks) if (this.allocator.owners(block) === 1) count += 1;
    return count;
  }

  /** Whether a plan in flight may still write to its blocks. */
  holds({ lastPlan }: Residence): boolean {
    return this.#retired.isInFlight(lastPlan);
  }

  /** These blocks, and those that plans in flight copy them into, and so on. */
  withCopies(blocks: readonly number[]): readonly number[] {
    const found = new Set(blocks);
    const flights = [...this.devices].flatMap(({ flights }) => flights);
    for (const { plan } of flights.sort((a, b) => a.plan.id - b.plan.id))
      for (const { from, to } of plan.copies ?? []) if (found.has(from)) found.add(to);
    return [...found];
  }

  planned(plan: number): void {
    this.#retired.planned(plan);
  }

  /** The plan has reported: blocks that waited for it alone go. */
  settled(plan: number): void {
    const free = this.#retired.settled(plan);
    if (this.#heldBack) this.released();
    this.#heldBack = false;
    for (const blocks of free) this.allocator.free(blocks);
  }

  #retire(residence: Residence, blocks: readonly number[]): void {
    if (this.holds(residence)) this.#retired.add(residence.lastPlan, blocks);
    else this.allocator.free(blocks);
  }

  #settleIn(conversation: ConversationState): Residence {
    const table = new BlockTable(this.blockTokens);
    const residence: Residence = { conversation, pool: this, table, lastPlan: 0, isActive: false };
    conversation.residences.set(this, residence);
    this.#residences.set(conversation.id, residence);
    this.idle.add(residence);
    this.review(residence);
    return residence;
  }
}

/** The turn runs there from now on; undefined: nowhere. */
export function settle(turn: TurnState, residence: Residence | undefined): void {
  const before = turn.residence;
  turn.residence = residence;
  if (before) before.pool.review(before);
  if (residence) residence.pool.review(residence);
}

/** The conversation is on its way, or is no more: some of its KV may make room now. */
export function review({ residences }: ConversationState): void {
  for (const residence of residences.values()) {
    const { pool } = residence;
    if (pool.review(residence)) pool.released();
  }
}

const NONE: readonly BlockCopy[] = [];
