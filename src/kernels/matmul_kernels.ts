import type { GpuCapabilities } from "../gpu/device.ts";
import type { KernelVariant } from "../gpu/kernel.ts";
import type { WeightLayout } from "../loader/layout.ts";
import { inputFormat } from "./activations.ts";
import type { KernelChoice } from "./variants.ts";

/** The family of matrix products: every kernel that computes one, as a table. A variant is a tile of one of them. */

/** What becomes of the sums; the shaders' heads say how. */
export type MatmulEpilogue = "store" | "bias" | "residual" | "silu";

/** What a variant's speed depends on, besides the adapter. */
export interface ProductShape {
  readonly layout: WeightLayout;
  readonly epilogue: MatmulEpilogue;
  /** Rows of the result (of gate alone in a pair of gate and up), and groups of 32 along a row. */
  readonly rows: number;
  readonly groups: number;
}

export function productKey({ layout, epilogue, rows, groups }: ProductShape): string {
  return `${layout} ${epilogue} ${rows}x${groups * 32}`;
}

/** How one kernel cuts a product. */
export interface MatmulTile {
  readonly kernel: MatmulKernelName;
  /** Tokens and rows of a lane. */
  readonly tm: number;
  readonly tn: number;
  /** Lanes of a workgroup. */
  readonly workgroup: number;
  /** `split`: parts that k is cut into, and the workgroup with it. */
  readonly split?: number;
  /** `tiled`: lanes of a workgroup along the tokens; the others go along the rows. */
  readonly tokenLanes?: number;
  /** `tiled`: products of a group of 32 in 16-bit floats, where the device computes in them. */
  readonly arithmetic?: "f16";
}

/** What of a product its variant depends on. */
type Product = Pick<ProductShape, "layout" | "epilogue">;

interface MatmulKernel {
  /** Whether it runs here at all, and in this numeric class. */
  readonly fits: (capabilities: GpuCapabilities, choice: KernelChoice) => boolean;
  /** Tokens and rows of a workgroup; a pair of gate and up counts as two rows. */
  readonly tokens: (tile: MatmulTile) => number;
  readonly rows: (tile: MatmulTile) => number;
  /** Shader, conditions and constants besides the layout, the epilogue and the formats of activations. */
  readonly variant: (tile: MatmulTile, choice: KernelChoice, product: Product) => KernelVariant;
  /** What tuning tries where the kernel fits, for steps of up to so many tokens. */
  readonly candidates: (upToTokens: number, capabilities: GpuCapabilities) => readonly MatmulTile[];
}

export type MatmulKernelName = "lanes" | "int8" | "split" | "tiled";

/** Up to 8 tokens and 2 or 4 rows, which the shader names one by one. Larger tiles take many seconds to compile on software adapters. */
const lanesTiles: readonly MatmulTile[] = [
  { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 },
  { kernel: "lanes", tm: 1, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 4, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 8, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 8, tn: 4, workgroup: 32 },
];

const int8Tiles: readonly MatmulTile[] = [
  { kernel: "int8", tm: 1, tn: 2, workgroup: 32 },
  { kernel: "int8", tm: 1, tn: 4, workgroup: 32 },
  { kernel: "int8", tm: 4, tn: 2, workgroup: 64 },
  { kernel: "int8", tm: 8, tn: 2, workgroup: 64 },
];

/**
 * The tiles of these two keep within what WebGPU grants everywhere: 256 lanes and 16 KiB of workgroup memory. One part of a split
 * workgroup is 32 rows wide, as the interleave of their class is.
 */
const splitTiles: readonly MatmulTile[] = [
  { kernel: "split", tm: 1, tn: 2, workgroup: 128, split: 4 },
  { kernel: "split", tm: 1, tn: 2, workgroup: 256, split: 8 },
  { kernel: "split", tm: 1, tn: 4, workgroup: 256, split: 8 },
  { kernel: "split", tm: 4, tn: 2, workgroup: 128, split: 4 },
  { kernel: "split", tm: 4, tn: 2, workgroup: 256, split: 8 },
  { kernel: "split", tm: 8, tn: 2, workgroup: 128, split: 4 },
];
const tiledTiles: readonly MatmulTile[] = [
  { kernel: "tiled", tm: 4, tn: 4, workgroup: 64, tokenLanes: 8 },
  { kernel: "tiled", tm: 4, tn: 4, workgroup: 256, tokenLanes: 16 },
  { kernel: "tiled", tm: 8, tn: 4, workgroup: 128, tokenLanes: 8 },
  { kernel: "tiled", tm: 4, tn: 4, workgroup: 256, tokenLanes: 16, arithmetic: "f16" },
  { kernel: "tiled", tm: 8, tn: 4, workgroup: 128, tokenLanes: 8, arithmetic: "f16" },
];

/** Workgroup memory gains nothing where it is plain memory; `exact` has its one tile of `lanes`, and pairs of int8 are not read. */
function isGpu({ software }: GpuCapabilities, { precision, normed }: KernelChoice): boolean {
  return !software && precision !== "exact" && normed !== "int8";
}

export const matmulKernels: Readonly<Record<MatmulKernelName, MatmulKernel>> = {
  /** A lane takes whole rows. */
  lanes: {
    fits: () => true,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup }) => tn * workgroup,
    variant: lanesVariant,
    candidates: (upToTokens) => ofRange(lanesTiles, upToTokens),
  },
  /**
   * The same in integers, where activations are pairs of int8 and weights integers; elsewhere `lanes`. Not where lanes share
   * loads: there is no instruction for such dot products.
   */
  int8: {
    fits: (_, { normed, lanes }) => normed === "int8" && lanes === 0,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup }) => tn * workgroup,
    variant: (tile, choice, product) => {
      const { layout, epilogue } = product;
      const integers = layout !== "f16" && layout !== "f32" && inputFormat(choice, epilogue) === "int8";
      if (!integers) return lanesVariant(tile, choice);
      const { tm, tn, workgroup } = tile;
      const constants = { TM: tm, TN: tn, WORKGROUP: workgroup, INTERLEAVE: choice.interleave };
      return { shader: "matmul_int8", constants };
    },
    candidates: (upToTokens) => ofRange(int8Tiles, upToTokens),
  },
  /** Parts of a workgroup cut k among them: few tokens, where rows alone do not fill the adapter. */
  split: {
    fits: isGpu,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup, split = 1 }) => (tn * workgroup) / split,
    variant: ({ tm, tn, workgroup, split = 1 }, { interleave }) => ({
      shader: "matmul_split",
      constants: { TM: tm, TN: tn, WORKGROUP: workgroup, INTERLEAVE: interleave, SPLIT: split },
    }),
    candidates: (upToTokens) =>
      upToTokens > 16 ? [] : splitTiles.filter(({ tm }) => tm <= upToTokens && 4 * tm >= upToTokens),
  },
  /** Tiles in workgroup memory: many tokens. */
  tiled: {
    fits: isGpu,
    tokens: ({ tm, tokenLanes = 1 }) => tm * tokenLanes,
    rows: ({ tn, workgroup, tokenLanes = 1 }) => (tn * workgroup) / tokenLanes,
    variant: ({ tm, tn, workgroup, tokenLanes = 1, arithmetic }, { interleave }) => ({
      shader: "matmul_tiled",
      conditions: { f16_math: arithmetic === "f16" },
      constants: { TM: tm, TN: tn, WORKGROUP: workgroup, INTERLEAVE: interleave, TOKEN_LANES: tokenLanes },
    }),
    candidates: (upToTokens, { shaderF16 }) =>
      upToTokens <= 16 ? [] : tiledTiles.filter(({ arithmetic }) => shaderF16 || arithmetic !== "f16"),
  },
};

function lanesVariant({ tm, tn, workgroup }: MatmulTile, { lanes, interleave }: KernelChoice): KernelVariant {
  return {
    shader: "matmul_lanes",
    conditions: { shuffle: lanes > 0, four_rows: tn === 4 },
    constants: {
      TM: tm,
      TN: tn,
      WORKGROUP: workgroup,
      INTERLEAVE: interleave,
      LANES: Math.max(1, lanes),
    },
  };
}

/** A tile of few tokens goes through the weights many times where there are many. */
function ofRange(tiles: readonly MatmulTile[], upToTokens: number): readonly MatmulTile[] {
  return tiles.filter(({ tm }) => tm <= upToTokens && 4 * tm >= Math.min(upToTokens, 16));
}

/** The whole variant of one product. */
export function matmulVariant(choice: KernelChoice, tile: MatmulTile, product: Product): KernelVariant {
  const { layout, epilogue } = product;
  const variant = matmulKernels[tile.kernel].variant(tile, choice, product);
  const formats = {
    half_activations: choice.activations === "half",
    int8_activations: inputFormat(choice, epilogue) === "int8",
  };
  return { ...variant, conditions: { ...variant.conditions, ...formats, [layout]: true, [epilogue]: true } };
}
