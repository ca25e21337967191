import type { Residence } from "./state.ts";

/** Of how many active residences each block is; residences that are idle count nothing. */
export class ActiveBlocks {
  readonly #residences: Int32Array;
  #count = 0;

  constructor(blocks: number) {
    this.#residences = new Int32Array(blocks);
  }

  /** How many blocks are of one at least. */
  get count(): number {
    return this.#count;
  }

  add({ isActive }: Residence, blocks: readonly number[]): void {
    if (!isActive) return;
    for (const block of blocks) {
      const residences = this.#residences[block] ?? 0;
      this.#residences[block] = residences + 1;
      if (residences === 0) this.#count += 1;
    }
  }

  remove({ isActive }: Residence, blocks: readonly number[]): void {
    if (!isActive) return;
    for (const block of blocks) {
      const residences = this.#residences[block] ?? 0;
      this.#residences[block] = residences - 1;
      if (residences === 1) this.#count -= 1;
    }
  }
}
