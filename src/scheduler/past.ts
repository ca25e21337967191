/** Plain means over all turns so far; undefined before the first. What policies that predict learn from. */
export class Past {
  /** Tokens of an answer. */
  readonly outputTokens = new Mean();
  /** From the end of a turn to the next one of its conversation. */
  readonly pauseMs = new Mean();
  /** New tokens of a turn that is not its conversation's first. */
  readonly laterTokens = new Mean();
}

class Mean {
  #sum = 0;
  #count = 0;

  get value(): number | undefined {
    return this.#count === 0 ? undefined : this.#sum / this.#count;
  }

  add(seen: number): void {
    this.#sum += seen;
    this.#count += 1;
  }
}
