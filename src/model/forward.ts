import type { GpuDevice } from "../gpu/device.ts";
import { type ActivationFormat, activationWords } from "../kernels/activations.ts";
import { type AttentionParts, attentionStage, type LayerPool } from "../kernels/attention.ts";
import { embedStage, normStage, ropeStage, sampleStage } from "../kernels/elementwise.ts";
import type { KernelLibrary } from "../kernels/library.ts";
import { matmulStage } from "../kernels/matmul.ts";
import type { MatmulEpilogue } from "../kernels/matmul_kernels.ts";
import type { Stage, StepCounts } from "../kernels/stage.ts";
import { type KernelChoice, paddedTokens } from "../kernels/variants.ts";
import { GROUP } from "../loader/layout.ts";
import type { ModelConfig } from "./config.ts";
import { padded } from "./weight_plan.ts";
import type { LayerWeights, ModelWeights, ProductWeights } from "./weights.ts";

/** A step's inputs as the kernels bind them; see runner/step_inputs.ts. */
export interface StepBuffers {
  readonly tokens: GPUBuffer;
  readonly slots: GPUBuffer;
  readonly rope: GPUBuffer;
  readonly singleTiles: GPUBuffer;
  readonly tiles: GPUBuffer;
  readonly blockTables: GPUBuffer;
  readonly logitRows: GPUBuffer;
  readonly sampling: GPUBuffer;
  readonly tokenCount: GPUBuffer;
  readonly logitCount: GPUBuffer;
}

export interface ForwardRequest {
  readonly gpu: GpuDevice;
  readonly library: KernelLibrary;
  readonly choice: KernelChoice;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  readonly step: StepBuffers;
  readonly poolOfLayer: (layer: number) => LayerPool;
  /** How long contexts are split, if they are. */
  readonly parts: Pick<AttentionParts, "keys" | "max"> | undefined;
  readonly maxTokens: number;
  readonly maxRows: number;
  readonly maxLogitRows: number;
}

/** The forward pass, ready to be encoded for any step. */
export interface Forward {
  /** Embedding, layers, logits of the rows that want them, sampling: in this order. */
  readonly stages: readonly Stage[];
  /** [maxLogitRows, vocab] f32. */
  readonly logits: GPUBuffer;
  /** [maxLogitRows] u32. */
  readonly sampled: GPUBuffer;
}

/** What flows between the kernels, for the largest step. */
interface Activations {
  /** The residual stream, [tokens, hidden] f32 in every numeric class. */
  readonly x: GPUBuffer;
  readonly normed: GPUBuffer;
  readonly qkv: GPUBuffer;
  readonly q: GPUBuffer;
  readonly attended: GPUBuffer;
  readonly parts: AttentionParts | undefined;
  readonly gated: GPUBuffer;
  readonly normedRows: GPUBuffer;
  readonly logits: GPUBuffer;
  readonly sampled: GPUBuffer;
}

const everyToken = (counts: Readonly<StepCounts>): number => counts.tokens;
const everyLogitRow = (counts: Readonly<StepCounts>): number => counts.logitRows;

/** Compiles every kernel the model needs and binds them to its buffers. */
export async function buildForward(request: ForwardRequest): Promise<Forward> {
  const { library, choice, config, weights, step } = request;
  const { hidden, vocab, normEps } = config;
  const buffers = allocate(request);
  const { x, normedRows, logits, sampled } = buffers;
  const embed = weights.embedding.slices.map(({ layout, groups, outOffset, rows, values, scales }) =>
    embedStage(library, choice, {
      layout,
      hidden,
      groups,
      firstRow: outOffset,
      rows,
      values,
      scales,
      tokens: step.tokens,
      sampled,
      x,
    }),
  );
  const layers = weights.layers.map((layer, index) => layerStages(request, buffers, layer, index));
  const head = [
    normStage(library, choice, {
      hidden,
      eps: normEps,
      x,
      gain: weights.outputNorm,
      y: normedRows,
      rows: step.logitRows,
    }),
    ...weights.output.slices.map((slice) =>
      matmulStage(library, choice, {
        label: "logits",
        slice,
        epilogue: "store",
        x: normedRows,
        y: logits,
        outStride: vocab,
        count: step.logitCount,
        rowsOf: everyLogitRow,
      }),
    ),
    sampleStage(library, { vocab, logits, sampling: step.sampling, sampled }),
  ];
  const stages = await Promise.all([...embed, ...layers.flat(), ...head]);
  return { stages, logits, sampled };
}

/** One transformer layer: norm, qkv, RoPE and KV write, attention, output + residual, norm, gate and up, down + residual. */
function layerStages(request: ForwardRequest, buffers: Activations, layer: LayerWeights, index: number) {
  const { library, choice, config, step } = request;
  const { hidden, normEps: eps, architecture } = config;
  const { x, normed, qkv, q, attended, parts, gated } = buffers;
  const pool = request.poolOfLayer(index);
  const product = (
    label: string,
    weights: ProductWeights,
    epilogue: MatmulEpilogue,
    from: GPUBuffer,
    y: GPUBuffer,
    bias?: GPUBuffer,
  ) =>
    weights.slices.map((slice) =>
      matmulStage(library, choice, {
        label,
        slice,
        epilogue,
        x: from,
        y,
        outStride: weights.outStride,
        ...(bias && { bias }),
        count: step.tokenCount,
        rowsOf: everyToken,
      }),
    );
  const [qColumn = 0, kColumn = 0, vColumn = 0] = layer.qkv.offsets;
  return [
    normStage(library, choice, { hidden, eps, x, gain: layer.attentionNorm, y: normed }),
    ...product("qkv", layer.qkv, layer.qkvBias ? "bias" : "store", normed, qkv, layer.qkvBias),
    ropeStage(library, choice, {
      shape: config,
      rotaryDim: config.rope.dims,
      offsets: { q: qColumn, k: kColumn, v: vColumn },
      stride: layer.qkv.outStride,
      neox: architecture.neoxRope,
      eps,
      qkv,
      rope: step.rope,
      slots: step.slots,
      q,
      pool,
      gains: layer.headNorms,
    }),
    attentionStage(library, choice, {
      shape: config,
      limits: config.attention,
      pool,
      q,
      parts,
      out: attended,
      outStride: padded(config.heads * config.headDim, GROUP),
      blockTables: step.blockTables,
      singleTiles: step.singleTiles,
      tiles: step.tiles,
    }),
    ...product("attention output", layer.attentionOutput, "residual", attended, x),
    normStage(library, choice, { hidden, eps, x, gain: layer.ffnNorm, y: normed }),
    ...product("gate and up", layer.gateUp, "silu", normed, gated),
    ...product("down", layer.down, "residual", gated, x),
  ];
}

function allocate(request: ForwardRequest): Activations {
  const { gpu, choice, config, weights, parts, maxTokens, maxRows, maxLogitRows } = request;
  const tokens = paddedTokens(maxTokens);
  const rows = paddedTokens(maxLogitRows);
  const floats = (name: string, count: number) => gpu.createStorage(`activations/${name}`, count * 4);
  const stored = (name: string, count: number, width: number, format: ActivationFormat) =>
    floats(name, count * Math.ceil(width / GROUP) * activationWords[format]);
  const activations = (name: string, count: number, width: number) =>
    stored(name, count, width, choice.activations);
  const { hidden, heads, headDim, ffn, vocab } = config;
  const qkvStride = Math.max(...weights.layers.map((layer) => layer.qkv.outStride));
  return {
    x: floats("x", tokens * hidden),
    normed: stored("normed", tokens, hidden, choice.normed),
    qkv: floats("qkv", tokens * qkvStride),
    q: activations("q", tokens, heads * headDim),
    parts: parts && {
      ...parts,
      results: floats("part-results", maxRows * heads * parts.max * headDim),
      stats: floats("part-stats", maxRows * heads * parts.max * 2),
    },
    attended: activations("attended", tokens, heads * headDim),
    gated: activations("gated", tokens, ffn),
    normedRows: stored("normed-rows", rows, hidden, choice.normed),
    logits: floats("logits", maxLogitRows * vocab),
    sampled: floats("sampled", maxLogitRows),
  };
}
