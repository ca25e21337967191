/** Blocks that nobody holds any more, and that plans in flight may still write to. Plans are made in the order of their ids. */
export class RetiredBlocks {
  readonly #inFlight = new Set<number>();
  #waiting: { readonly plan: number; readonly blocks: readonly number[] }[] = [];

  get blocks(): readonly number[] {
    return this.#waiting.flatMap(({ blocks }) => blocks);
  }

  /** Whether some plan up to this one has not reported yet. */
  isInFlight(plan: number): boolean {
    return this.#first() <= plan;
  }

  /** They wait for all plans up to this one, which may be about to be made. */
  add(plan: number, blocks: readonly number[]): void {
    this.#waiting.push({ plan, blocks });
  }

  planned(plan: number): void {
    this.#inFlight.add(plan);
  }

  /** The plan has reported: what was added to wait for it alone. */
  settled(plan: number): readonly (readonly number[])[] {
    this.#inFlight.delete(plan);
    if (this.#waiting.length === 0) return [];
    const first = this.#first();
    const free = this.#waiting.filter(({ plan }) => plan < first);
    this.#waiting = this.#waiting.filter(({ plan }) => plan >= first);
    return free.map(({ blocks }) => blocks);
  }

  #first(): number {
    for (const plan of this.#inFlight) return plan;
    return Number.POSITIVE_INFINITY;
  }
}
