import type { Kernel } from "../gpu/kernel.ts";
import { layoutWords, type WeightLayout } from "../loader/layout.ts";
import { activationWords, inputFormat } from "./activations.ts";
import type { KernelLibrary } from "./library.ts";
import {
  type MatmulEpilogue,
  type MatmulTile,
  matmulKernels,
  matmulVariant,
  type ProductShape,
} from "./matmul_kernels.ts";
import { dispatch, type Stage, type StageWork, type StepCounts } from "./stage.ts";
import { type KernelChoice, tilesOf } from "./variants.ts";

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

export interface MatmulRequest {
  readonly label: string;
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
  const { label, slice, rowsOf } = request;
  const product = productOf(request);
  const bound = await Promise.all(
    tilesOf(choice, product).map(async ({ upToTokens, tile }) => {
      const kernel = await library.get(matmulVariant(choice, tile, product));
      return {
        upToTokens,
        pipeline: kernel.pipeline,
        bindGroup: bindMatmul(kernel, request),
        tileTokens: matmulKernels[tile.kernel].tokens(tile),
        columns: columnsOf(tile, slice),
      };
    }),
  );
  return {
    label,
    encode(pass, counts) {
      const rows = rowsOf(counts);
      for (const { upToTokens, pipeline, bindGroup, columns, tileTokens } of bound) {
        if (rows <= upToTokens)
          return dispatch(pass, pipeline, bindGroup, columns, Math.ceil(rows / tileTokens));
      }
      throw new RangeError(`no matmul tile takes ${rows} tokens`);
    },
    work: (counts) => workOf(request, choice, rowsOf(counts)),
  };
}

function productOf({ slice, epilogue }: MatmulRequest): ProductShape {
  return { layout: slice.layout, epilogue, rows: slice.rows, groups: slice.groups };
}

function workOf({ slice, epilogue }: MatmulRequest, choice: KernelChoice, tokens: number): StageWork {
  if (tokens === 0) return { bytes: 0, macs: 0 };
  const { layout, groups, rows } = slice;
  const words = layoutWords[layout];
  const pair = epilogue === "silu";
  const weightRows = pair ? 2 * rows : rows;
  const inBytes = groups * 4 * activationWords[inputFormat(choice, epilogue)];
  const outBytes = rows * (pair && choice.activations === "half" ? 2 : epilogue === "residual" ? 8 : 4);
  return {
    bytes: weightRows * groups * (words.values + words.scales) * 4 + tokens * (inBytes + outBytes),
    macs: tokens * weightRows * groups * 32,
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

/** Workgroups across the rows of the slice; one that takes gate and up covers half as many. */
function columnsOf(tile: MatmulTile, slice: WeightSlice): number {
  const rows = matmulKernels[tile.kernel].rows(tile);
  return Math.ceil(slice.rows / (slice.halfRows > 0 ? rows / 2 : rows));
}
