import type { EngineCase } from "./cases.ts";
import { type EngineBench, type Sample, wrongResult } from "./engine_bench.ts";

export interface RoundsOptions {
  /** Rounds; a case of `everyRounds: 2` is sampled in the first, the third and so on. */
  readonly samples: number;
  readonly device: string;
  readonly signal: AbortSignal;
  /** Called with 0 at the beginning and after each warm-up and sample; `countSamples` is the last. */
  readonly onSample: (done: number) => void;
  /** What else is measured once a round, before the cases. */
  readonly everyRound?: () => Promise<void>;
}

/** A sample, and which round it was taken in: samples of one round met the machine in about the same state. */
export interface TakenSample extends Sample {
  readonly round: number;
}

export type Taken = ReadonlyMap<EngineCase, readonly TakenSample[]>;

/** A sample this much quicker than the best before shows that the machine was not warm yet. */
const STILL_WARMING = 0.95;
const MAX_WARM_UPS = 12;
/** One that took longer has warmed up on its way. */
const LONG_SAMPLE_MS = 8000;

/** Warm-ups and samples of all rounds. */
export function countSamples(cases: readonly EngineCase[], samples: number): number {
  return cases.reduce((sum, { everyRounds }) => sum + 1 + Math.ceil(samples / everyRounds), 0);
}

/**
 * Warms every case up, then measures all of them round by round: what changes on the machine over the minutes changes all cases
 * alike. Every sample's tokens are held against the case's first.
 * @throws DeviceError `gpu-error` where they differ; the signal's reason
 */
export async function runRounds(
  bench: Pick<EngineBench, "prepare" | "sample">,
  cases: readonly EngineCase[],
  { samples, device, signal, onSample, everyRound }: RoundsOptions,
): Promise<Taken> {
  const expected = new Map<EngineCase, string>();
  const take = async (one: EngineCase): Promise<Sample> => {
    signal.throwIfAborted();
    const sample = await bench.sample(one);
    const tokens = sample.tokens.join(" ");
    if ((expected.get(one) ?? tokens) !== tokens) {
      throw wrongResult(device, `other tokens for the same prompt (${one.id})`);
    }
    expected.set(one, tokens);
    return sample;
  };
  let done = 0;
  onSample(done);
  for (const one of cases) {
    await bench.prepare(one);
    await warmUp(() => take(one));
    onSample(++done);
  }
  const taken = new Map(cases.map((one) => [one, [] as TakenSample[]]));
  for (let round = 0; round < samples; round++) {
    await everyRound?.();
    for (const [one, list] of taken) {
      if (round % one.everyRounds !== 0) continue;
      list.push({ ...(await take(one)), round });
      onSample(++done);
    }
  }
  return taken;
}

/** Until it gets no quicker: drivers compile at first use, and the runner learns how long a step takes. */
async function warmUp(take: () => Promise<Sample>): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  for (let count = 0; count < MAX_WARM_UPS; count++) {
    const ms = sampleMs(await take());
    if (ms > best * STILL_WARMING || ms > LONG_SAMPLE_MS) return;
    best = ms;
  }
}

export function sampleMs({ stepMs }: Sample): number {
  return stepMs.reduce((sum, ms) => sum + ms, 0);
}
