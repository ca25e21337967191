/**
 * How one group of 32 values is read out of a row of a GGML type. `source` holds the row, `row` is its first byte,
 * `group` counts groups along it, `count` (1 to 32) is how many values the group has: under 32 only at the end of a row
 * of a float type; what lies behind them in the output is left as it is.
 */
export interface BlockFormat {
  /** Writes the words of the type's canonical layout in their order to `words` and returns the word of scales. */
  pack(source: DataView, row: number, group: number, count: number, words: Uint32Array): number;
  /** Writes the values, exactly as ggml defines them, to `out[at…]`. */
  unpack(source: DataView, row: number, group: number, count: number, out: Float32Array, at: number): void;
}
