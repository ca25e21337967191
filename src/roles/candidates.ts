import { BatonError } from "../errors.ts";
import { openDevice } from "../gpu/device.ts";
import type { AdapterSummary, Platform } from "../platform/platform.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type { Candidate } from "./choice.ts";
import { recallRates, rememberRates } from "./memory.ts";
import { measureRates, RATE_SAMPLES, type Rates } from "./rates.ts";

/** Adapters with the rates that are remembered of them. */
export function recallCandidates(
  adapters: readonly AdapterSummary[],
  memory: Pick<Platform, "settings" | "implementation">,
): Promise<readonly Candidate[]> {
  return Promise.all(
    adapters.map(async (adapter) => ({ adapter, rates: await recallRates(adapter, memory) })),
  );
}

export interface Measuring {
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures adapters, one after the other, so that what they share does not count, and remembers it. One that fails gets no rates.
 * @throws the signal's reason
 */
export async function measureCandidates(
  adapters: readonly AdapterSummary[],
  platform: Platform,
  { onProgress, signal }: Measuring,
): Promise<readonly Candidate[]> {
  const total = RATE_SAMPLES * adapters.length;
  const candidates: Candidate[] = [];
  for (const adapter of adapters) {
    let done = RATE_SAMPLES * candidates.length;
    const report = () =>
      onProgress?.({ phase: "measure", done, total, unit: "samples", label: adapter.name });
    const onSample = () => {
      done++;
      report();
    };
    report();
    const rates = await ratesOf(adapter, platform, { signal, onSample });
    if (rates) await rememberRates(adapter, rates, platform);
    candidates.push({ adapter, rates });
  }
  onProgress?.({ phase: "measure", done: total, total, unit: "samples", label: "adapters" });
  return candidates;
}

/** On a device of its own, which is gone then. */
async function ratesOf(
  { name }: AdapterSummary,
  platform: Platform,
  watching: Parameters<typeof measureRates>[1],
): Promise<Rates | undefined> {
  try {
    const gpu = await openDevice(await platform.openAdapter({ name }));
    try {
      return await measureRates(gpu, watching);
    } finally {
      gpu.destroy();
    }
  } catch (error) {
    if (error instanceof BatonError) return undefined;
    throw error;
  }
}
