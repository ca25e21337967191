import type { TensorInfo } from "../src/loader/gguf.ts";
import { tensorNames } from "../src/model/architectures/architecture.ts";
import type { ModelConfig } from "../src/model/config.ts";
import type { EngineCase } from "./cases.ts";

/** The least that a piece of work takes, by the model's shape alone: whatever kernels do beyond it is their own doing. */
export interface Work {
  /** Weights and KV cache that have to be read, once a step. Activations are left out. */
  readonly bytes: number;
  readonly macs: number;
}

/** Sizes of a model that work is counted by. */
export interface ModelWork {
  /** Weights that every step reads, in bytes of the file. */
  readonly layerBytes: number;
  /** Read by a step that computes logits. */
  readonly headBytes: number;
  /** Multiply-adds of a token in the layers' matrices, and of a row of logits. */
  readonly layerMacs: number;
  readonly headMacs: number;
  /** K and V of a token in the cache, and the multiply-adds of a query with them. */
  readonly kvBytes: number;
  readonly kvMacs: number;
}

export function modelWork(config: ModelConfig, tensors: readonly TensorInfo[]): ModelWork {
  const { layers, hidden, heads, kvHeads, headDim, vocab } = config;
  const inLayers = tensors.filter(({ name }) => name.startsWith("blk."));
  const head =
    tensors.find(({ name }) => name === tensorNames.output) ??
    tensors.find(({ name }) => name === tensorNames.embedding);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return {
    layerBytes: sum(inLayers.map(({ bytes }) => bytes)),
    headBytes: head?.bytes ?? 0,
    layerMacs: sum(inLayers.map(({ rows, cols }) => (rows > 1 ? rows * cols : 0))),
    headMacs: vocab * hidden,
    kvBytes: layers * 2 * kvHeads * headDim * 2,
    kvMacs: layers * 2 * heads * headDim,
  };
}

/** Of one sample of a case: a prompt in chunks of at most `maxStepTokens`, or some steps of decode. */
export function workOf(
  { group, batch, contextTokens, tokens }: EngineCase,
  model: ModelWork,
  maxStepTokens: number,
): Work {
  const { layerBytes, headBytes, layerMacs, headMacs, kvBytes, kvMacs } = model;
  const steps = group === "prefill" ? Math.ceil(tokens / maxStepTokens) : tokens;
  const logitSteps = group === "prefill" ? 1 : steps;
  const chunk = group === "prefill" ? maxStepTokens : 1;
  let kvRead = 0;
  for (let done = 0; done < tokens; done += chunk) kvRead += contextTokens + Math.min(tokens, done + chunk);
  // Each query meets the tokens before it and itself.
  const met = tokens * contextTokens + (tokens * (tokens + 1)) / 2;
  return {
    bytes: steps * layerBytes + logitSteps * headBytes + batch * kvRead * kvBytes,
    macs: batch * (tokens * layerMacs + logitSteps * headMacs + met * kvMacs),
  };
}
