import type { Precision } from "../api.ts";
import type { GpuCapabilities } from "../gpu/device.ts";

/** A register tile of the matrix product, and up to how many tokens it is the one to take. */
export interface MatmulTile {
  readonly upToTokens: number;
  readonly tm: number;
  readonly tn: number;
  readonly workgroup: number;
}

/** The kernel variants of one adapter class and numeric class. */
export interface KernelChoice {
  /** Rows of a weight matrix that stand interleaved; a layout's parameter, so the same for all kernels. */
  readonly interleave: number;
  /** Lanes that share loads by shuffles; 0: no fixed subgroup size, loads are not shared. */
  readonly lanes: number;
  readonly halfActivations: boolean;
  readonly matmul: readonly MatmulTile[];
  /** Query tokens of an attention tile with several. `exact` has this one alone. */
  readonly attentionTokens: number;
  /** A separate variant for tiles of one token (decode). */
  readonly singleTokenAttention: boolean;
}

interface AdapterClass {
  readonly fits: (capabilities: GpuCapabilities) => boolean;
  readonly interleave: number;
  readonly shuffle: boolean;
  readonly matmul: readonly MatmulTile[];
  readonly exactMatmul: MatmulTile;
}

const everything = Number.POSITIVE_INFINITY;

/**
 * Defaults by adapter class, from the measurements in docs/kernels.md: the first class that fits. Only the two software classes
 * have been measured; on GPUs these are starting points.
 */
const classes: Readonly<Record<string, AdapterClass>> = {
  /** lavapipe: 8 lanes of AVX2. */
  eightLanes: {
    fits: ({ subgroupSize }) => subgroupSize === 8,
    interleave: 8,
    shuffle: true,
    matmul: [
      { upToTokens: 2, tm: 1, tn: 4, workgroup: 32 },
      { upToTokens: everything, tm: 8, tn: 2, workgroup: 64 },
    ],
    exactMatmul: { upToTokens: everything, tm: 4, tn: 2, workgroup: 64 },
  },
  /** SwiftShader: 4 lanes of SSE. */
  fourLanes: {
    fits: ({ subgroupSize }) => subgroupSize === 4,
    interleave: 8,
    shuffle: true,
    matmul: [
      { upToTokens: 2, tm: 1, tn: 4, workgroup: 32 },
      { upToTokens: everything, tm: 4, tn: 4, workgroup: 32 },
    ],
    exactMatmul: { upToTokens: everything, tm: 4, tn: 2, workgroup: 32 },
  },
  /** GPUs: a wave reads neighbouring rows; loads of activations at one address are broadcast by the hardware. */
  gpu: {
    fits: () => true,
    interleave: 32,
    shuffle: false,
    matmul: [
      { upToTokens: 2, tm: 1, tn: 2, workgroup: 32 },
      { upToTokens: everything, tm: 8, tn: 2, workgroup: 64 },
    ],
    exactMatmul: { upToTokens: everything, tm: 4, tn: 2, workgroup: 64 },
  },
};

export function chooseKernels(capabilities: GpuCapabilities, precision: Precision): KernelChoice {
  const chosen = Object.values(classes).find(({ fits }) => fits(capabilities));
  if (!chosen) throw new Error("the last adapter class fits every adapter");
  const exact = precision === "exact";
  return {
    interleave: chosen.interleave,
    lanes: chosen.shuffle ? (capabilities.subgroupSize ?? 0) : 0,
    halfActivations: !exact,
    matmul: exact ? [chosen.exactMatmul] : chosen.matmul,
    attentionTokens: 4,
    singleTokenAttention: !exact,
  };
}

/** Tokens that buffers of activations hold beyond the last one, so that tiles need no guard on loads. */
export function paddedTokens(tokens: number, choice: KernelChoice): number {
  const largest = Math.max(...choice.matmul.map(({ tm }) => tm));
  return Math.ceil(tokens / largest) * largest;
}
