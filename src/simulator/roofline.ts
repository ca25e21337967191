import type { ModelShape } from "../model/shapes.ts";
import type { StepCost } from "./simulated_device.ts";

/**
 * What a step takes by the roofline (Williams, Waterman, Patterson, 2009): it multiplies or it reads, whichever takes longer, at what share
 * of the card's peak its kernels reach, and something on top that no card does without.
 */

export interface DeviceRates {
  /** Of dense matrix products in the type that the model has, in 10^12 operations a second; a multiply-add is two. */
  readonly peakTflops: number;
  /** Of the card's memory, in 10^9 bytes a second. */
  readonly bandwidthGBps: number;
  /** Of these, the shares that kernels reach: above 0, at most 1. */
  readonly computeEfficiency: number;
  readonly memoryEfficiency: number;
  /** Of each step: launches, sampling, the scheduler. */
  readonly stepOverheadMs: number;
}

/** What a model asks of a device. */
export interface ModelCosts {
  readonly name: string;
  /** Weights that every token is multiplied by, those of the logits left out. */
  readonly tokenWeights: number;
  /** Weights that a token is multiplied by whose logits are computed. */
  readonly logitWeights: number;
  /** Of all that a step reads. */
  readonly weightBytes: number;
  /** Of K and V, all layers. */
  readonly kvBytesPerToken: number;
  /** Operations of attention for each pair of a query token and a key: a product with K and one with V, each a multiply-add. */
  readonly opsPerPair: number;
  readonly contextTokens: number;
  readonly vocabTokens: number;
}

/** K and V are 16-bit floats. */
const KV_VALUE_BYTES = 2;

/** The part of a model's shape that its costs follow from. */
export type CostShape = Pick<
  ModelShape,
  "layers" | "hidden" | "heads" | "kvHeads" | "headDim" | "ffn" | "vocab" | "contextTokens"
>;

/** `bytesPerWeight`: 2 for 16-bit floats, 0.625 for 4 bits with a scale and a least value for each 32. */
export function costsOf(name: string, shape: CostShape, bytesPerWeight: number): ModelCosts {
  const { layers, hidden, heads, kvHeads, headDim, ffn, vocab, contextTokens } = shape;
  const attention = 2 * hidden * heads * headDim + 2 * hidden * kvHeads * headDim;
  const tokenWeights = layers * (attention + 3 * hidden * ffn);
  const logitWeights = hidden * vocab;
  return {
    name,
    tokenWeights,
    logitWeights,
    weightBytes: bytesPerWeight * (tokenWeights + logitWeights),
    kvBytesPerToken: 2 * layers * kvHeads * headDim * KV_VALUE_BYTES,
    opsPerPair: 4 * layers * heads * headDim,
    contextTokens,
    vocabTokens: vocab,
  };
}

/** A step with prompts and decodes in it is one pass: its weights are read once, and what is slower of multiplying and reading counts for all of it. */
export function rooflineCost(rates: DeviceRates, model: ModelCosts): StepCost {
  const opsPerMs = rates.peakTflops * 1e9 * rates.computeEfficiency;
  const bytesPerMs = rates.bandwidthGBps * 1e6 * rates.memoryEfficiency;
  return (work) => {
    const tokens = work.prefillTokens + work.decodes;
    const pairs = work.prefillPairs + work.decodeContextTokens;
    const ops = 2 * (model.tokenWeights * tokens + model.logitWeights * work.logitRows) + model.opsPerPair * pairs; // biome-ignore format: one sum
    const read = work.prefillContextTokens + work.decodeContextTokens;
    const bytes = model.weightBytes + model.kvBytesPerToken * (read + tokens);
    return rates.stepOverheadMs + Math.max(ops / opsPerMs, bytes / bytesPerMs);
  };
}
