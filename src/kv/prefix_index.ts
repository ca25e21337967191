/** Full blocks that hold the beginning of a sequence, in its order, and the hash of each. */
export interface PrefixMatch {
  readonly blocks: readonly number[];
  readonly hashes: readonly number[];
}

/** The hash before the first block of a sequence. */
export const NO_PREFIX = 0;

const NOTHING: PrefixMatch = { blocks: [], hashes: [] };

/**
 * Finds full KV blocks by what they hold. A block is known by a hash over its tokens and the hash of the block before it, so that
 * equal hashes mean equal sequences up to its end (as in vLLM's automatic prefix caching). A second hash, over the block's own tokens alone, is
 * compared as well. By chance, contents are mistaken for one another once in 2^84 where the blocks' own tokens differ, and in 2^52 where
 * only those before them do.
 *
 * A hash table with linear probing over blocks, in flat arrays: nothing is allocated for a block.
 */
export class PrefixIndex {
  /** By block; 0 where it is not known. */
  readonly #hashes: Float64Array;
  /** By block, over its own tokens. */
  readonly #checks: Int32Array;
  /** Blocks, counted from 1; 0 ends a run. At most half full. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  #count = 0;

  constructor(blocks: number) {
    this.#hashes = new Float64Array(blocks);
    this.#checks = new Int32Array(blocks);
    const slots = 2 ** Math.ceil(Math.log2(2 * blocks + 2));
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
  }

  /** The block holds `tokens[start, end)`. Of several blocks with the same content the first stays known. */
  add(block: number, hash: number, tokens: ArrayLike<number>, start: number, end: number): void {
    const slot = this.#slotOf(hash);
    if (this.#slots[slot] !== 0) return;
    this.#slots[slot] = block + 1;
    this.#hashes[block] = hash;
    this.#checks[block] = checkHash(tokens, start, end);
    this.#count += 1;
  }

  has(block: number): boolean {
    return this.#hashes[block] !== 0;
  }

  /** The block will hold something else. */
  forget(block: number): void {
    const hash = this.#hashes[block];
    if (hash === undefined || hash === 0) return;
    const slot = this.#slotOf(hash);
    this.#hashes[block] = 0;
    this.#count -= 1;
    this.#empty(slot);
  }

  /** The longest run of full blocks of `tokens[0, limit)`. */
  match(tokens: ArrayLike<number>, blockTokens: number, limit: number): PrefixMatch {
    if (this.#count === 0) return NOTHING;
    const blocks: number[] = [];
    const hashes: number[] = [];
    let hash = NO_PREFIX;
    for (let start = 0; start + blockTokens <= Math.min(limit, tokens.length); start += blockTokens) {
      const end = start + blockTokens;
      hash = chainHash(hash, tokens, start, end);
      const block = (this.#slots[this.#slotOf(hash)] ?? 0) - 1;
      if (block === -1 || this.#checks[block] !== checkHash(tokens, start, end)) break;
      blocks.push(block);
      hashes.push(hash);
    }
    return { blocks, hashes };
  }

  /** Where the hash is, or would be. */
  #slotOf(hash: number): number {
    let slot = homeOf(hash, this.#mask);
    for (let block = this.#slots[slot]; block; block = this.#slots[slot]) {
      if (this.#hashes[block - 1] === hash) break;
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  /** Those behind it in its run that may move up do (D. Knuth, The Art of Computer Programming 6.4, algorithm R). */
  #empty(slot: number): void {
    let hole = slot;
    let next = (hole + 1) & this.#mask;
    for (let block = this.#slots[next]; block; block = this.#slots[next]) {
      const home = homeOf(this.#hashes[block - 1] ?? 0, this.#mask);
      if (((next - home) & this.#mask) >= ((next - hole) & this.#mask)) {
        this.#slots[hole] = block;
        hole = next;
      }
      next = (next + 1) & this.#mask;
    }
    this.#slots[hole] = 0;
  }
}

/** The slot where a search for the hash begins. */
function homeOf(hash: number, mask: number): number {
  return Math.floor(hash / 2 ** 20) & mask;
}

/** The hash of a sequence that ends with `tokens[start, end)`, of 52 bits, from that of what is before them. Two multiplicative lanes. */
export function chainHash(before: number, tokens: ArrayLike<number>, start: number, end: number): number {
  let high = Math.floor(before / 2 ** 20) | 0;
  let low = (before % 2 ** 20) ^ 0x2545f491;
  for (let at = start; at < end; at++) {
    const token = (tokens[at] ?? 0) + 1;
    high = Math.imul(high ^ token, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul(low + token, 0x85ebca6b);
    low = (low << 13) | (low >>> 19);
  }
  // 0 stands for no hash.
  return (high >>> 0) * 2 ** 20 + ((low ^ (low >>> 12)) & 0xfffff || 1);
}

/** Of 32 bits, by other constants than those of `chainHash` (A. Appleby, MurmurHash3, 32 bits). */
function checkHash(tokens: ArrayLike<number>, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) {
    const mixed = Math.imul(tokens[at] ?? 0, 0xcc9e2d51);
    hash ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
