import { BlockAllocator } from "../kv/block_allocator.ts";
import { BlockTable } from "../kv/block_table.ts";
import type { BlockCopy } from "../protocol/step.ts";
import type { Device } from "./device.ts";
import type { ConversationState, Residence } from "./state.ts";

/** Blocks that nobody holds any more; steps in flight may still write to them until all plans up to this one have reported. */
interface RetiredBlocks {
  readonly plan: number;
  readonly blocks: readonly number[];
}

/** The KV blocks of one device, or of several that share them, and the conversations that have some. */
export class Pool {
  readonly id: string;
  readonly allocator: BlockAllocator;
  readonly devices = new Set<Device>();
  /** Idle residences that are to be parked, so that their blocks come free; undefined where they are dropped instead. */
  wanted: Set<Residence> | undefined;
  /** How many are on their way to host memory. */
  parking = 0;
  readonly #blockTokens: number;
  /** In the order of their last use. */
  readonly #residences = new Map<string, Residence>();
  readonly #inFlight = new Set<number>();
  /** By block, the last count that it was a part of. */
  readonly #marks: Int32Array;
  #mark = 0;
  #isQuiet = false;
  #retired: RetiredBlocks[] = [];
  /** Blocks that could have been taken are being written to still. */
  #heldBack = false;

  constructor(id: string, blocks: number, blockTokens: number) {
    this.id = id;
    this.#blockTokens = blockTokens;
    this.allocator = new BlockAllocator(blocks, () => this.released());
    this.#marks = new Int32Array(blocks);
  }

  get residences(): Iterable<Residence> {
    return this.#residences.values();
  }

  /** Blocks of the residences that count, those that several share once. */
  blocksInUse(counts: (residence: Residence) => boolean): number {
    this.#mark += 1;
    let blocks = 0;
    for (const residence of this.#residences.values()) {
      if (!counts(residence)) continue;
      for (const block of residence.table.blocks) {
        if (this.#marks[block] === this.#mark) continue;
        this.#marks[block] = this.#mark;
        blocks += 1;
      }
    }
    return blocks;
  }

  /** How many conversations have a residence here. */
  get conversations(): number {
    return this.#residences.size;
  }

  /** How many blocks the conversation has here. */
  blocksOf(conversation: string): number {
    return this.#residences.get(conversation)?.table.blocks.length ?? 0;
  }

  get retired(): readonly RetiredBlocks[] {
    return this.#retired;
  }

  /** Blocks are going to come free that nobody runs on. */
  get isParking(): boolean {
    return this.parking > 0 || (this.wanted?.size ?? 0) > 0;
  }

  /** There may be more room: blocks came free, or a turn has left its conversation's blocks here. */
  released(): void {
    if (this.#isQuiet) return;
    for (const device of this.devices) device.hasRoomAgain();
  }

  /** What the conversation has here; a new residence begins with the blocks of others that hold its first tokens, `limit` at most. */
  enter(conversation: ConversationState, limit: number): Residence {
    const known = conversation.residences.get(this);
    const residence = known ?? this.#settleIn(conversation);
    this.#touch(residence);
    const { table } = residence;
    if (table.length > 0 || table.blocks.length > 0) return residence;
    const match = this.allocator.match(conversation.tokens, this.#blockTokens, limit);
    this.allocator.share(match.blocks);
    table.begin(match);
    return residence;
  }

  /** A step has written the residence's K and V up to `tokens`. */
  grow(residence: Residence, tokens: number): void {
    residence.table.grow(tokens, residence.conversation.tokens, this.allocator);
  }

  /** How many blocks it takes to go on at `position` in blocks that are the residence's own: 1 where that is in a shared one. */
  copiesAt({ table }: Residence, position: number): number {
    const block = table.blocks[Math.floor(position / this.#blockTokens)];
    return block !== undefined && this.allocator.owners(block) > 1 ? 1 : 0;
  }

  /**
   * Makes the block that `position` is in the residence's own, before anything is written there; `copy` takes the place of a shared one,
   * which `plan`, about to be made, reads; without a plan nothing of it is needed.
   */
  own(residence: Residence, position: number, copy: number | undefined, plan?: number): readonly BlockCopy[] {
    const { table } = residence;
    const at = Math.floor(position / this.#blockTokens);
    const block = table.blocks[at];
    if (block === undefined) return [];
    if (copy === undefined) {
      this.allocator.forget(block);
      return [];
    }
    table.replace(at, copy);
    if (plan === undefined) this.#retire(residence, [block]);
    else this.#retired.push({ plan, blocks: [block] });
    return position % this.#blockTokens === 0 ? [] : [{ from: block, to: copy }];
  }

  /** Keeps the first `tokens` tokens; blocks that are not needed for them go as soon as nothing in flight writes to them. */
  cut(residence: Residence, tokens: number): void {
    this.#retire(residence, residence.table.truncate(tokens));
  }

  leave(residence: Residence): void {
    this.cut(residence, 0);
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
    const blocks = from.table.blocks.slice(0, Math.ceil(tokens / this.#blockTokens));
    this.allocator.share(blocks);
    residence.table.addBlocks(blocks);
    residence.lastPlan = from.lastPlan;
    this.grow(residence, tokens);
  }

  /** It is the last one to make room for others. */
  #touch(residence: Residence): void {
    const { id } = residence.conversation;
    this.#residences.delete(id);
    this.#residences.set(id, residence);
  }

  /** The coldest idle conversation whose blocks can go; undefined when there is none. */
  coldest(canGo: (residence: Residence) => boolean): Residence | undefined {
    for (const residence of this.#residences.values()) {
      if (residence.table.blocks.length === 0 || !canGo(residence)) continue;
      if (!this.holds(residence)) return residence;
      this.#heldBack = true;
    }
    return undefined;
  }

  /** Blocks that come free when the residence goes. */
  ownBlocks({ table }: Residence): number {
    return table.blocks.filter((block) => this.allocator.owners(block) === 1).length;
  }

  /** Whether a plan in flight may still write to its blocks. */
  holds({ lastPlan }: Residence): boolean {
    for (const plan of this.#inFlight) if (plan <= lastPlan) return true;
    return false;
  }

  planned(plan: number): void {
    this.#inFlight.add(plan);
  }

  /** The plan has reported: blocks that waited for it alone go. */
  settled(plan: number): void {
    this.#inFlight.delete(plan);
    if (this.#heldBack) this.released();
    this.#heldBack = false;
    if (this.#retired.length === 0) return;
    const first = Math.min(...this.#inFlight);
    for (const { plan, blocks } of this.#retired) if (plan < first) this.allocator.free(blocks);
    this.#retired = this.#retired.filter(({ plan }) => plan >= first);
  }

  #retire(residence: Residence, blocks: readonly number[]): void {
    if (blocks.length === 0) return;
    if (this.holds(residence)) this.#retired.push({ plan: residence.lastPlan, blocks });
    else this.allocator.free(blocks);
  }

  #settleIn(conversation: ConversationState): Residence {
    const table = new BlockTable(this.#blockTokens);
    const residence = { conversation, pool: this, table, lastPlan: 0 };
    conversation.residences.set(this, residence);
    this.#residences.set(conversation.id, residence);
    return residence;
  }
}
