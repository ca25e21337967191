import type { Policy } from "../policy.ts";
import { ampd } from "./ampd.ts";
import { baton, batonWithin } from "./baton.ts";
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

/** What policies are told that are told anything: AMPD has the SLOs, and errs by as much as it is said to; `baton` tells late turns by the one of TTFT, and keeps a pace within the other. */
export interface PolicySettings {
  readonly ttftMs: number;
  readonly tbtMs: number;
  /** Standard deviation of the logarithm of what is predicted over what is true. Default 0. */
  readonly predictionError?: number;
}

/** Of the SLO, since the last steps of a short answer may be long ones. */
const PACE_SHARE = 0.9;

export function policyNamed(name: PolicyName, settings: PolicySettings): Policy {
  const { ttftMs: ttftSloMs, tbtMs: tbtSloMs, predictionError: error = 0 } = settings;
  if (name === "ampd") return ampd({ ttftSloMs, tbtSloMs, error });
  return name === "baton"
    ? batonWithin({ lateMs: ttftSloMs, paceMs: PACE_SHARE * tbtSloMs })
    : policies[name];
}
