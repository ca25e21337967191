import { GROUP, packedWords, type WeightLayout } from "../loader/layout.ts";
import { type GgmlType, ggmlTypes } from "../loader/quantisation/ggml_types.ts";
import { commonLayout } from "../loader/quantisation/pack_rows.ts";

/** Which tensor's rows go where: matrices that share an input are stacked into one product, and what one binding cannot hold is split by rows. */

/** What the plan needs to know of a tensor. */
export interface MatrixTensor {
  readonly name: string;
  readonly type: GgmlType;
  readonly rows: number;
  readonly cols: number;
}

/** A slice to be allocated: see `WeightSlice` in kernels/matmul.ts for the fields it will be bound with. */
export interface PlannedSlice {
  readonly label: string;
  readonly layout: WeightLayout;
  readonly cols: number;
  /** Rows in memory, padding included. */
  readonly paddedRows: number;
  readonly rows: number;
  readonly halfRows: number;
  readonly outOffset: number;
}

/** Rows [fromRow, fromRow + rows) of a tensor stand in `slice` from its row `atRow` on (a multiple of the interleave). */
export interface Placement {
  readonly slice: PlannedSlice;
  readonly fromRow: number;
  readonly rows: number;
  readonly atRow: number;
}

export interface PlannedProduct {
  readonly slices: readonly PlannedSlice[];
  /** First column of the result for each tensor, in their order. */
  readonly offsets: readonly number[];
  /** Columns of the result, padding included. */
  readonly outStride: number;
  readonly placements: ReadonlyMap<string, readonly Placement[]>;
}

export interface PlanLimits {
  readonly interleave: number;
  readonly maxBindingBytes: number;
}

/** Stacks tensors [rows_i, cols] one under another; neighbours of one layout share a slice as far as a binding reaches. */
export function planStack(tensors: readonly MatrixTensor[], limits: PlanLimits): PlannedProduct {
  const { interleave } = limits;
  const slices: PlannedSlice[] = [];
  const placements = new Map<string, Placement[]>();
  const offsets: number[] = [];
  let column = 0;
  for (const run of runsOfOneSlice(tensors, limits)) {
    const slice = {
      label: run.parts.map(({ tensor, fromRow }) => `${tensor.name}[${fromRow}]`).join("+"),
      layout: ggmlTypes[run.type].layout,
      cols: run.cols,
      paddedRows: run.paddedRows,
      rows: run.paddedRows,
      halfRows: 0,
      outOffset: column,
    };
    // A product of its own writes no column beyond its last row: logits and residuals have no padding behind them.
    const last = run.parts.at(-1);
    const padding = last ? padded(last.rows, interleave) - last.rows : 0;
    slices.push(tensors.length === 1 ? { ...slice, rows: slice.paddedRows - padding } : slice);
    const placed = slices.at(-1) ?? slice;
    let atRow = 0;
    for (const { tensor, fromRow, rows } of run.parts) {
      if (fromRow === 0) offsets.push(column + atRow);
      const known = placements.get(tensor.name) ?? [];
      placements.set(tensor.name, [...known, { slice: placed, fromRow, rows, atRow }]);
      atRow += padded(rows, interleave);
    }
    column += run.paddedRows;
  }
  const [only, ...others] = tensors;
  return { slices, offsets, outStride: only && others.length === 0 ? only.rows : column, placements };
}

/** Puts the same rows of two tensors into one slice, `halfRows` apart, so that one lane computes both. */
export function planPair(first: MatrixTensor, second: MatrixTensor, limits: PlanLimits): PlannedProduct {
  const layout = commonLayout([first.type, second.type]);
  const rowsOfSlice =
    Math.floor(rowsThatFit(first.cols, layout, limits) / 2 / limits.interleave) * limits.interleave;
  const step = Math.max(limits.interleave, rowsOfSlice);
  const slices: PlannedSlice[] = [];
  const placements = new Map<string, Placement[]>([
    [first.name, []],
    [second.name, []],
  ]);
  for (let fromRow = 0; fromRow < first.rows; fromRow += step) {
    const rows = Math.min(step, first.rows - fromRow);
    const halfRows = padded(rows, limits.interleave);
    const label = `${first.name}[${fromRow}]&${second.name}`;
    const slice = {
      label,
      layout,
      cols: first.cols,
      paddedRows: 2 * halfRows,
      rows,
      halfRows,
      outOffset: fromRow,
    };
    slices.push(slice);
    placements.get(first.name)?.push({ slice, fromRow, rows, atRow: 0 });
    placements.get(second.name)?.push({ slice, fromRow, rows, atRow: halfRows });
  }
  return { slices, offsets: [0, 0], outStride: padded(first.rows, GROUP), placements };
}

export function padded(rows: number, multiple: number): number {
  return Math.ceil(rows / multiple) * multiple;
}

/** Most rows of a matrix that one binding holds: a multiple of the interleave. */
function rowsThatFit(
  cols: number,
  layout: WeightLayout,
  { interleave, maxBindingBytes }: PlanLimits,
): number {
  const bundle = packedWords({ rows: interleave, cols, layout, interleave });
  return Math.max(1, Math.floor(maxBindingBytes / 4 / bundle.values)) * interleave;
}

interface Run {
  readonly type: GgmlType;
  readonly cols: number;
  readonly parts: { tensor: MatrixTensor; fromRow: number; rows: number }[];
  paddedRows: number;
}

function runsOfOneSlice(tensors: readonly MatrixTensor[], limits: PlanLimits): Run[] {
  const runs: Run[] = [];
  for (const tensor of tensors) {
    const layout = ggmlTypes[tensor.type].layout;
    const most = rowsThatFit(tensor.cols, layout, limits);
    for (let fromRow = 0; fromRow < tensor.rows; fromRow += most) {
      const rows = Math.min(most, tensor.rows - fromRow);
      const paddedRows = padded(rows, limits.interleave);
      const open = runs.at(-1);
      if (open && ggmlTypes[open.type].layout === layout && open.paddedRows + paddedRows <= most) {
        open.parts.push({ tensor, fromRow, rows });
        open.paddedRows += paddedRows;
      } else {
        runs.push({ type: tensor.type, cols: tensor.cols, parts: [{ tensor, fromRow, rows }], paddedRows });
      }
    }
  }
  return runs;
}
