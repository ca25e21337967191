import type { GpuCapabilities } from "../gpu/device.ts";
import type { KernelVariant } from "../gpu/kernel.ts";
import type { WeightLayout } from "../loader/layout.ts";
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

interface MatmulKernel {
  /** Whether it runs here at all, and in this numeric class. */
  readonly fits: (capabilities: GpuCapabilities, choice: KernelChoice) => boolean;
  /** Tokens and rows of a workgroup; a pair of gate and up counts as two rows. */
  readonly tokens: (tile: MatmulTile) => number;
  readonly rows: (tile: MatmulTile) => number;
  /** Shader, conditions and constants besides the layout and the epilogue. */
  readonly variant: (tile: MatmulTile, choice: KernelChoice) => KernelVariant;
  /** What tuning tries where the kernel fits, for steps of up to so many tokens. */
  readonly candidates: (upToTokens: number, capabilities: GpuCapabilities) => readonly MatmulTile[];
}

export type MatmulKernelName = "lanes" | "split" | "tiled";

/** Up to 8 tokens and 2 or 4 rows, which the shader names one by one. Larger tiles take many seconds to compile on software adapters. */
const lanesTiles: readonly MatmulTile[] = [
  { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 },
  { kernel: "lanes", tm: 1, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 4, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 8, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 8, tn: 4, workgroup: 32 },
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

/** Workgroup memory gains nothing where it is plain memory, and `exact` has its one tile of `lanes`. */
function isGpu({ software }: GpuCapabilities, { precision }: KernelChoice): boolean {
  return !software && precision !== "exact";
}

export const matmulKernels: Readonly<Record<MatmulKernelName, MatmulKernel>> = {
  /** A lane takes whole rows. */
  lanes: {
    fits: () => true,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup }) => tn * workgroup,
    variant: ({ tm, tn, workgroup }, { lanes, halfActivations, interleave }) => ({
      shader: "matmul_lanes",
      conditions: { shuffle: lanes > 0, half_activations: halfActivations, four_rows: tn === 4 },
      constants: {
        TM: tm,
        TN: tn,
        WORKGROUP: workgroup,
        INTERLEAVE: interleave,
        LANES: Math.max(1, lanes),
      },
    }),
    // A tile of few tokens goes through the weights many times where there are many.
    candidates: (upToTokens) =>
      lanesTiles.filter(({ tm }) => tm <= upToTokens && 4 * tm >= Math.min(upToTokens, 16)),
  },
  /** Parts of a workgroup cut k among them: few tokens, where rows alone do not fill the adapter. */
  split: {
    fits: isGpu,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup, split = 1 }) => (tn * workgroup) / split,
    variant: ({ tm, tn, workgroup, split = 1 }, { halfActivations, interleave }) => ({
      shader: "matmul_split",
      conditions: { half_activations: halfActivations },
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
    variant: ({ tm, tn, workgroup, tokenLanes = 1, arithmetic }, { halfActivations, interleave }) => ({
      shader: "matmul_tiled",
      conditions: { half_activations: halfActivations, f16_math: arithmetic === "f16" },
      constants: { TM: tm, TN: tn, WORKGROUP: workgroup, INTERLEAVE: interleave, TOKEN_LANES: tokenLanes },
    }),
    candidates: (upToTokens, { shaderF16 }) =>
      upToTokens <= 16 ? [] : tiledTiles.filter(({ arithmetic }) => shaderF16 || arithmetic !== "f16"),
  },
};

/** The whole variant of one product. */
export function matmulVariant(
  choice: KernelChoice,
  tile: MatmulTile,
  { layout, epilogue }: Pick<ProductShape, "layout" | "epilogue">,
): KernelVariant {
  const variant = matmulKernels[tile.kernel].variant(tile, choice);
  return { ...variant, conditions: { ...variant.conditions, [layout]: true, [epilogue]: true } };
}
