import { GROUP, layoutWords, type WeightLayout } from "../loader/layout.ts";
import { activationWords, formatConditions } from "./activations.ts";
import type { HeadShape, LayerPool } from "./attention.ts";
import type { KernelLibrary } from "./library.ts";
import { dispatch, type Stage, type StageWork, type StepCounts } from "./stage.ts";
import type { KernelChoice } from "./variants.ts";

/** The kernels between the products: embedding, normalisation, RoPE with the KV write, sampling. */

const WORKGROUP = 64;

/** None of these multiplies to speak of. */
const moves = (bytes: number): StageWork => ({ bytes, macs: 0 });

export interface EmbedRequest {
  readonly layout: WeightLayout;
  readonly hidden: number;
  readonly groups: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly values: GPUBuffer;
  readonly scales: GPUBuffer | undefined;
  readonly tokens: GPUBuffer;
  /** What the step before sampled, for tokens that have `FED` set. */
  readonly sampled: GPUBuffer;
  readonly x: GPUBuffer;
}

/** In a token's place: the rest is the logit row, of the step before, that sampled it. */
export const FED = 0x80000000;

export async function embedStage(
  library: KernelLibrary,
  choice: KernelChoice,
  request: EmbedRequest,
): Promise<Stage> {
  const { layout, hidden, groups, firstRow, rows, values, scales, tokens, sampled, x } = request;
  const kernel = await library.get({
    shader: "embed",
    conditions: { [layout]: true },
    constants: { INTERLEAVE: choice.interleave },
    overrides: { WORKGROUP },
  });
  const params = kernel.uniform("params", { hidden, groups, first_row: firstRow, rows });
  const bindGroup = kernel.bind({ params, tokens, sampled, weights: values, ...(scales && { scales }), x });
  const columns = Math.ceil(groups / WORKGROUP);
  return {
    label: "embedding",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, columns, counts.tokens),
    work: ({ tokens }) => moves(tokens * hidden * (4 + layoutWords[layout].values / 8)),
  };
}

export interface NormRequest {
  readonly hidden: number;
  readonly eps: number;
  readonly x: GPUBuffer;
  readonly gain: GPUBuffer;
  readonly y: GPUBuffer;
  /** Token of each row; when given, one row per logit row instead of one per token. */
  readonly rows?: GPUBuffer;
}

export async function normStage(
  library: KernelLibrary,
  choice: KernelChoice,
  request: NormRequest,
): Promise<Stage> {
  const { hidden, eps, x, gain, y, rows } = request;
  const kernel = await library.get({
    shader: "rms_norm",
    conditions: { ...formatConditions(choice.normed), gather: rows !== undefined },
    overrides: { WORKGROUP },
  });
  const groups = Math.ceil(hidden / GROUP);
  const params = kernel.uniform("params", { hidden, groups, eps });
  const bindGroup = kernel.bind({ params, x, gain, y, ...(rows && { rows }) });
  const countOf = ({ logitRows, tokens }: Readonly<StepCounts>) => (rows ? logitRows : tokens);
  return {
    label: rows ? "last norm" : "norm",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, countOf(counts), 1),
    work: (counts) => moves(countOf(counts) * 4 * (hidden + groups * activationWords[choice.normed])),
  };
}

export interface RopeRequest {
  readonly shape: HeadShape;
  readonly rotaryDim: number;
  /** Columns of q, k and v in qkv, and its values per token. */
  readonly offsets: { readonly q: number; readonly k: number; readonly v: number };
  readonly stride: number;
  /** Pairs dimension i with i + rotaryDim / 2 instead of 2i with 2i + 1. */
  readonly neox: boolean;
  readonly eps: number;
  readonly qkv: GPUBuffer;
  readonly rope: GPUBuffer;
  readonly slots: GPUBuffer;
  readonly q: GPUBuffer;
  readonly pool: LayerPool;
  readonly gains: { readonly q: GPUBuffer; readonly k: GPUBuffer } | undefined;
}

export async function ropeStage(
  library: KernelLibrary,
  choice: KernelChoice,
  request: RopeRequest,
): Promise<Stage> {
  const { shape, rotaryDim, offsets, stride, neox, eps, qkv, rope, slots, q, pool, gains } = request;
  const kernel = await library.get({
    shader: "rope_kv",
    conditions: { neox, qk_norm: gains !== undefined, ...formatConditions(choice.activations) },
    overrides: { WORKGROUP: 32 },
  });
  const params = kernel.uniform("params", {
    heads: shape.heads,
    kv_heads: shape.kvHeads,
    head_dim: shape.headDim,
    rotary_dim: rotaryDim,
    q_offset: offsets.q,
    k_offset: offsets.k,
    v_offset: offsets.v,
    qkv_stride: stride,
    layer_word: pool.layerWord,
    block_words: pool.blockWords,
    q_scale: 1 / Math.sqrt(shape.headDim),
    eps,
  });
  const resources = { params, qkv, rope, slots, q, pool: pool.buffer };
  const bindGroup = kernel.bind({ ...resources, ...(gains && { q_gain: gains.q, k_gain: gains.k }) });
  const heads = shape.heads + 2 * shape.kvHeads;
  return {
    label: "rope",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, heads, counts.tokens),
    // In 32-bit floats; out q as activations, K and V as halves.
    work: ({ tokens }) =>
      moves(
        tokens * shape.headDim * ((choice.activations === "half" ? 6 : 8) * shape.heads + 12 * shape.kvHeads),
      ),
  };
}

export interface SampleRequest {
  readonly vocab: number;
  readonly logits: GPUBuffer;
  readonly sampling: GPUBuffer;
  readonly sampled: GPUBuffer;
}

export async function sampleStage(library: KernelLibrary, request: SampleRequest): Promise<Stage> {
  const { vocab, logits, sampling, sampled } = request;
  const kernel = await library.get({ shader: "sample", overrides: { WORKGROUP: 256 } });
  const params = kernel.uniform("params", { vocab });
  const bindGroup = kernel.bind({ params, logits, sampling, sampled });
  return {
    label: "sampling",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, counts.logitRows, 1),
    work: ({ logitRows }) => moves(logitRows * vocab * 4),
  };
}
