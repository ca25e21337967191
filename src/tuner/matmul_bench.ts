import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage } from "../gpu/usage.ts";
import { inputFormat } from "../kernels/activations.ts";
import type { KernelLibrary } from "../kernels/library.ts";
import { matmulStage, type WeightSlice } from "../kernels/matmul.ts";
import type { MatmulEpilogue, MatmulTile } from "../kernels/matmul_kernels.ts";
import { noCounts, type Stage, type StepCounts } from "../kernels/stage.ts";
import { type KernelChoice, paddedTokens } from "../kernels/variants.ts";
import { GROUP } from "../loader/layout.ts";
import { benchActivations, resultsOf } from "./bench_activations.ts";
import { checked } from "./checked.ts";
import type { Candidate } from "./contest.ts";
import { StageBench } from "./stage_bench.ts";
import type { Stopwatch } from "./stopwatch.ts";

/**
 * The weights that a few tokens are multiplied with come out of memory, not out of caches: so much of them is gone through before
 * any is read again, the model's own layers first and copies of them where those are too small.
 */
const COLD_BYTES = 48 << 20;
const MOST_SLICES = 96;
/** Steps of more tokens than this are bound by arithmetic. */
const COLD_TOKENS = 16;

export interface MatmulBenchRequest {
  /** The books of all buffers made here. */
  readonly gpu: GpuDevice;
  readonly library: KernelLibrary;
  readonly stopwatch: Stopwatch;
  readonly choice: KernelChoice;
  readonly epilogue: MatmulEpilogue;
  /** All of one shape; read and never written. */
  readonly slices: readonly WeightSlice[];
  readonly tokens: number;
}

/** Runs the variants of one product on its own activations and the model's weights. */
export class MatmulBench {
  readonly #request: MatmulBenchRequest;
  readonly #counts: StepCounts;
  readonly #made: GPUBuffer[] = [];
  readonly #bench: StageBench;
  readonly #slices: readonly WeightSlice[];
  readonly #outStride: number;
  readonly #x: GPUBuffer;
  readonly #y: GPUBuffer;
  readonly #bias: GPUBuffer | undefined;
  readonly #count: GPUBuffer;

  /** @throws DeviceError `gpu-out-of-memory`, `gpu-error` */
  static open(request: MatmulBenchRequest): Promise<MatmulBench> {
    return checked(request.gpu, async () => new MatmulBench(request));
  }

  private constructor(request: MatmulBenchRequest) {
    const { choice, epilogue, slices, tokens, gpu } = request;
    this.#request = request;
    this.#counts = { ...noCounts(), tokens };
    this.#slices = tokens <= COLD_TOKENS ? this.#withCopies(slices) : slices;
    const [{ rows, groups } = { rows: 0, groups: 0 }] = slices;
    this.#outStride = Math.ceil(rows / GROUP) * GROUP;
    const x = benchActivations(paddedTokens(tokens) * groups, inputFormat(choice, epilogue));
    this.#x = this.#storage("x", x.byteLength);
    gpu.write(this.#x, 0, x);
    this.#y = this.#storage("y", tokens * this.#outStride * 4);
    this.#bias = epilogue === "bias" ? this.#storage("bias", this.#outStride * 4) : undefined;
    this.#count = this.#buffer("count", 16, bufferUsage.uniform | bufferUsage.copyDst);
    gpu.write(this.#count, 0, Uint32Array.of(tokens));
    const format = epilogue === "silu" ? choice.activations : "float";
    const numbersOf = (words: Uint32Array<ArrayBuffer>) => resultsOf(words, format);
    this.#bench = new StageBench({ gpu, stopwatch: request.stopwatch, output: this.#y, numbersOf });
  }

  candidate(tile: MatmulTile): Candidate {
    return this.#bench.candidate(async () => ({ stages: await this.#bind(tile), counts: this.#counts }));
  }

  destroy(): void {
    this.#bench.close();
    for (const buffer of this.#made.splice(0)) this.#request.gpu.destroyBuffer(buffer);
  }

  #bind(tile: MatmulTile): Promise<Stage[]> {
    const { library, choice, epilogue } = this.#request;
    const own = { ...choice, tuned: new Map(), matmul: [{ upToTokens: Number.POSITIVE_INFINITY, tile }] };
    const product = {
      label: "tuning",
      epilogue,
      x: this.#x,
      y: this.#y,
      outStride: this.#outStride,
      ...(this.#bias && { bias: this.#bias }),
      count: this.#count,
      rowsOf: ({ tokens }: Readonly<StepCounts>) => tokens,
    };
    const bind = (slice: WeightSlice) =>
      matmulStage(library, own, { ...product, slice: { ...slice, outOffset: 0 } });
    return Promise.all(this.#slices.map(bind));
  }

  #withCopies(slices: readonly WeightSlice[]): readonly WeightSlice[] {
    const bytes = slices.reduce((sum, { values, scales }) => sum + values.size + (scales?.size ?? 0), 0);
    const wanted = Math.min(MOST_SLICES, Math.ceil((slices.length * COLD_BYTES) / bytes));
    const encoder = this.#request.gpu.device.createCommandEncoder({ label: "tuning" });
    const copy = (source: GPUBuffer) => {
      const made = this.#storage("copy", source.size);
      encoder.copyBufferToBuffer(source, 0, made, 0, source.size);
      return made;
    };
    const copies = Array.from({ length: Math.max(0, wanted - slices.length) }, (_, index) => {
      const slice = slices[index % slices.length];
      return slice
        ? [{ ...slice, values: copy(slice.values), scales: slice.scales && copy(slice.scales) }]
        : [];
    });
    this.#request.gpu.device.queue.submit([encoder.finish()]);
    return [...slices, ...copies.flat()];
  }

  #storage(label: string, bytes: number): GPUBuffer {
    const usage = bufferUsage.storage | bufferUsage.copyDst | bufferUsage.copySrc;
    return this.#buffer(label, bytes, usage);
  }

  #buffer(label: string, bytes: number, usage: number): GPUBuffer {
    const buffer = this.#request.gpu.createBuffer(`tuning/${label}`, bytes, usage);
    this.#made.push(buffer);
    return buffer;
  }
}
