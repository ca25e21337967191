/** How much of each kind of work one step holds. */
export interface StepCounts {
  /** New tokens, all rows together. */
  tokens: number;
  /** Attention tiles of one query token, and of several. */
  singleTiles: number;
  tiles: number;
  /** Parts that the longest context among the tiles of one token is split into; 1 for none. */
  singleParts: number;
  /** Rows whose logits are computed. */
  logitRows: number;
  /** Keys that all sequences have, and pairs of a query token with a key that it sees. */
  keys: number;
  keyPairs: number;
}

export function noCounts(): StepCounts {
  return { tokens: 0, singleTiles: 0, tiles: 0, singleParts: 1, logitRows: 0, keys: 0, keyPairs: 0 };
}

/** What a stage moves and computes in one step, at the least: each byte counted once however often it is read. */
export interface StageWork {
  readonly bytes: number;
  /** Multiply-adds of the products; what else is computed is not counted. */
  readonly macs: number;
}

/** What stages encode into: the part of a compute pass that they use. */
export interface DispatchPass {
  setPipeline(pipeline: GPUComputePipeline): void;
  setBindGroup(index: number, bindGroup: GPUBindGroup): void;
  dispatchWorkgroups(x: number, y: number): void;
}

/** One piece of the forward pass, bound to its buffers once; encoding it allocates nothing. */
export interface Stage {
  /** What it does, the same for all layers: `qkv`, `attention`, `logits`. */
  readonly label: string;
  /** Returns how many dispatches it added. */
  encode(pass: DispatchPass, counts: Readonly<StepCounts>): number;
  work(counts: Readonly<StepCounts>): StageWork;
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
