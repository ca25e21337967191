import { DeviceError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage, mapMode } from "../gpu/usage.ts";
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
import type { Stopwatch } from "./stopwatch.ts";

/**
 * The weights that a few tokens are multiplied with come out of memory, not out of caches: so much of them is gone through before
 * any is read again, the model's own layers first and copies of them where those are too small.
 */
const COLD_BYTES = 48 << 20;
const MOST_SLICES = 96;
/** Steps of more tokens than this are bound by arithmetic. */
const COLD_TOKENS = 16;
/** What one measurement is to take: long against the clock's steps (100 us in browsers), short against a person's patience. */
const MEASUREMENT_MS = { gpu: 3, software: 15 } as const;
const MOST_REPEATS = 1024;
/** Difference between two variants' results, as a share of the largest result: 16-bit activations round by 2^-11. */
const SAME_RESULTS = 5e-3;

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
  #closed = false;
  readonly #slices: readonly WeightSlice[];
  readonly #outStride: number;
  readonly #x: GPUBuffer;
  readonly #y: GPUBuffer;
  readonly #bias: GPUBuffer | undefined;
  readonly #count: GPUBuffer;
  /** What the default computed. */
  #expected: Float32Array | undefined;
  /** Products of one measurement: the same for all candidates. */
  #repeats = 0;
  /** Where in the slices the next measurement begins. */
  #next = 0;

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
  }

  candidate(tile: MatmulTile): Candidate {
    let stages: readonly Stage[] = [];
    let leastMs = 0;
    return {
      prepare: async () => {
        const results = await checked(this.#request.gpu, async () => {
          stages = await this.#bind(tile);
          return this.#results(stages);
        });
        this.#expected ??= results;
        return same(results, this.#expected) ? "ready" : "wrong-results";
      },
      measure: async () => {
        if (this.#repeats === 0) await this.#calibrate(stages);
        const ms = await this.#measure(stages, leastMs);
        leastMs = leastMs === 0 ? ms : Math.min(leastMs, ms);
        return ms;
      },
    };
  }

  destroy(): void {
    this.#closed = true;
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

  /** Of the first slice, from outputs that were zero before. */
  async #results(stages: readonly Stage[]): Promise<Float32Array> {
    const { gpu, choice, epilogue } = this.#request;
    // A candidate that nobody waited for any longer comes too late.
    if (this.#closed) throw new DeviceError("gpu-error", "The tuning of this product has ended.");
    const staging = gpu.createBuffer("tuning/read", this.#y.size, bufferUsage.mapRead | bufferUsage.copyDst);
    try {
      const encoder = gpu.device.createCommandEncoder({ label: "tuning" });
      encoder.clearBuffer(this.#y);
      const pass = encoder.beginComputePass();
      stages[0]?.encode(pass, this.#counts);
      pass.end();
      encoder.copyBufferToBuffer(this.#y, 0, staging, 0, this.#y.size);
      gpu.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(mapMode.read);
      gpu.assertAlive();
      const words = new Uint32Array(staging.getMappedRange().slice(0));
      return resultsOf(words, epilogue === "silu" ? choice.activations : "float");
    } finally {
      gpu.destroyBuffer(staging);
    }
  }

  /** By the default, which is measured first: as many products as one measurement is to take. */
  async #calibrate(stages: readonly Stage[]): Promise<void> {
    this.#repeats = 1;
    const ms = await this.#measure(stages, 0);
    this.#repeats = Math.min(MOST_REPEATS, Math.max(this.#repeats, Math.round(this.#targetMs / ms)));
  }

  /**
   * Milliseconds of one product. Where all of them are too short for the clock to see, which a busy moment may have hidden when
   * they were counted, there are more of them from now on.
   */
  async #measure(stages: readonly Stage[], expectedMs: number): Promise<number> {
    let ms = await this.#time(stages, this.#repeats, expectedMs * this.#repeats);
    while (ms < this.#targetMs / 8 && this.#repeats < MOST_REPEATS) {
      this.#repeats = Math.min(MOST_REPEATS, this.#repeats * 8);
      ms = await this.#time(stages, this.#repeats, ms);
    }
    if (ms === 0) {
      this.#request.stopwatch.useHostClock();
      ms = await this.#time(stages, this.#repeats, 0);
    }
    return ms / this.#repeats;
  }

  get #targetMs(): number {
    return MEASUREMENT_MS[this.#request.gpu.summary.software ? "software" : "gpu"];
  }

  /** So many products in one pass, over slices that were not just read. */
  #time(stages: readonly Stage[], repeats: number, expectedMs: number): Promise<number> {
    const first = this.#next;
    this.#next = (first + repeats) % stages.length;
    return this.#request.stopwatch.measure((pass) => {
      for (let i = 0; i < repeats; i++) stages[(first + i) % stages.length]?.encode(pass, this.#counts);
    }, expectedMs);
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

function same(actual: Float32Array, expected: Float32Array): boolean {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // A result that is no number is near to nothing.
  return actual.every((value, i) => Math.abs(value - (expected[i] ?? 0)) <= SAME_RESULTS * largest);
}
