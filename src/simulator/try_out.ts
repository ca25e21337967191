import type { StepWork } from "../metrics/step_work.ts";
import type { StepCost } from "./simulated_device.ts";

/** What real devices are tried out with before the first conversation, where they are unlike (`src/runner/try_out.ts`). */
const TOKENS = 16;
const PROMPT: StepWork = {
  prefillTokens: TOKENS,
  prefillPairs: (TOKENS * (TOKENS + 1)) / 2,
  prefillContextTokens: TOKENS,
  decodes: 0,
  decodeContextTokens: 0,
  logitRows: 1,
};

export function triedMsPerToken(cost: StepCost): number {
  return cost(PROMPT) / TOKENS;
}

export function areUnlike(devices: readonly { readonly cost: StepCost }[]): boolean {
  const times = devices.map(({ cost }) => triedMsPerToken(cost));
  return Math.max(...times) > Math.min(...times);
}
