/** How many buckets a factor of two is cut into: values within one are at most 1.1% apart. */
const BUCKETS_PER_OCTAVE = 64;
/** Below this, in ms, values are not told apart. */
const LEAST = 1e-3;

/** Quantiles of more values than one would keep, within 0.6%: counts in buckets that grow with the value (as HdrHistogram's). */
export class LogHistogram {
  readonly #counts: number[] = [];
  #total = 0;
  #sum = 0;

  add(value: number, times = 1): void {
    const at = value <= LEAST ? 0 : 1 + Math.floor(Math.log2(value / LEAST) * BUCKETS_PER_OCTAVE);
    while (this.#counts.length <= at) this.#counts.push(0);
    this.#counts[at] = (this.#counts[at] ?? 0) + times;
    this.#total += times;
    this.#sum += value * times;
  }

  get count(): number {
    return this.#total;
  }

  /** NaN for no values. */
  get mean(): number {
    return this.#sum / this.#total;
  }

  /** The middle of the bucket that `q`, in [0, 1], of all values lie below; NaN for no values. */
  quantile(q: number): number {
    let left = q * this.#total;
    for (const [at, count] of this.#counts.entries()) {
      left -= count;
      if (count > 0 && left <= 0) return at === 0 ? 0 : LEAST * 2 ** ((at - 0.5) / BUCKETS_PER_OCTAVE);
    }
    return Number.NaN;
  }
}
