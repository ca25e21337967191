/** Where a conversation's K and V are: slot `i` of the sequence is slot `i % blockTokens` of block `blocks[i / blockTokens]`. */
export class BlockTable {
  readonly blockTokens: number;
  readonly #tokens: number[] = [];
  readonly #blocks: number[] = [];

  constructor(blockTokens: number) {
    this.blockTokens = blockTokens;
  }

  /** The ids whose K and V are in the cache. They stay on the host, so that a cache can be rebuilt. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  get length(): number {
    return this.#tokens.length;
  }

  get blocks(): readonly number[] {
    return this.#blocks;
  }

  /** How many blocks to add before the sequence may grow to `tokens`. */
  missingFor(tokens: number): number {
    return Math.max(0, Math.ceil(tokens / this.blockTokens) - this.#blocks.length);
  }

  addBlocks(blocks: readonly number[]): void {
    this.#blocks.push(...blocks);
  }

  /** The step that wrote these tokens' K and V has ended. */
  append(tokens: readonly number[]): void {
    if (this.missingFor(this.length + tokens.length) > 0) throw new Error("Tokens without a KV block.");
    for (const token of tokens) this.#tokens.push(token);
  }

  /** Keeps the first `tokens` tokens and the blocks they are in; returns the other blocks, which are the caller's to free. */
  truncate(tokens: number): readonly number[] {
    this.#tokens.length = Math.min(this.length, tokens);
    return this.#blocks.splice(Math.ceil(this.length / this.blockTokens));
  }
}
