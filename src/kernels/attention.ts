import { DeviceError } from "../errors.ts";
import type { KernelVariant } from "../gpu/kernel.ts";
import { formatConditions } from "./activations.ts";
import type { KernelLibrary } from "./library.ts";
import { dispatch, type Stage } from "./stage.ts";
import type { KernelChoice } from "./variants.ts";

/** Heads and their size, as every attention kernel needs them. */
export interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Which kernel runs, and how it cuts a step's queries and their contexts. */
export interface AttentionTile {
  /** `lanes` where it fits the adapter and the heads, when absent. */
  readonly kernel?: AttentionKernel;
  /** Query tokens of one tile at the most. */
  readonly tokens: number;
  /** Contexts of more keys than this are split into equal parts of at most so many, which run side by side (flash-decoding). */
  readonly partKeys?: number;
}

export type AttentionKernel = "lanes" | "workgroup";

/** One layer's part of the KV pool. */
export interface LayerPool {
  readonly buffer: GPUBuffer;
  /** Where the layer begins within a block, and a block's size, in u32 words of the buffer. */
  readonly layerWord: number;
  readonly blockWords: number;
}

/** Which keys a query sees, and how its scores are bent; 0: all of them, and not at all. */
export interface AttentionLimits {
  readonly window: number;
  readonly softCap: number;
}

/** How long contexts are split, and what the parts leave for `attention_combine`. */
export interface AttentionParts {
  readonly keys: number;
  /** Most parts of one context. */
  readonly max: number;
  /** [single tiles, heads, max, headDim] f32. */
  readonly results: GPUBuffer;
  /** [single tiles, heads, max] (highest score, sum of weights). */
  readonly stats: GPUBuffer;
}

export interface AttentionRequest {
  readonly shape: HeadShape;
  readonly limits: AttentionLimits;
  readonly pool: LayerPool;
  /** Rotated and scaled queries: activations [tokens, heads, headDim]. */
  readonly q: GPUBuffer;
  /** Activations [tokens, outStride]. */
  readonly out: GPUBuffer;
  readonly outStride: number;
  readonly blockTables: GPUBuffer;
  readonly singleTiles: GPUBuffer;
  readonly tiles: GPUBuffer;
  /** Undefined where no context is split. */
  readonly parts: AttentionParts | undefined;
}

/** Parts are as long as the tile says at most, or longer where a context would have more of them than this: they take memory. */
const MAX_PARTS = 32;

/** Keys of a part and most parts of a context; undefined where the choice splits none, or no context is long enough. */
export function attentionParts(
  { decodeAttention }: KernelChoice,
  contextTokens: number,
): Pick<AttentionParts, "keys" | "max"> | undefined {
  const least = decodeAttention?.partKeys;
  if (least === undefined || contextTokens <= least) return undefined;
  const keys = Math.max(least, Math.ceil(contextTokens / MAX_PARTS / 64) * 64);
  return { keys, max: Math.ceil(contextTokens / keys) };
}

/** Lanes of the variant that works through workgroup memory. */
const WORKGROUP = 64;
/** Keys of a lane in one turn where contexts are split: what a turn costs besides its keys is shared by more of them. */
const SPLIT_KEYS = 2;
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
  const tokens = tokensThatFit(choice, choice.attention, shape);
  if (tokens > 0) return tokens;
  const { headDim } = shape;
  const heads = shape.heads / shape.kvHeads;
  throw new DeviceError(
    "adapter-limit",
    `Attention of ${heads} heads of ${headDim} dimensions to one KV head needs more workgroup memory than adapters have. Choose another model.`,
    { heads, headDim },
  );
}

/** At most as many as the tile asks for; 0 where not even one token's heads fit. */
function tokensThatFit(choice: KernelChoice, tile: AttentionTile, shape: HeadShape): number {
  const heads = shape.heads / shape.kvHeads;
  const lanes = attentionKernel(choice, tile, shape) === "lanes";
  const fitting = lanes
    ? Math.floor((MAX_HELD * 4 * choice.lanes) / shape.headDim)
    : rowsInWorkgroup(shape.headDim);
  const tokens = Math.min(tile.tokens, Math.floor(Math.min(MAX_ROWS, fitting) / heads));
  return tokens > 0 || (!lanes && heads > fitting) ? tokens : 1;
}

/** A row takes its query, a softmax weight per lane and three running values. */
function rowsInWorkgroup(headDim: number): number {
  return Math.floor(WORKGROUP_BYTES / (4 * (headDim + WORKGROUP + 3)));
}

/** The kernel that runs a tile: by lanes only where each of them holds four dimensions of a head, or whole groups of eight. */
export function attentionKernel(
  { lanes }: KernelChoice,
  { kernel }: AttentionTile,
  { headDim }: HeadShape,
): AttentionKernel {
  const fits = lanes > 0 && (headDim === 4 * lanes || headDim % (8 * lanes) === 0);
  return fits && kernel !== "workgroup" ? "lanes" : "workgroup";
}

/**
 * What tuning may choose for tiles of one token and of several, the default first, each way to run once. A software adapter's compiler
 * takes many seconds for more rows than its default has and for the other kernel, which was 20 times slower on lavapipe.
 */
export function attentionCandidates(
  choice: KernelChoice,
  shape: HeadShape,
  software: boolean,
): { readonly decode: readonly AttentionTile[]; readonly prefill: readonly AttentionTile[] } {
  const { attention, decodeAttention } = choice;
  const kernels: readonly AttentionKernel[] = software ? ["lanes"] : ["lanes", "workgroup"];
  const parts = decodeAttention ? [128, 256, 512].map((partKeys) => ({ tokens: 1, partKeys })) : [];
  const several = (software ? [2, 4] : [2, 4, 8]).map((tokens) => ({ tokens }));
  const listed = (tiles: readonly AttentionTile[]) =>
    kernels.flatMap((kernel) => tiles.map((tile) => ({ kernel, ...tile })));
  const once = (tiles: readonly AttentionTile[]) => {
    const run = tiles.flatMap((tile) => {
      const tokens = tokensThatFit(choice, tile, shape);
      return tokens > 0 ? [{ ...tile, kernel: attentionKernel(choice, tile, shape), tokens }] : [];
    });
    return [...new Map(run.map((tile) => [`${tile.kernel} ${tile.tokens} ${tile.partKeys}`, tile])).values()];
  };
  return {
    decode: decodeAttention ? once([decodeAttention, ...listed(parts)]) : [],
    prefill: once([attention, ...listed(several)]),
  };
}

export function attentionVariant(
  choice: KernelChoice,
  shape: HeadShape,
  tile: AttentionTile,
  { window, softCap }: AttentionLimits,
  split: boolean,
): KernelVariant {
  const shared = { TQ: tile.tokens, GROUP: shape.heads / shape.kvHeads, HEAD_DIM: shape.headDim };
  const conditions = { ...formatConditions(choice.activations), split };
  const overrides = { WINDOW: window, SOFT_CAP: softCap };
  if (attentionKernel(choice, tile, shape) === "workgroup")
    return { shader: "attention_workgroup", conditions, constants: { ...shared, WORKGROUP }, overrides };
  return {
    shader: "attention_lanes",
    conditions: { ...conditions, wide_values: shape.headDim > 4 * choice.lanes },
    constants: { ...shared, LANES: choice.lanes, KEYS: split ? SPLIT_KEYS : 1 },
    overrides,
  };
}

export function combineVariant(choice: KernelChoice, { headDim }: HeadShape): KernelVariant {
  return {
    shader: "attention_combine",
    conditions: formatConditions(choice.activations),
    constants: { HEAD_DIM: headDim },
    overrides: { WORKGROUP: Math.min(32, headDim / 4) },
  };
}

/** Attention of one layer: tiles of one token, whole or in parts, and tiles of several go to their own variants. */
export async function attentionStage(
  library: KernelLibrary,
  choice: KernelChoice,
  request: AttentionRequest,
): Promise<Stage> {
  const { shape, limits, parts, singleTiles, tiles } = request;
  const { attention, decodeAttention } = choice;
  const tile = { ...attention, tokens: attentionTileTokens(choice, shape) };
  const bind = (variant: KernelVariant, from: GPUBuffer) => bindAttention(library, variant, request, from);
  const [several, single, combine] = await Promise.all([
    bind(attentionVariant(choice, shape, tile, limits, false), tiles),
    decodeAttention &&
      bind(attentionVariant(choice, shape, decodeAttention, limits, parts !== undefined), singleTiles),
    parts && bind(combineVariant(choice, shape), singleTiles),
  ]);
  return {
    label: "attention",
    encode(pass, counts) {
      const run = ({ pipeline, bindGroup }: Bound, x: number, y: number) =>
        dispatch(pass, pipeline, bindGroup, x, y);
      let dispatches = run(several, counts.tiles, shape.kvHeads);
      if (single) dispatches += run(single, counts.singleTiles, shape.kvHeads * counts.singleParts);
      if (combine && counts.singleParts > 1) dispatches += run(combine, counts.singleTiles, shape.heads);
      return dispatches;
    },
    work: ({ keys, keyPairs }) => ({
      // K and V of each sequence once, as 16-bit floats; the products of q with K and of the weights with V.
      bytes: keys * 2 * shape.kvHeads * shape.headDim * 2,
      macs: keyPairs * 2 * shape.heads * shape.headDim,
    }),
  };
}

interface Bound {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
}

/** Binds those of the request's buffers that the variant has. */
async function bindAttention(
  library: KernelLibrary,
  variant: KernelVariant,
  { shape, pool, q, out, outStride, blockTables, parts }: AttentionRequest,
  tiles: GPUBuffer,
): Promise<Bound> {
  const kernel = await library.get(variant);
  const params = kernel.uniform("params", {
    heads: shape.heads,
    kv_heads: shape.kvHeads,
    out_stride4: outStride / 4,
    layer_word: pool.layerWord,
    block_words: pool.blockWords,
    part_keys: parts?.keys ?? 0,
    max_parts: parts?.max ?? 0,
  });
  const inputs = { block_tables: blockTables, q, keys: pool.buffer, values: pool.buffer };
  const combines = variant.shader === "attention_combine";
  const splits = variant.conditions?.split === true;
  const bindGroup = kernel.bind({
    params,
    tiles,
    ...(!combines && inputs),
    ...((combines || splits) && parts && { part_results: parts.results, part_stats: parts.stats }),
    out,
  });
  return { pipeline: kernel.pipeline, bindGroup };
}
