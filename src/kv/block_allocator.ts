import { FreeList } from "./free_list.ts";
import { PrefixIndex, type PrefixMatch } from "./prefix_index.ts";

/** Blocks handed out, or how many are missing: running out is an answer, not an exception. */
export type Reservation =
  | { readonly kind: "ok"; readonly blocks: readonly number[] }
  | { readonly kind: "full"; readonly missing: number };

/**
 * The books of a pool of KV blocks, numbers in [0, total): how many owners each has, and what the full ones hold. Who reserves or shares
 * a block frees it once; a block without owners is free, and is found by its content until it is handed out again, the one
 * that was freed last as the last.
 */
export class BlockAllocator {
  readonly total: number;
  readonly #free: FreeList;
  readonly #owners: Int32Array;
  readonly #index: PrefixIndex;
  readonly #onFreed: () => void;
  #peak = 0;

  /** `onFreed` hears of every call of `free` that left blocks without an owner. */
  constructor(total: number, onFreed: () => void = () => {}) {
    this.total = total;
    this.#onFreed = onFreed;
    this.#free = new FreeList(total);
    this.#owners = new Int32Array(total);
    this.#index = new PrefixIndex(total);
  }

  /** Blocks that have an owner. */
  get used(): number {
    return this.total - this.#free.length;
  }

  /** Blocks that `reserve` can hand out. */
  get room(): number {
    return this.#free.length;
  }

  /** Most blocks that ever had an owner at once. */
  get peak(): number {
    return this.#peak;
  }

  owners(block: number): number {
    return this.#owners[block] ?? 0;
  }

  /** All `count` blocks, with one owner and unknown content, or none. */
  reserve(count: number): Reservation {
    if (count > this.#free.length) return { kind: "full", missing: count - this.#free.length };
    const blocks: number[] = [];
    for (let left = count; left > 0; left--) {
      const block = this.#free.shift();
      if (block === undefined) throw new Error("The free KV blocks were miscounted.");
      this.#index.forget(block);
      this.#owners[block] = 1;
      blocks.push(block);
    }
    this.#peak = Math.max(this.#peak, this.used);
    return { kind: "ok", blocks };
  }

  /** One more owner for each, free ones included: their content stays. */
  share(blocks: readonly number[]): void {
    for (const block of blocks) {
      if (this.#free.has(block)) this.#free.remove(block);
      this.#owners[block] = this.owners(block) + 1;
    }
    this.#peak = Math.max(this.#peak, this.used);
  }

  /** One owner less for each. The last of the sequence are the first to be handed out again: others may share its beginning. */
  free(blocks: readonly number[]): void {
    let isFree = false;
    for (let at = blocks.length - 1; at >= 0; at--) {
      const block = blocks[at] ?? 0;
      const owners = this.owners(block);
      if (owners === 0) throw new Error(`KV block ${block} is freed but not taken.`);
      this.#owners[block] = owners - 1;
      if (owners > 1) continue;
      isFree = true;
      if (this.#index.has(block)) this.#free.pushBack(block);
      else this.#free.pushFront(block);
    }
    if (isFree) this.#onFreed();
  }

  /** The block is full of `tokens[start, end)`: it can be found by that from now on. `hash` is that of the sequence up to its end. */
  remember(block: number, hash: number, tokens: ArrayLike<number>, start: number, end: number): void {
    this.#index.add(block, hash, tokens, start, end);
  }

  /** Whether it can be found by its content. */
  isKnown(block: number): boolean {
    return this.#index.has(block);
  }

  /** The block is going to be written to. */
  forget(block: number): void {
    this.#index.forget(block);
  }

  /** Full blocks that hold the beginning of `tokens[0, limit)`; they are nobody's before they are shared. */
  match(tokens: ArrayLike<number>, blockTokens: number, limit: number): PrefixMatch {
    return this.#index.match(tokens, blockTokens, limit);
  }

  /** Throws when the books do not add up, or differ from `held`: every block somebody says to hold, as often as it is held. */
  assertConsistent(held: readonly number[]): void {
    const counts = new Int32Array(this.total);
    for (const block of held) counts[block] = (counts[block] ?? 0) + 1;
    for (let block = 0; block < this.total; block++) {
      const [owners, count] = [this.owners(block), counts[block] ?? 0];
      if (owners !== count) throw new Error(`KV block ${block} has ${owners} owners and ${count} hold it.`);
      if (this.#free.has(block) !== (owners === 0)) throw new Error(`KV block ${block} is lost.`);
    }
    if (this.#peak < this.used || this.#peak > this.total) throw new Error("The peak of KV blocks is wrong.");
  }
}
