import { DeviceError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage, mapMode } from "../gpu/usage.ts";
import type { Stage, StepCounts } from "../kernels/stage.ts";
import { checked } from "./checked.ts";
import type { Candidate } from "./contest.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** What one measurement is to take: long against the clock's steps (100 us in browsers), short against a person's patience. */
const MEASUREMENT_MS = { gpu: 3, software: 15 } as const;
const MOST_REPEATS = 1024;
/** Difference between two variants' results, as a share of the largest result: 16-bit activations round by 2^-11. */
const SAME_RESULTS = 5e-3;

export interface StageBenchRequest {
  /** The books of all buffers made here. */
  readonly gpu: GpuDevice;
  readonly stopwatch: Stopwatch;
  /** What all candidates write. */
  readonly output: GPUBuffer;
  /** The output's words as numbers. */
  readonly numbersOf: (words: Uint32Array<ArrayBuffer>) => Float32Array;
}

/** A candidate, bound: the same work on several buffers, which measurements go through in turn so that caches do not flatter. */
export interface BoundCandidate {
  readonly stages: readonly Stage[];
  readonly counts: Readonly<StepCounts>;
}

/** Runs the variants of one stage: holds their results against the default's, and times them. */
export class StageBench {
  readonly #request: StageBenchRequest;
  #closed = false;
  /** What the default computed. */
  #expected: Float32Array | undefined;
  /** Runs of one measurement: the same for all candidates. */
  #repeats = 0;
  /** Where in the stages the next measurement begins. */
  #next = 0;

  constructor(request: StageBenchRequest) {
    this.#request = request;
  }

  /** @param bind compiles the variant; its first stage gives the results that are compared */
  candidate(bind: () => Promise<BoundCandidate>): Candidate {
    let bound: BoundCandidate | undefined;
    return {
      prepare: async () => {
        const results = await checked(this.#request.gpu, async () => {
          bound = await bind();
          return this.#results(bound);
        });
        this.#expected ??= results;
        return same(results, this.#expected) ? "ready" : "wrong-results";
      },
      measure: async () => {
        if (bound === undefined) throw new RangeError("a candidate is measured before it is prepared");
        if (this.#repeats === 0) await this.#calibrate(bound);
        return this.#measure(bound);
      },
    };
  }

  /** What is still being prepared comes to nothing. */
  close(): void {
    this.#closed = true;
  }

  /** Of the first stage, from outputs that were zero before. */
  async #results({ stages, counts }: BoundCandidate): Promise<Float32Array> {
    const { gpu, output, numbersOf } = this.#request;
    // A candidate that nobody waited for any longer comes too late.
    if (this.#closed) throw new DeviceError("gpu-error", "The tuning of this stage has ended.");
    const staging = gpu.createBuffer("tuning/read", output.size, bufferUsage.mapRead | bufferUsage.copyDst);
    try {
      const encoder = gpu.device.createCommandEncoder({ label: "tuning" });
      encoder.clearBuffer(output);
      const pass = encoder.beginComputePass();
      stages[0]?.encode(pass, counts);
      pass.end();
      encoder.copyBufferToBuffer(output, 0, staging, 0, output.size);
      gpu.device.queue.submit([encoder.finish()]);
      await gpu.wait(staging.mapAsync(mapMode.read));
      gpu.assertAlive();
      return numbersOf(new Uint32Array(staging.getMappedRange().slice(0)));
    } finally {
      gpu.destroyBuffer(staging);
    }
  }

  /** By the default, which is measured first: as many runs as one measurement is to take. */
  async #calibrate(bound: BoundCandidate): Promise<void> {
    this.#repeats = 1;
    const ms = await this.#measure(bound);
    this.#repeats = Math.min(MOST_REPEATS, Math.max(this.#repeats, Math.round(this.#targetMs / ms)));
  }

  /**
   * Milliseconds of one run. Where all of them are too short for the clock to see, which a busy moment may have hidden when they
   * were counted, there are more of them from now on.
   */
  async #measure(bound: BoundCandidate): Promise<number> {
    let ms = await this.#time(bound, this.#repeats);
    while (ms < this.#targetMs / 8 && this.#repeats < MOST_REPEATS) {
      this.#repeats = Math.min(MOST_REPEATS, this.#repeats * 8);
      ms = await this.#time(bound, this.#repeats);
    }
    if (ms === 0) {
      this.#request.stopwatch.useHostClock();
      ms = await this.#time(bound, this.#repeats);
    }
    return ms / this.#repeats;
  }

  get #targetMs(): number {
    return MEASUREMENT_MS[this.#request.gpu.summary.software ? "software" : "gpu"];
  }

  /** So many runs in one pass, over buffers that were not just read. */
  #time({ stages, counts }: BoundCandidate, repeats: number): Promise<number> {
    const first = this.#next;
    this.#next = (first + repeats) % stages.length;
    return this.#request.stopwatch.measure((pass) => {
      for (let i = 0; i < repeats; i++) stages[(first + i) % stages.length]?.encode(pass, counts);
    });
  }
}

function same(actual: Float32Array, expected: Float32Array): boolean {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // A result that is no number is near to nothing.
  return actual.every((value, i) => Math.abs(value - (expected[i] ?? 0)) <= SAME_RESULTS * largest);
}
