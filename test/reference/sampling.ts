import type { TokenSampling } from "../../src/protocol/step.ts";
import { softmax } from "./kernels.ts";

/**
 * The probability of each token by the definition of every step, in the order that src/api.ts promises: penalties, temperature,
 * top-k, top-p, min-p, each on the renormalised distribution that the one before left. Assumes a temperature above zero.
 */
export function tokenProbabilities(logits: ArrayLike<number>, sampling: TokenSampling): Float64Array {
  const { temperature, topK, topP, minP } = sampling;
  let probabilities = softmax(penalised(logits, sampling), temperature);
  const keep = (wanted: (rank: number, before: number, share: number, highest: number) => boolean) => {
    const order = [...probabilities.keys()].sort(
      (a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b,
    );
    const highest = probabilities[order[0] ?? 0] ?? 0;
    const kept = new Float64Array(probabilities.length);
    let before = 0;
    for (const [rank, token] of order.entries()) {
      const share = probabilities[token] ?? 0;
      if (wanted(rank, before, share, highest)) kept[token] = share;
      before += share;
    }
    const total = kept.reduce((sum, share) => sum + share, 0);
    probabilities = kept.map((share) => share / total);
  };
  if (topK > 0) keep((rank) => rank < topK);
  if (topP < 1) keep((rank, before) => rank === 0 || before < topP);
  if (minP > 0) keep((_rank, _before, share, highest) => share >= minP * highest);
  return probabilities;
}

function penalised(logits: ArrayLike<number>, sampling: TokenSampling): Float64Array {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, promptTokens, completionTokens } = sampling;
  return Float64Array.from(logits, (logit, token) => {
    const count = completionTokens.filter((one) => one === token).length;
    const repeated = count > 0 || promptTokens.includes(token);
    const scaled = !repeated ? logit : logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    return scaled - (count > 0 ? presencePenalty : 0) - frequencyPenalty * count;
  });
}

/**
 * How far counts are from what probabilities make of them, in standard deviations of a chi-square variable (Wilson and Hilferty);
 * tokens expected fewer than five times are counted as one. Beyond 4 by chance once in 30,000.
 */
export function chiSquareDeviations(counts: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  let draws = 0;
  for (let i = 0; i < counts.length; i++) draws += counts[i] ?? 0;
  const bins: { count: number; expected: number }[] = [];
  const rare = { count: 0, expected: 0 };
  for (let i = 0; i < counts.length; i++) {
    const [count, expected] = [counts[i] ?? 0, draws * (probabilities[i] ?? 0)];
    if (expected === 0 && count > 0) return Number.POSITIVE_INFINITY;
    if (expected >= 5) bins.push({ count, expected });
    else {
      rare.count += count;
      rare.expected += expected;
    }
  }
  if (rare.expected > 0) bins.push(rare);
  const degrees = bins.length - 1;
  if (degrees === 0) return 0;
  const chiSquare = bins.reduce((sum, { count, expected }) => sum + (count - expected) ** 2 / expected, 0);
  const variance = 2 / (9 * degrees);
  return (Math.cbrt(chiSquare / degrees) - (1 - variance)) / Math.sqrt(variance);
}
