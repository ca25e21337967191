/** What a header may hold: several times what the largest known files have, and little enough to refuse a lying one at once. */
export const ggufLimits = {
  headerBytes: 64 * 2 ** 20,
  stringBytes: 32 * 2 ** 20,
  nameBytes: 65_535,
  metadataEntries: 65_536,
  /** All arrays together. */
  arrayElements: 2 ** 21,
  arrayDepth: 4,
  tensors: 65_536,
  dims: 4,
  alignment: 2 ** 20,
  /** Values of one row, so that a piece (one bundle of rows at least) stays small. */
  rowValues: 2 ** 20,
  /** Values of one tensor: bytes stay far below 2^53. */
  tensorValues: 2 ** 44,
} as const;
