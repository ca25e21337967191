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
  /** What tuning tries, for steps of up to so many tokens. */
  readonly candidates: (upToTokens: number, choice: KernelChoice) => readonly MatmulTile[];
}

export type MatmulKernelName = "lanes" | "int8";

/** Larger tiles take many seconds to compile on software adapters. */
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
};

function lanesVariant({ tm, tn, workgroup }: MatmulTile, { lanes, interleave }: KernelChoice): KernelVariant {
  return {
    shader: "matmul_lanes",
    conditions: { shuffle: lanes > 0 },
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
