/** How much of each kind of work one step holds. */
export interface StepCounts {
  /** New tokens, all rows together. */
  tokens: number;
  /** Attention tiles of one query token, and of several. */
  singleTiles: number;
  tiles: number;
  /** Rows whose logits are computed. */
  logitRows: number;
}

/** What stages encode into: the part of a compute pass that they use. */
export interface DispatchPass {
  setPipeline(pipeline: GPUComputePipeline): void;
  setBindGroup(index: number, bindGroup: GPUBindGroup): void;
  dispatchWorkgroups(x: number, y: number): void;
}

/** One piece of the forward pass, bound to its buffers once; encoding it allocates nothing. */
export interface Stage {
  /** All it may dispatch. */
  readonly pipelines: readonly GPUComputePipeline[];
  /** Returns how many dispatches it added. */
  encode(pass: DispatchPass, counts: Readonly<StepCounts>): number;
}

/** A dispatch, unless a dimension of it is empty. Returns how many dispatches it was. */
export function dispatch(
  pass: DispatchPass,
  pipeline: GPUComputePipeline,
  bindGroup: GPUBindGroup,
  x: number,
  y: number,
): number {
  if (x === 0 || y === 0) return 0;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(x, y);
  return 1;
}
