import type { GpuDevice } from "../gpu/device.ts";
import type { KernelLibrary } from "../kernels/library.ts";
import type { WeightSlice } from "../kernels/matmul.ts";
import type { ProductShape } from "../kernels/matmul_kernels.ts";
import type { KernelChoice } from "../kernels/variants.ts";
import type { Candidate } from "./contest.ts";
import type { Stopwatch } from "./stopwatch.ts";
import type { AttentionShape, Tile, TunedChoice } from "./tuning.ts";

/** What a family of kernels says to be tuned: tasks, and how to run their candidates. */

/** All of a model's products of one shape. */
export interface TunableProduct {
  readonly shape: ProductShape;
  readonly slices: readonly WeightSlice[];
  /** Rows of the input are a step's tokens; otherwise those that want logits, which are few. */
  readonly everyToken: boolean;
}

/** A device and what a model asks of it. */
export interface Tunable {
  readonly gpu: GpuDevice;
  /** The defaults of the adapter's class. */
  readonly choice: KernelChoice;
  readonly products: readonly TunableProduct[];
  /** The same in all layers. */
  readonly attention: AttentionShape;
}

export interface BenchParts {
  /** The books of all buffers made for measuring. */
  readonly gpu: GpuDevice;
  readonly library: KernelLibrary;
  readonly stopwatch: Stopwatch;
  /** Without what tuning found before. */
  readonly choice: KernelChoice;
}

/** Where one task's candidates run; holds buffers until it is destroyed. */
export interface Bench {
  /** Of the task's tiles. */
  candidate(index: number): Candidate;
  destroy(): void;
}

/** One decision to be made. */
export interface TuningTask extends Pick<TunedChoice, "family" | "key" | "tokens"> {
  /** Infinity: any number. */
  readonly upToTokens: number;
  /** The default first; each of them is tested, since each may be chosen. */
  readonly tiles: readonly Tile[];
  /** Everything that makes its results and its speed, as plain data: part of the code's version. */
  readonly variants: readonly object[];
  /** @throws DeviceError */
  open(parts: BenchParts): Promise<Bench>;
}
