import { DeviceError } from "../errors.ts";
import type { KernelLibrary } from "./library.ts";
import { dispatch, type Stage } from "./stage.ts";
import type { KernelChoice } from "./variants.ts";

/** Heads and their size, as every attention kernel needs them. */
export interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** How the kernel cuts a step's queries. */
export interface AttentionTile {
  /** Query tokens of one tile at the most. */
  readonly tokens: number;
}

/** One layer's part of the KV pool. */
export interface LayerPool {
  readonly buffer: GPUBuffer;
  /** Where the layer begins within a block, and a block's size, in u32 words of the buffer. */
  readonly layerWord: number;
  readonly blockWords: number;
}

export interface AttentionRequest {
  readonly shape: HeadShape;
  readonly pool: LayerPool;
  /** Rotated and scaled queries [tokens, heads, headDim] f32. */
  readonly q: GPUBuffer;
  /** Activations [tokens, outStride]. */
  readonly out: GPUBuffer;
  readonly outStride: number;
  readonly blockTables: GPUBuffer;
  readonly singleTiles: GPUBuffer;
  readonly tiles: GPUBuffer;
}

/** Lanes of the variant that works through workgroup memory. */
const WORKGROUP = 64;
/** Query rows of a tile (tokens times heads that share K and V), and vec4f of them that a lane holds: more take long to compile. */
const MAX_ROWS = 16;
const MAX_HELD = 32;
/** Workgroup memory every adapter has (WebGPU's default limit), less what does not grow with the rows. */
const WORKGROUP_BYTES = 16384 - 4 * WORKGROUP;

/**
 * Query tokens of a tile: as asked for, fewer where many heads share one KV head.
 * @throws DeviceError `adapter-limit` where not even one token's heads fit
 */
export function attentionTileTokens(choice: KernelChoice, shape: HeadShape): number {
  const heads = shape.heads / shape.kvHeads;
  const fitting = byLanes(choice, shape)
    ? Math.floor((MAX_HELD * 4 * choice.lanes) / shape.headDim)
    : rowsInWorkgroup(shape.headDim);
  const rows = Math.min(MAX_ROWS, fitting);
  const tokens = Math.max(1, Math.min(choice.attention.tokens, Math.floor(rows / heads)));
  if (byLanes(choice, shape) || tokens * heads <= rowsInWorkgroup(shape.headDim)) return tokens;
  throw new DeviceError(
    "adapter-limit",
    `Attention of ${heads} heads of ${shape.headDim} dimensions to one KV head needs more workgroup memory than adapters have. Choose another model.`,
    { heads, headDim: shape.headDim },
  );
}

/** A row takes its query, a softmax weight per lane and three running values. */
function rowsInWorkgroup(headDim: number): number {
  return Math.floor(WORKGROUP_BYTES / (4 * (headDim + WORKGROUP + 3)));
}

function byLanes(choice: KernelChoice, { headDim }: HeadShape): boolean {
  return choice.lanes > 0 && headDim % (4 * choice.lanes) === 0;
}

export function attentionVariant(choice: KernelChoice, shape: HeadShape, tileTokens: number) {
  const shared = { TQ: tileTokens, GROUP: shape.heads / shape.kvHeads, HEAD_DIM: shape.headDim };
  const conditions = { half_activations: choice.halfActivations };
  return byLanes(choice, shape)
    ? { shader: "attention_lanes", conditions, constants: { ...shared, LANES: choice.lanes } }
    : { shader: "attention_workgroup", conditions, constants: { ...shared, WORKGROUP } };
}

/** Attention of one layer: tiles of one token and tiles of several go to their own variants. */
export async function attentionStage(
  library: KernelLibrary,
  choice: KernelChoice,
  request: AttentionRequest,
): Promise<Stage> {
  const { shape } = request;
  const [single, several] = await Promise.all([
    choice.decodeAttention ? bindAttention(library, choice, request, 1, request.singleTiles) : undefined,
    bindAttention(library, choice, request, attentionTileTokens(choice, shape), request.tiles),
  ]);
  return {
    label: "attention",
    pipelines: [...(single ? [single.pipeline] : []), several.pipeline],
    encode(pass, counts) {
      const before = single
        ? dispatch(pass, single.pipeline, single.bindGroup, counts.singleTiles, shape.kvHeads)
        : 0;
      return before + dispatch(pass, several.pipeline, several.bindGroup, counts.tiles, shape.kvHeads);
    },
    work: ({ keys, keyPairs }) => ({
      // K and V of each sequence once, as 16-bit floats; the products of q with K and of the weights with V.
      bytes: keys * 2 * shape.kvHeads * shape.headDim * 2,
      macs: keyPairs * 2 * shape.heads * shape.headDim,
    }),
  };
}

async function bindAttention(
  library: KernelLibrary,
  choice: KernelChoice,
  { shape, pool, q, out, outStride, blockTables }: AttentionRequest,
  tileTokens: number,
  tiles: GPUBuffer,
) {
  const kernel = await library.get(attentionVariant(choice, shape, tileTokens));
  const params = kernel.uniform("params", {
    heads: shape.heads,
    kv_heads: shape.kvHeads,
    out_stride4: outStride / 4,
    layer_word: pool.layerWord,
    block_words: pool.blockWords,
  });
  const resources = {
    params,
    tiles,
    block_tables: blockTables,
    q,
    keys: pool.buffer,
    values: pool.buffer,
    out,
  };
  return { pipeline: kernel.pipeline, bindGroup: kernel.bind(resources) };
}
