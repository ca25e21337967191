import type { Precision } from "../api.ts";
import type { GpuCapabilities } from "../gpu/device.ts";
import type { ActivationFormat } from "./activations.ts";
import type { AttentionTile } from "./attention.ts";
import { type MatmulTile, matmulKernels, type ProductShape, productKey } from "./matmul_kernels.ts";

/** Which variant of each kernel runs: defaults by adapter class, replaced where a measurement on the adapter found better. */

/** A variant, and up to how many tokens of a step it is the one to take. */
export interface Ranked<Tile> {
  readonly upToTokens: number;
  readonly tile: Tile;
}

/** What a measurement found better than the defaults. */
export interface TunedKernels {
  readonly products: KernelChoice["tuned"];
  readonly attention?: AttentionTile;
  readonly decodeAttention?: AttentionTile;
}

/** The kernel variants of one adapter class and numeric class. */
export interface KernelChoice {
  readonly precision: Precision;
  /** Rows of a weight matrix that stand interleaved; a layout's parameter, so the same for all kernels. */
  readonly interleave: number;
  /** Lanes that share loads by shuffles; 0: no fixed subgroup size, loads are not shared. */
  readonly lanes: number;
  /** What norms leave for the products, and what all other kernels leave for each other. */
  readonly normed: ActivationFormat;
  readonly activations: Exclude<ActivationFormat, "int8">;
  /** By ascending tokens; the last takes any number. `exact` has one alone. */
  readonly matmul: readonly Ranked<MatmulTile>[];
  /** What a measurement found better for products of these keys (`productKey`). */
  readonly tuned: ReadonlyMap<string, readonly Ranked<MatmulTile>[]>;
  /** Tiles of several query tokens. `exact` has these alone. */
  readonly attention: AttentionTile;
  /** Tiles of one query token (decode). */
  readonly decodeAttention: AttentionTile | undefined;
}

export type AdapterClassName = "eightLanes" | "fourLanes" | "software" | "gpu";

interface AdapterClass {
  /** By subgroup size, f16, vendor, architecture, software. */
  readonly fits: (capabilities: GpuCapabilities) => boolean;
  readonly interleave: number;
  readonly shuffle: boolean;
  readonly matmul: readonly Ranked<MatmulTile>[];
  readonly exactMatmul: MatmulTile;
  /** In `fast`; `matmul` when absent. */
  readonly fastMatmul?: readonly Ranked<MatmulTile>[];
}

const everything = Number.POSITIVE_INFINITY;

/** Steps that tuning tells apart: decode, a few sequences or a draft, a batch, prefill. */
export const TOKEN_RANGES = [1, 4, 16, everything] as const;

/** In `fast` without subgroups. */
const integers: readonly Ranked<MatmulTile>[] = [
  { upToTokens: 2, tile: { kernel: "int8", tm: 1, tn: 2, workgroup: 32 } },
  { upToTokens: everything, tile: { kernel: "int8", tm: 8, tn: 2, workgroup: 64 } },
];

/**
 * Defaults by adapter class, from the measurements in docs/kernels.md: the first class that fits. Only the first two have been
 * measured; the others are starting points.
 */
const classes: Readonly<Record<AdapterClassName, AdapterClass>> = {
  /** lavapipe: 8 lanes of AVX2. */
  eightLanes: {
    fits: ({ software, subgroupSize }) => software && subgroupSize === 8,
    interleave: 8,
    shuffle: true,
    matmul: [
      { upToTokens: 1, tile: { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 } },
      { upToTokens: 4, tile: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 } },
      { upToTokens: everything, tile: { kernel: "lanes", tm: 8, tn: 2, workgroup: 32 } },
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
  },
  /** SwiftShader: 4 lanes of SSE. */
  fourLanes: {
    fits: ({ software, subgroupSize }) => software && subgroupSize === 4,
    interleave: 8,
    shuffle: true,
    matmul: [
      { upToTokens: 2, tile: { kernel: "lanes", tm: 1, tn: 4, workgroup: 32 } },
      { upToTokens: everything, tile: { kernel: "lanes", tm: 4, tn: 4, workgroup: 32 } },
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 32 },
  },
  /** Software without a subgroup size to rely on. */
  software: {
    fits: ({ software }) => software,
    interleave: 32,
    shuffle: false,
    matmul: [
      { upToTokens: 2, tile: { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 } },
      { upToTokens: everything, tile: { kernel: "lanes", tm: 8, tn: 2, workgroup: 64 } },
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
    fastMatmul: integers,
  },
  /**
   * GPUs: a wave reads neighbouring rows; loads of activations at one address are broadcast by the hardware. Few tokens are cut
   * along k, so that there is work for a whole GPU, and many go by tiles in workgroup memory. None of it has been measured.
   */
  gpu: {
    fits: () => true,
    interleave: 32,
    shuffle: false,
    matmul: [
      { upToTokens: 1, tile: { kernel: "split", tm: 1, tn: 2, workgroup: 128, split: 4 } },
      { upToTokens: 4, tile: { kernel: "split", tm: 4, tn: 2, workgroup: 128, split: 4 } },
      { upToTokens: 16, tile: { kernel: "split", tm: 8, tn: 2, workgroup: 128, split: 4 } },
      { upToTokens: everything, tile: { kernel: "tiled", tm: 4, tn: 4, workgroup: 256, tokenLanes: 16 } },
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
    fastMatmul: integers,
  },
};

/** Which defaults an adapter gets. */
export function adapterClassOf(capabilities: GpuCapabilities): AdapterClassName {
  const names = Object.keys(classes) as AdapterClassName[];
  return names.find((name) => classes[name].fits(capabilities)) ?? "gpu";
}

export function chooseKernels(
  capabilities: GpuCapabilities,
  precision: Precision,
  found: TunedKernels = { products: new Map() },
): KernelChoice {
  const chosen = classes[adapterClassOf(capabilities)];
  const exact = precision === "exact";
  const activations = exact ? "float" : "half";
  const tuned: TunedKernels = exact ? { products: new Map() } : found;
  return {
    precision,
    interleave: chosen.interleave,
    lanes: chosen.shuffle ? (capabilities.subgroupSize ?? 0) : 0,
    normed: precision === "fast" ? "int8" : activations,
    activations,
    matmul: matmulOf(chosen, precision),
    tuned: tuned.products,
    attention: tuned.attention ?? { tokens: 4 },
    decodeAttention: exact ? undefined : (tuned.decodeAttention ?? { tokens: 1, partKeys: 256 }),
  };
}

function matmulOf(
  { matmul, exactMatmul, fastMatmul = matmul }: AdapterClass,
  precision: Precision,
): readonly Ranked<MatmulTile>[] {
  if (precision === "exact") return [{ upToTokens: everything, tile: exactMatmul }];
  return precision === "fast" ? fastMatmul : matmul;
}

/** The variants of one product. */
export function tilesOf(choice: KernelChoice, product: ProductShape): readonly Ranked<MatmulTile>[] {
  return choice.tuned.get(productKey(product)) ?? choice.matmul;
}

/** The most that any of the products takes at once of a step with many tokens. */
export function tileTokensOf(choice: KernelChoice, products: readonly ProductShape[]): number {
  const largest = products.flatMap((product) => tilesOf(choice, product).at(-1)?.tile ?? []);
  return Math.max(1, ...largest.map((tile) => matmulKernels[tile.kernel].tokens(tile)));
}

/** Most tokens of a tile, whichever variant is chosen: buffers of activations are padded to it, so that tiles need no guard on loads. */
export const MAX_TILE_TOKENS = 64;

/** Tokens that buffers of activations hold. */
export function paddedTokens(tokens: number): number {
  return Math.ceil(tokens / MAX_TILE_TOKENS) * MAX_TILE_TOKENS;
}
