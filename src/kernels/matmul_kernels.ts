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
}

interface MatmulKernel {
  /** Whether it runs here at all, and in this numeric class. */
  readonly fits: (capabilities: GpuCapabilities, choice: KernelChoice) => boolean;
  /** Tokens and rows of a workgroup; a pair of gate and up counts as two rows. */
  readonly tokens: (tile: MatmulTile) => number;
  readonly rows: (tile: MatmulTile) => number;
  /** Shader, conditions and constants besides the layout and the epilogue. */
  readonly variant: (tile: MatmulTile, choice: KernelChoice) => KernelVariant;
  /** What tuning tries, for steps of up to so many tokens. */
  readonly candidates: (upToTokens: number, choice: KernelChoice) => readonly MatmulTile[];
}

export type MatmulKernelName = "lanes";

/** Larger tiles take many seconds to compile on software adapters. */
const lanesTiles: readonly MatmulTile[] = [
  { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 },
  { kernel: "lanes", tm: 1, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 4, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 8, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 8, tn: 4, workgroup: 32 },
];

export const matmulKernels: Readonly<Record<MatmulKernelName, MatmulKernel>> = {
  /** A lane takes whole rows. */
  lanes: {
    fits: () => true,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup }) => tn * workgroup,
    variant: ({ tm, tn, workgroup }, { lanes, halfActivations, interleave }) => ({
      shader: "matmul_lanes",
      conditions: { shuffle: lanes > 0, half_activations: halfActivations },
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
