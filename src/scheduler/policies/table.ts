import type { Policy } from "../policy.ts";
import { baton } from "./baton.ts";
import { collocated, collocatedSticky } from "./collocated.ts";
import { conserve } from "./conserve.ts";
import { perTurn, uncachedThreshold } from "./per_turn.ts";
import { ampd, clairvoyant, predictive } from "./predictive.ts";

/** Every policy by its name, with the parameters that it has unless a measurement asks for others. */
export const policies = {
  baton,
  conserve,
  collocated,
  "collocated-sticky": collocatedSticky,
  "per-turn": perTurn,
  "uncached-threshold": uncachedThreshold(256),
  ampd: ampd({ ttftSloMs: 2000, tbtSloMs: 200, error: 0 }),
  predictive,
  clairvoyant,
} as const satisfies Readonly<Record<string, Policy>>;

export type PolicyName = keyof typeof policies;
