/** Plain float64 loops for what the kernels between embedding and logits compute, one function each. Matrices are row-major. */

export interface Product {
  readonly sums: Float64Array;
  /** Of each sum: the sum of its terms' magnitudes, to which rounding errors are relative. */
  readonly magnitudes: Float64Array;
}

/** x [tokens, cols] times the transpose of w [rows, cols]: [tokens, rows]. */
export function product(x: ArrayLike<number>, w: ArrayLike<number>, cols: number): Product {
  const tokens = x.length / cols;
  const rows = w.length / cols;
  const sums = new Float64Array(tokens * rows);
  const magnitudes = new Float64Array(tokens * rows);
  for (let t = 0; t < tokens; t++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const term = (x[t * cols + c] ?? 0) * (w[r * cols + c] ?? 0);
        sums[t * rows + r] = (sums[t * rows + r] ?? 0) + term;
        magnitudes[t * rows + r] = (magnitudes[t * rows + r] ?? 0) + Math.abs(term);
      }
    }
  }
  return { sums, magnitudes };
}

export function silu(gate: number): number {
  return gate / (1 + Math.exp(-gate));
}

/** x [cols] / root of the mean of squares, times gain. */
export function rmsNorm(x: ArrayLike<number>, gain: ArrayLike<number>, eps: number): Float64Array {
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i] ?? 0) ** 2;
  const scale = 1 / Math.sqrt(squares / x.length + eps);
  return Float64Array.from({ length: x.length }, (_, i) => (x[i] ?? 0) * scale * (gain[i] ?? 0));
}

/** Probabilities of softmax(logits / temperature). */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) highest = Math.max(highest, logits[i] ?? 0);
  const weights = Float64Array.from({ length: logits.length }, (_, i) =>
    Math.exp(((logits[i] ?? 0) - highest) / temperature),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
