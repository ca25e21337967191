/**
 * Which earlier prompt a prompt begins with, from the ids of their blocks.
 *
 * A beginning is known by a hash of all ids in it, 53 bits chained from block to block, so that each block costs one look-up, whatever
 * came before it. The last block of a prompt is often not full, and another one once it is, so it belongs to no beginning.
 */

/**
 * What most prompts of an application begin with, a system prompt, tells nothing about whose they are. It is known by what follows it:
 * another block in each conversation. Within one conversation, a prompt's full blocks are followed by its last block, which each turn that
 * is shorter than a block fills further, and then by the full one: hardly ever by more different ones than this.
 */
const MOST_FOLLOWERS = 8;

export interface Beginning<T> {
  /** How often what follows was another block than the time before. */
  followers: number;
  lastFollower: number;
  /** Whose last prompt this is, without its last block. */
  owner: T | undefined;
}

export class Beginnings<T> {
  readonly #known = new Map<number, Beginning<T>>();

  /** Of all prompts that there will be, in the order in which they come. */
  constructor(prompts: readonly (readonly number[])[]) {
    for (const ids of prompts) {
      const hash = ids.length > 1 ? hashesOf(ids, ids.length - 1) : undefined;
      if (hash !== undefined && !this.#known.has(hash))
        this.#known.set(hash, { followers: 0, lastFollower: Number.NaN, owner: undefined });
    }
    for (const ids of prompts)
      this.#walk(ids, (beginning, follower) => {
        if (follower !== beginning.lastFollower) beginning.followers += 1;
        beginning.lastFollower = follower;
      });
  }

  /** The longest beginning that is somebody's, and the one that has all of this prompt but its last block. */
  of(ids: readonly number[]): {
    readonly longest: Beginning<T> | undefined;
    readonly whole: Beginning<T> | undefined;
  } {
    let longest: Beginning<T> | undefined;
    let whole: Beginning<T> | undefined;
    this.#walk(ids, (beginning, _, isWhole) => {
      if (beginning.owner !== undefined && beginning.followers <= MOST_FOLLOWERS) longest = beginning;
      if (isWhole) whole = beginning;
    });
    return { longest, whole };
  }

  /** From the shortest known beginning to the longest. */
  #walk(
    ids: readonly number[],
    visit: (beginning: Beginning<T>, follower: number, isWhole: boolean) => void,
  ): void {
    hashesOf(ids, ids.length - 1, (hash, length) => {
      const beginning = this.#known.get(hash);
      if (beginning !== undefined) visit(beginning, ids[length] ?? 0, length === ids.length - 1);
    });
  }
}

/** Tells of the hash of each beginning of up to `length` blocks; returns the last one. */
function hashesOf(
  ids: readonly number[],
  length: number,
  onEach?: (hash: number, length: number) => void,
): number {
  let [low, high, hash] = [0x811c9dc5, 0x9e3779b9, 0];
  for (let at = 0; at < length; at++) {
    const id = ids[at] ?? 0;
    low = Math.imul(low ^ id, 0x85ebca6b);
    low ^= low >>> 13;
    // Bits beyond 32 count too; `^` takes the rest.
    high = Math.imul(high ^ low ^ (id / 2 ** 32), 0xc2b2ae35);
    high ^= high >>> 16;
    hash = (low >>> 0) * 2 ** 21 + (high >>> 11);
    onEach?.(hash, at + 1);
  }
  return hash;
}
