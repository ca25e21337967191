import { sampleMs, type Taken, type TakenSample } from "./rounds.ts";
import { type Spread, spread } from "./spread.ts";

/** One measurement against another of the same run: rates of all tokens together, by the samples of the same rounds. */
export interface Ratio {
  /** `one` over `other`, both ids of cases. */
  readonly one: string;
  readonly other: string;
  readonly meaning: string;
  readonly ratio: Spread;
}

/** Batch 1 is the decode of one sequence after as many tokens as the batches have. */
const pairs: readonly Omit<Ratio, "ratio">[] = [
  {
    one: "decode-context-2048",
    other: "decode-context-128",
    meaning: "decode at a context of 2048 and of 128",
  },
  { one: "prefill-2048", other: "prefill-128", meaning: "prefill of 2048 tokens and of 128, per token" },
  { one: "batch-8", other: "prefill-128", meaning: "decode of 8 sequences and prefill, per token" },
  { one: "batch-16", other: "prefill-128", meaning: "decode of 16 sequences and prefill, per token" },
  { one: "batch-8", other: "decode-context-128", meaning: "decode of 8 sequences and of one" },
  { one: "batch-16", other: "decode-context-128", meaning: "decode of 16 sequences and of one" },
];

/** Of the pairs whose cases were both measured. */
export function ratiosOf(taken: Taken): Ratio[] {
  const rates = new Map(
    [...taken].map(([{ id, batch, tokens }, samples]) => [id, ratesOf(samples, batch * tokens)]),
  );
  return pairs.flatMap((pair) => {
    const [one, other] = [rates.get(pair.one), rates.get(pair.other)];
    const values = [...(one ?? [])].flatMap(([round, rate]) => {
      const against = other?.get(round);
      return against === undefined ? [] : [rate / against];
    });
    return values.length === 0 ? [] : [{ ...pair, ratio: spread(values) }];
  });
}

/** Tokens a second, by round. */
function ratesOf(samples: readonly TakenSample[], tokens: number): ReadonlyMap<number, number> {
  return new Map(samples.map((sample) => [sample.round, (tokens * 1000) / sampleMs(sample)]));
}
