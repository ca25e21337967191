/**
 * Where the last `length` tokens of a growing sequence stood before: a hash table with linear probing over positions, which are compared by
 * the tokens themselves, so that it stores nothing but one number for each tail.
 */
export class TailIndex {
  readonly #length: number;
  /** Where the tokens behind a tail begin; 0 where there is none. At most half full. */
  #slots = new Int32Array(LEAST_SLOTS);
  #count = 0;

  constructor(length: number) {
    this.#length = length;
  }

  /** The tail of `tokens[0, end)` stands here from now on; returns where the tokens behind its last occurrence before begin. */
  look(tokens: Int32Array, end: number): number | undefined {
    if (2 * this.#count >= this.#slots.length) this.#grow(tokens);
    const slot = this.#slotOf(tokens, end);
    const found = this.#slots[slot] ?? 0;
    this.#slots[slot] = end;
    if (found !== 0) return found;
    this.#count += 1;
    return undefined;
  }

  #slotOf(tokens: Int32Array, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(tokens, end) & mask;
    for (let at = this.#slots[slot]; at; at = this.#slots[slot]) {
      if (this.#isSame(tokens, at, end)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #hash(tokens: Int32Array, end: number): number {
    let hash = 0;
    for (let at = end - this.#length; at < end; at++)
      hash = Math.imul(hash ^ ((tokens[at] ?? 0) + 1), 0x9e3779b1);
    return hash ^ (hash >>> 15);
  }

  #isSame(tokens: Int32Array, end: number, other: number): boolean {
    for (let back = 1; back <= this.#length; back++)
      if (tokens[end - back] !== tokens[other - back]) return false;
    return true;
  }

  #grow(tokens: Int32Array): void {
    const ends = this.#slots;
    this.#slots = new Int32Array(2 * ends.length);
    for (const end of ends) if (end !== 0) this.#slots[this.#slotOf(tokens, end)] = end;
  }
}

const LEAST_SLOTS = 64;
