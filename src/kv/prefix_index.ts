/** What a full block holds: its tokens, and by its hash all tokens before them. */
interface Content {
  readonly hash: number;
  readonly tokens: readonly number[];
}

/** Full blocks that hold the beginning of a sequence, in its order, and the hash of each. */
export interface PrefixMatch {
  readonly blocks: readonly number[];
  readonly hashes: readonly number[];
}

/** The hash before the first block of a sequence. */
export const NO_PREFIX = 0;

/**
 * Finds full KV blocks by what they hold. A block is known by a hash over its tokens and the hash of the block before it, so that
 * equal hashes mean equal sequences up to its end (as in vLLM's automatic prefix caching). The block's own tokens are compared as well:
 * two contents are mistaken for one another only when the hashes of the sequences before them collide, 1 in 2^52.
 */
export class PrefixIndex {
  readonly #blockOf = new Map<number, number>();
  /** By block. */
  readonly #contents: (Content | undefined)[];

  constructor(blocks: number) {
    this.#contents = new Array<Content | undefined>(blocks).fill(undefined);
  }

  /** Of several blocks with the same content the first stays known. */
  add(block: number, content: Content): void {
    if (this.#blockOf.has(content.hash)) return;
    this.#blockOf.set(content.hash, block);
    this.#contents[block] = content;
  }

  has(block: number): boolean {
    return this.#contents[block] !== undefined;
  }

  /** The block will hold something else. */
  forget(block: number): void {
    const content = this.#contents[block];
    if (content === undefined) return;
    this.#contents[block] = undefined;
    this.#blockOf.delete(content.hash);
  }

  /** The longest run of full blocks of `tokens[0, limit)`. */
  match(tokens: readonly number[], blockTokens: number, limit: number): PrefixMatch {
    const blocks: number[] = [];
    const hashes: number[] = [];
    let hash = NO_PREFIX;
    for (let start = 0; start + blockTokens <= Math.min(limit, tokens.length); start += blockTokens) {
      hash = chainHash(hash, tokens, start, start + blockTokens);
      const block = this.#blockOf.get(hash);
      if (block === undefined || !this.#holds(block, tokens, start)) break;
      blocks.push(block);
      hashes.push(hash);
    }
    return { blocks, hashes };
  }

  #holds(block: number, tokens: readonly number[], start: number): boolean {
    const held = this.#contents[block]?.tokens;
    return held?.every((token, index) => token === tokens[start + index]) ?? false;
  }
}

/** The hash of a sequence that ends with `tokens[start, end)`, of 52 bits, from that of what is before them. Two multiplicative lanes. */
export function chainHash(before: number, tokens: readonly number[], start: number, end: number): number {
  let high = Math.floor(before / 2 ** 20) | 0;
  let low = (before % 2 ** 20) ^ 0x2545f491;
  for (let at = start; at < end; at++) {
    const token = (tokens[at] ?? 0) + 1;
    high = Math.imul(high ^ token, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul(low + token, 0x85ebca6b);
    low = (low << 13) | (low >>> 19);
  }
  return (high >>> 0) * 2 ** 20 + ((low ^ (low >>> 12)) & 0xfffff);
}
