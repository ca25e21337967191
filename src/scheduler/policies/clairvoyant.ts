import type { Policy } from "../policy.ts";
import { byPredictedFinish } from "./predicted_finish.ts";
import { predictive } from "./predictive.ts";

/** `predictive` with the truth about each turn's output, where a replay knows it: what better prediction could give. */
export const clairvoyant: Policy = {
  ...predictive,
  name: "clairvoyant",
  place: (turn, world) => byPredictedFinish(turn, world, turn.maxTokens, 1),
};
