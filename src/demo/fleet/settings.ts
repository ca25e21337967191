import type { PolicyName } from "../../index.ts";
import type { Setup } from "../engine.ts";
import type { ToolName } from "../tools/toolbox.ts";

export interface FleetSettings {
  /** 1 to 12. */
  readonly agents: number;
  readonly policy: PolicyName;
  readonly devices: DevicesName;
  /** Agents that begin in a second; 0 for all at once. */
  readonly ratePerSecond: number;
  /** Of all answers of an agent together. */
  readonly maxTokens: number;
  readonly tools: readonly ToolName[];
}

export const initialSettings: FleetSettings = {
  agents: 4,
  policy: "conserve",
  devices: "pair",
  ratePerSecond: 0,
  maxTokens: 120,
  tools: ["calculator", "date", "search"],
};

/** In a sentence each. */
export const policyTexts: Readonly<Record<PolicyName, string>> = {
  conserve: "First prompts on the prefiller, one copy, then all on one decoder (ConServe).",
  baton: "Like conserve, with ways around a prefiller that is backed up; idle KV is parked.",
  collocated: "Each device does everything; conversations go where there is least to do.",
  "collocated-sticky": "Each device does everything; conversations stay where they began.",
  "per-turn": "Every turn's prompt on a prefiller, with a copy each time.",
  "uncached-threshold": "Long new prompts go to a prefiller, short ones stay.",
  ampd: "Prefill where the predicted times keep the objectives, turn by turn.",
  predictive: "Placement by what conversations are predicted to need.",
  clairvoyant: "Placement by knowing how conversations go on: a bound, not a policy.",
};

export type DevicesName = "pair" | "one" | "two" | "three";

export const deviceTexts: Readonly<Record<DevicesName, string>> = {
  pair: "A prefiller and a decoder",
  one: "One device that does both",
  two: "Two devices that do both",
  three: "A prefiller and two decoders",
};

const ROLES = {
  pair: ["prefiller", "decoder"],
  one: ["both"],
  two: ["both", "both"],
  three: ["prefiller", "decoder", "decoder"],
} as const;

export function setupOf({ policy, devices }: Pick<FleetSettings, "policy" | "devices">): Setup {
  return { policy, devices: ROLES[devices].map((role) => ({ role })) };
}
