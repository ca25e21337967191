import type { EngineCase } from "./cases.ts";
import { type EngineBench, type Sample, wrongResult } from "./engine_bench.ts";

export interface RoundsOptions {
  readonly samples: number;
  readonly device: string;
  readonly signal: AbortSignal;
  /** Called with 0 at the beginning and after each warm-up and sample: (cases * (samples + 1)) is the last. */
  readonly onSample: (done: number) => void;
}

/** A sample this much quicker than the best before shows that the machine was not warm yet. */
const STILL_WARMING = 0.95;
const MAX_WARM_UPS = 12;

/**
 * Warms every case up, then measures all of them round by round: what changes on the machine over the minutes changes all cases
 * alike. Every sample's tokens are held against the case's first.
 * @throws DeviceError `gpu-error` where they differ; the signal's reason
 */
export async function runRounds(
  bench: Pick<EngineBench, "prepare" | "sample">,
  cases: readonly EngineCase[],
  { samples, device, signal, onSample }: RoundsOptions,
): Promise<ReadonlyMap<EngineCase, readonly Sample[]>> {
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
  const taken = new Map(cases.map((one) => [one, [] as Sample[]]));
  for (let round = 0; round < samples; round++) {
    for (const [one, list] of taken) {
      list.push(await take(one));
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
    if (ms > best * STILL_WARMING) return;
    best = ms;
  }
}

export function sampleMs({ stepMs }: Sample): number {
  return stepMs.reduce((sum, ms) => sum + ms, 0);
}
