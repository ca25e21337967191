import type { Kernel } from "../gpu/kernel.ts";
import type { WeightLayout } from "../loader/layout.ts";
import type { KernelLibrary } from "./library.ts";
import { dispatch, type Stage, type StepCounts } from "./stage.ts";
import type { KernelChoice, MatmulTile } from "./variants.ts";

/** A slice of a weight matrix as a kernel binds it. */
export interface WeightSlice {
  readonly layout: WeightLayout;
  /** Groups of 32 along a row. */
  readonly groups: number;
  /** Rows of the result it computes (of gate alone in a pair of gate and up). */
  readonly rows: number;
  /** Where the rows of `up` begin in a pair; 0 otherwise. */
  readonly halfRows: number;
  /** Column of the result for its row 0. */
  readonly outOffset: number;
  readonly values: GPUBuffer;
  readonly scales: GPUBuffer | undefined;
}

/** What becomes of the sums; see shaders/matmul.wesl. */
export type MatmulEpilogue = "store" | "bias" | "residual" | "silu";

export interface MatmulRequest {
  readonly slice: WeightSlice;
  readonly epilogue: MatmulEpilogue;
  /** Activations [tokens, groups * 32]. */
  readonly x: GPUBuffer;
  readonly y: GPUBuffer;
  /** Values of a token in y. */
  readonly outStride: number;
  readonly bias?: GPUBuffer;
  /** Uniform with the number of rows of x, and the same number on the host. */
  readonly count: GPUBuffer;
  readonly rowsOf: (counts: Readonly<StepCounts>) => number;
}

/** One matrix product as a stage: every tile of the choice compiled, the one for the step's size dispatched. */
export async function matmulStage(
  library: KernelLibrary,
  choice: KernelChoice,
  request: MatmulRequest,
): Promise<Stage> {
  const { slice, epilogue, rowsOf } = request;
  const bound = await Promise.all(
    choice.matmul.map(async (tile) => {
      const kernel = await library.get(matmulVariant(choice, tile, slice.layout, epilogue));
      return {
        tile,
        pipeline: kernel.pipeline,
        bindGroup: bindMatmul(kernel, request),
        columns: columnsOf(tile, slice),
      };
    }),
  );
  return {
    pipelines: bound.map(({ pipeline }) => pipeline),
    encode(pass, counts) {
      const rows = rowsOf(counts);
      for (const { tile, pipeline, bindGroup, columns } of bound) {
        if (rows <= tile.upToTokens)
          return dispatch(pass, pipeline, bindGroup, columns, Math.ceil(rows / tile.tm));
      }
      throw new RangeError(`no matmul tile takes ${rows} tokens`);
    },
  };
}

export function matmulVariant(
  choice: KernelChoice,
  tile: MatmulTile,
  layout: WeightLayout,
  epilogue: MatmulEpilogue,
) {
  return {
    shader: "matmul",
    conditions: {
      [layout]: true,
      [epilogue]: true,
      shuffle: choice.lanes > 0,
      half_activations: choice.halfActivations,
    },
    constants: {
      TM: tile.tm,
      TN: tile.tn,
      WORKGROUP: tile.workgroup,
      INTERLEAVE: choice.interleave,
      LANES: Math.max(1, choice.lanes),
    },
  };
}

function bindMatmul(kernel: Kernel, { slice, x, y, outStride, bias, count }: MatmulRequest): GPUBindGroup {
  const params = kernel.uniform("params", {
    groups: slice.groups,
    rows: slice.rows,
    half_rows: slice.halfRows,
    out_offset: slice.outOffset,
    out_stride: outStride,
  });
  return kernel.bind({
    params,
    count,
    x,
    weights: slice.values,
    ...(slice.scales && { scales: slice.scales }),
    y,
    ...(bias && { bias }),
  });
}

/** Workgroups across the rows of the slice; a pair's lane takes gate and up, so half as many. */
function columnsOf(tile: MatmulTile, slice: WeightSlice): number {
  const lanesRows = slice.halfRows > 0 ? tile.tn / 2 : tile.tn;
  return Math.ceil(slice.rows / (tile.workgroup * lanesRows));
}
