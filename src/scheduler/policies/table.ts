import type { Policy } from "../policy.ts";
import { ampd } from "./ampd.ts";
import { baton } from "./baton.ts";
import { clairvoyant } from "./clairvoyant.ts";
import { collocated } from "./collocated.ts";
import { collocatedSticky } from "./collocated_sticky.ts";
import { conserve } from "./conserve.ts";
import { perTurn } from "./per_turn.ts";
import { predictive } from "./predictive.ts";
import { uncachedThreshold } from "./uncached_threshold.ts";

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
