import { GREEDY } from "../protocol/sampling.ts";
import type { Runner, StepPlan } from "../protocol/step.ts";

/** Few, so that trying out a software adapter takes no longer than a look at it; as many as the scheduler takes an observation from. */
const TOKENS = 16;

/**
 * Where devices are of different adapters, each with what a token of a prompt takes there, in ms, tried one after the other before there is
 * any conversation: the first ones would otherwise go to a slow device as readily as to a quick one, and stay there. Devices of one adapter are
 * alike, and are not tried. Writes over the first KV blocks.
 */
export async function triedOut<T extends { readonly runner: Runner }>(
  devices: readonly T[],
): Promise<readonly (T & { readonly prefillMsPerToken?: number })[]> {
  if (new Set(devices.map(({ runner }) => runner.name)).size < 2) return devices;
  const tried: (T & { readonly prefillMsPerToken?: number })[] = [];
  for (const device of devices) {
    // One that fails here fails again where that is dealt with.
    const prefillMsPerToken = await promptMsPerToken(device.runner).catch(() => undefined);
    tried.push({ ...device, ...(prefillMsPerToken !== undefined && { prefillMsPerToken }) });
  }
  return tried;
}

/** The shorter of two, since the first may have to wait for what a driver puts off. */
async function promptMsPerToken(runner: Runner): Promise<number> {
  const sampling = { ...GREEDY, promptTokens: [], completionTokens: [] };
  const tokens = Array.from({ length: TOKENS }, (_, at) => at);
  const blocks = Array.from({ length: Math.ceil(TOKENS / runner.limits.blockTokens) }, (_, block) => block);
  const row = {
    sequence: "try-out",
    tokens,
    position: 0,
    blocks,
    output: { kind: "token", sampling },
  } as const;
  const plan: StepPlan = { id: 0, rows: [row] };
  const [first, second] = [await runner.run(plan), await runner.run(plan)];
  return Math.min(first.ms, second.ms) / TOKENS;
}
