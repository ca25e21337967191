/** What logits say of given tokens. Sums run in 64-bit floats, over rows that come in pieces of any size. */
export class TokenScores {
  readonly #ids: readonly number[];
  readonly #top: number;
  readonly #vocabTokens: number;
  readonly #logprobs: (number | null)[] = [null];
  readonly #likeliest: (readonly (readonly [number, number])[])[] = [];

  constructor(ids: readonly number[], top: number, vocabTokens: number) {
    this.#ids = ids;
    this.#top = top;
    this.#vocabTokens = vocabTokens;
  }

  /** `logits`: [tokens, vocabTokens], of `ids[offset]` and what follows it. */
  add(offset: number, logits: Float32Array): void {
    for (let row = 0; row * this.#vocabTokens < logits.length; row++) {
      const values = logits.subarray(row * this.#vocabTokens, (row + 1) * this.#vocabTokens);
      const normaliser = logSumExp(values);
      const at = offset + row;
      this.#likeliest[at] = largest(values, this.#top).map(
        (id) => [id, (values[id] ?? 0) - normaliser] as const,
      );
      const next = this.#ids[at + 1];
      if (next !== undefined) this.#logprobs[at + 1] = (values[next] ?? 0) - normaliser;
    }
  }

  /** `nll`: the mean negative log-likelihood of all tokens but the first; 0 where there is no other. */
  result() {
    const known = this.#logprobs.filter((value) => value !== null);
    const nll = known.length === 0 ? 0 : -known.reduce((sum, value) => sum + value, 0) / known.length;
    return { logprobs: this.#logprobs, top: this.#likeliest, nll };
  }
}

export function logSumExp(values: Float32Array): number {
  let max = -Infinity;
  for (const value of values) if (value > max) max = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - max);
  return max + Math.log(sum);
}

/** Indices of the `count` largest values, largest first; of equal ones the first. */
export function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  if (count === 0) return best;
  const valueAt = (index: number | undefined) =>
    index === undefined ? -Infinity : (values[index] ?? -Infinity);
  let least = -Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = valueAt(index);
    if (best.length === count && !(value > least)) continue;
    let place = best.length;
    while (place > 0 && valueAt(best[place - 1]) < value) place--;
    best.splice(place, 0, index);
    if (best.length > count) best.pop();
    least = valueAt(best[best.length - 1]);
  }
  return best;
}
