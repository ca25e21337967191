import type { Policy } from "../policy.ts";
import { bindByFinish, byPredictedFinish, OUTPUT_TOKENS } from "./predicted_finish.ts";

/**
 * Per-turn predictive scheduling, the baseline of ConServe (arXiv 2606.01839): output lengths, tool times and growth as the means of what has
 * been seen, placement by the predicted finish.
 */
export const predictive: Policy = {
  name: "predictive",
  transfers: undefined,
  place: (turn, world) => byPredictedFinish(turn, world, world.past.outputTokens ?? OUTPUT_TOKENS, 1),
  bind: bindByFinish(({ past }) => past.outputTokens ?? OUTPUT_TOKENS),
};
