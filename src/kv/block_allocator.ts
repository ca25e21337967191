/** Blocks handed out, or how many are missing: running out is an answer, not an exception. */
export type Reservation =
  | { readonly kind: "ok"; readonly blocks: readonly number[] }
  | { readonly kind: "full"; readonly missing: number };

/** Which of a pool's KV blocks are taken. Blocks are numbers in [0, total); whoever reserves one gives it back once. */
export class BlockAllocator {
  readonly total: number;
  /** A stack: the block that came back last goes out first. */
  readonly #free: number[];
  readonly #taken: Uint8Array;
  #peak = 0;

  constructor(total: number) {
    this.total = total;
    this.#free = Array.from({ length: total }, (_, index) => total - 1 - index);
    this.#taken = new Uint8Array(total);
  }

  get used(): number {
    return this.total - this.#free.length;
  }

  /** Most blocks that were ever taken at once. */
  get peak(): number {
    return this.#peak;
  }

  /** All `count` blocks or none. */
  reserve(count: number): Reservation {
    if (count > this.#free.length) return { kind: "full", missing: count - this.#free.length };
    const blocks = this.#free.splice(this.#free.length - count, count).reverse();
    for (const block of blocks) this.#taken[block] = 1;
    this.#peak = Math.max(this.#peak, this.used);
    return { kind: "ok", blocks };
  }

  free(blocks: readonly number[]): void {
    for (const block of blocks) {
      if (this.#taken[block] !== 1) throw new Error(`KV block ${block} is freed but not taken.`);
      this.#taken[block] = 0;
      this.#free.push(block);
    }
  }

  /** Throws when the books do not add up, or differ from `held`: every block somebody says to hold. */
  assertConsistent(held: readonly number[]): void {
    const marks = new Uint8Array(this.total);
    for (const block of [...this.#free, ...held]) {
      if (marks[block] !== 0) throw new Error(`KV block ${block} is unknown or has two owners.`);
      marks[block] = 1;
    }
    if (marks.includes(0)) throw new Error(`KV block ${marks.indexOf(0)} has no owner and is not free.`);
    for (const block of held) {
      if (this.#taken[block] !== 1) throw new Error(`KV block ${block} is held but not taken.`);
    }
    if (this.#peak < this.used || this.#peak > this.total) throw new Error("The peak of KV blocks is wrong.");
  }
}
