import { hasPenalties } from "../protocol/sampling.ts";
import type { TokenSampling } from "../protocol/step.ts";

/**
 * Sampling on the CPU, for what the GPU's kernel does not do: penalties and what is not allowed first, then temperature, top-k, top-p and min-p in this
 * order, each on what the one before left, then one draw. The draw depends on seed and position alone, so a conversation's text
 * does not depend on what else was in its batches.
 */

/**
 * The next token. `logits`: [vocab], changed in place. `position`: of the last token of the row. `allowed`: as `TokenConstraint` gives
 * it. Undefined where no logit of an allowed token is a number.
 */
export function sampleToken(
  logits: Float32Array,
  sampling: TokenSampling,
  position: number,
  allowed?: Int32Array,
): number | undefined {
  applyPenalties(logits, sampling);
  if (allowed !== undefined) forbidOthers(logits, allowed);
  if (sampling.temperature === 0) return argmax(logits);
  const candidates = candidatesOf(logits, sampling);
  if (candidates.length === 0) return undefined;
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let left = uniform(sampling.seed, position) * total;
  for (const { token, weight } of candidates) {
    left -= weight;
    if (left < 0) return token;
  }
  return candidates.at(-1)?.token;
}

/** Repetition penalty of CTRL (arXiv 1909.05858) over prompt and completion; OpenAI's presence and frequency over the completion. */
function applyPenalties(logits: Float32Array, sampling: TokenSampling): void {
  if (!hasPenalties(sampling)) return;
  const { repetitionPenalty, presencePenalty, frequencyPenalty, promptTokens, completionTokens } = sampling;
  for (const token of new Set([...promptTokens, ...completionTokens])) {
    const logit = logits[token] ?? 0;
    logits[token] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
  }
  const counts = new Map<number, number>();
  for (const token of completionTokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  for (const [token, count] of counts) {
    logits[token] = (logits[token] ?? 0) - presencePenalty - frequencyPenalty * count;
  }
}

function forbidOthers(logits: Float32Array, allowed: Int32Array): void {
  for (let id = 0; id < logits.length; id++) {
    const bit = ((allowed[id >> 5] ?? 0) >> (id & 31)) & 1;
    if (bit === 0) logits[id] = Number.NEGATIVE_INFINITY;
  }
}

/** Of equals the lowest id, as on the GPU. */
function argmax(logits: Float32Array): number | undefined {
  let best = Number.NEGATIVE_INFINITY;
  let token: number | undefined;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (logit > best) {
      best = logit;
      token = id;
    }
  }
  return token;
}

interface Candidate {
  readonly token: number;
  /** Probability, up to a common factor: 1 for the likeliest. */
  readonly weight: number;
}

/** Weight beside the likeliest's 1 below which a token is left out. */
const NEGLIGIBLE = 2 ** -40;

/** What top-k, top-p and min-p leave, likeliest first. */
function candidatesOf(logits: Float32Array, { temperature, topK, topP, minP }: TokenSampling): Candidate[] {
  const likeliest = argmax(logits);
  if (likeliest === undefined) return [];
  const highest = logits[likeliest] ?? 0;
  // What is this much less likely than the likeliest cannot be drawn in 32 bits; leaving it out keeps the sort short. So does
  // min-p, which comes first where top-p does not count what it drops: it and top-k may change places.
  const floor = topP < 1 ? NEGLIGIBLE : Math.max(minP, NEGLIGIBLE);
  const candidates: Candidate[] = [];
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? Number.NaN;
    const weight = logit === highest ? 1 : Math.exp((logit - highest) / temperature); // infinity less infinity is no number
    if (weight >= floor) candidates.push({ token, weight });
  }
  candidates.sort((a, b) => b.weight - a.weight || a.token - b.token);
  if (topK > 0) candidates.length = Math.min(candidates.length, topK);
  return topP < 1 ? nucleus(candidates, topP).filter(({ weight }) => weight >= minP) : candidates;
}

/** The shortest run of likeliest candidates whose share reaches `topP` (arXiv 1904.09751); at least one. */
function nucleus(candidates: Candidate[], topP: number): Candidate[] {
  const wanted = topP * candidates.reduce((sum, { weight }) => sum + weight, 0);
  let reached = 0;
  const end = candidates.findIndex(({ weight }) => {
    reached += weight;
    return reached >= wanted;
  });
  return end === -1 ? candidates : candidates.slice(0, end + 1);
}

/** A number in [0, 1) that depends on these two alone: the hash of shaders/sample.wesl. */
function uniform(seed: number, position: number): number {
  return hash(hash(seed) ^ position) / 2 ** 32;
}

function hash(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}
