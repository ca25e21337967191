import type { RopeConfig } from "./config.ts";

/**
 * Rotary position embedding (arXiv 2104.09864): cosines and sines computed on the host, since WGSL promises little of `cos` for
 * large angles. Frequencies and angles are rounded to 32 bits as the reference implementation has them.
 */
export class RopeTable {
  /** Rotated pairs of a head. */
  readonly pairs: number;
  readonly #frequencies: Float32Array;

  /** `factors`: one divisor per frequency (llama3 scaling), or undefined. */
  constructor({ base, dims, linearFactor }: RopeConfig, factors: Float32Array | undefined) {
    this.pairs = dims / 2;
    this.#frequencies = Float32Array.from({ length: this.pairs }, (_, i) => {
      const frequency = Math.fround(1 / Math.fround(base ** ((2 * i) / dims)));
      return frequency / (factors?.[i] ?? 1) / linearFactor;
    });
  }

  /** Writes (cos, sin) of every pair for one position: 2 * pairs values from `at` on. */
  write(out: Float32Array, at: number, position: number): void {
    for (let i = 0; i < this.pairs; i++) {
      const angle = Math.fround(position * (this.#frequencies[i] ?? 0));
      out[at + 2 * i] = Math.cos(angle);
      out[at + 2 * i + 1] = Math.sin(angle);
    }
  }
}
