import type { BlockAllocator } from "./block_allocator.ts";
import { chainHash, NO_PREFIX, type PrefixMatch } from "./prefix_index.ts";

/**
 * Where a sequence's K and V are: slot `i` of it is slot `i % blockTokens` of block `blocks[i / blockTokens]`. Its full blocks may be
 * those of other sequences as well, and the one it shares a beginning with; nothing is written into a block of several owners.
 */
export class BlockTable {
  readonly blockTokens: number;
  readonly #blocks: number[] = [];
  /** Of the sequence up to the end of each full block. */
  readonly #hashes: number[] = [];
  /** The first of the blocks, as they were asked for last. */
  #covering: readonly number[] = [];
  #length = 0;

  constructor(blockTokens: number) {
    this.blockTokens = blockTokens;
  }

  /** How many tokens' K and V are in the cache. */
  get length(): number {
    return this.#length;
  }

  get blocks(): readonly number[] {
    return this.#blocks;
  }

  /** How many tokens its blocks have room for. */
  get room(): number {
    return this.#blocks.length * this.blockTokens;
  }

  /** The blocks of the first `tokens` tokens. A list that leaves in plans never changes, so steps that need the same blocks share one. */
  covering(tokens: number): readonly number[] {
    const count = Math.ceil(tokens / this.blockTokens);
    if (this.#covering.length !== count) this.#covering = this.#blocks.slice(0, count);
    return this.#covering;
  }

  /** How many blocks to add before the sequence may grow to `tokens`. */
  missingFor(tokens: number): number {
    return Math.max(0, Math.ceil(tokens / this.blockTokens) - this.#blocks.length);
  }

  addBlocks(blocks: readonly number[]): void {
    for (const block of blocks) this.#blocks.push(block);
  }

  /** Begins an empty table with full blocks of another sequence that begins alike. */
  begin({ blocks, hashes }: PrefixMatch): void {
    if (this.#blocks.length > 0) throw new Error("A prefix for a table that is not empty.");
    this.#blocks.push(...blocks);
    this.#hashes.push(...hashes);
    this.#length = blocks.length * this.blockTokens;
  }

  /**
   * The step that wrote the next K and V has ended: `sequence[0, tokens)` is in the cache now. Blocks that became full are remembered by
   * `allocator`.
   */
  grow(tokens: number, sequence: ArrayLike<number>, allocator: BlockAllocator): void {
    if (tokens > this.room) throw new Error("Tokens without a KV block.");
    this.#length = tokens;
    const { blockTokens } = this;
    for (let at = this.#hashes.length; (at + 1) * blockTokens <= tokens; at++) {
      const [start, end] = [at * blockTokens, (at + 1) * blockTokens];
      const hash = chainHash(this.#hashes[at - 1] ?? NO_PREFIX, sequence, start, end);
      this.#hashes.push(hash);
      const block = this.#blocks[at];
      if (block !== undefined) allocator.remember(block, hash, sequence, start, end);
    }
  }

  /** Another block in the place of one, with the same content. */
  replace(at: number, block: number): void {
    this.#blocks[at] = block;
    this.#covering = [];
  }

  /** Keeps the first `tokens` tokens and the blocks they are in; returns the other blocks, which are the caller's to free. */
  truncate(tokens: number): readonly number[] {
    this.#length = Math.min(this.#length, tokens);
    while (this.#hashes.length * this.blockTokens > this.#length) this.#hashes.pop();
    const kept = Math.ceil(this.#length / this.blockTokens);
    if (kept === this.#blocks.length) return NONE;
    this.#covering = [];
    return this.#blocks.splice(kept);
  }
}

const NONE: readonly number[] = [];
