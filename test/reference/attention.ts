/**
 * RoPE, the KV block's order of words and attention in plain float64 loops, from their definitions (arXiv 2104.09864,
 * 1706.03762; the head of shaders/lib/kv.wesl) and not from the kernels.
 */

export interface PoolLayout {
  readonly kvHeads: number;
  readonly headDim: number;
  /** u32 words: of a block in its buffer, and where the layer begins in it. */
  readonly blockWords: number;
  readonly layerWord: number;
}

/** Slots of a KV block. */
export const SLOTS = 16;

/** u32 words of one layer in a block. */
export function layerWords({ kvHeads, headDim }: Pick<PoolLayout, "kvHeads" | "headDim">): number {
  return 2 * kvHeads * SLOTS * (headDim / 2);
}

/** Index of a 16-bit float in the pool buffer: head by head K as [dim / 8, slot, dim % 8], and V behind it as [slot, dim]. */
export function poolHalf(
  pool: PoolLayout,
  part: "k" | "v",
  block: number,
  slot: number,
  head: number,
  dim: number,
): number {
  const { headDim, blockWords, layerWord } = pool;
  const keys = 2 * (block * blockWords + layerWord) + 2 * head * SLOTS * headDim;
  if (part === "k") return keys + (Math.floor(dim / 8) * SLOTS + slot) * 8 + (dim % 8);
  return keys + (SLOTS + slot) * headDim + dim;
}

/** Turns the first `angles.length` pairs of a head: (i, i + n) when `neox`, else (2i, 2i + 1). */
export function rotate(head: ArrayLike<number>, angles: ArrayLike<number>, neox: boolean): Float64Array {
  const out = Float64Array.from(head);
  for (let i = 0; i < angles.length; i++) {
    const [a, b] = neox ? [i, i + angles.length] : [2 * i, 2 * i + 1];
    const turn = angles[i] ?? 0;
    const [x, y] = [head[a] ?? 0, head[b] ?? 0];
    out[a] = x * Math.cos(turn) - y * Math.sin(turn);
    out[b] = x * Math.sin(turn) + y * Math.cos(turn);
  }
  return out;
}

/** softmax(q · keys) values, for one query; `keys` and `values` hold one row per key. Scores go through `softCap` unless it is 0. */
export function attend(
  q: ArrayLike<number>,
  keys: readonly ArrayLike<number>[],
  values: readonly ArrayLike<number>[],
  softCap: number,
): Float64Array {
  const scores = keys.map((key) => {
    let sum = 0;
    for (let i = 0; i < q.length; i++) sum += (q[i] ?? 0) * (key[i] ?? 0);
    return softCap === 0 ? sum : softCap * Math.tanh(sum / softCap);
  });
  const highest = scores.reduce((top, score) => Math.max(top, score), Number.NEGATIVE_INFINITY);
  const out = new Float64Array(q.length);
  let total = 0;
  for (const [n, score] of scores.entries()) {
    const weight = Math.exp(score - highest);
    total += weight;
    for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) + weight * (values[n]?.[i] ?? 0);
  }
  return out.map((sum) => sum / total);
}
