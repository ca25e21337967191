import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage, mapMode } from "../gpu/usage.ts";
import { StepPacer } from "./step_pacer.ts";

/** One range of a buffer that the host wants; `to` is where it stands in the result. All in bytes. */
export interface CopyRange {
  readonly source: GPUBuffer;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/**
 * Brings a step's results to the host through one staging buffer that grows to the largest step and is used again.
 *
 * Dawn's Node binding burns a core while a map is pending. Where the adapter is software that core is the GPU's own, so the
 * host sleeps for most of the time such a step should take, and maps then.
 */
export class Readback {
  readonly #gpu: GpuDevice;
  readonly #pacer = new StepPacer();
  #staging: GPUBuffer | undefined;

  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
  }

  /** Queues the copies behind what `encoder` holds. */
  encode(encoder: GPUCommandEncoder, copies: readonly CopyRange[]): void {
    const last = copies.at(-1);
    if (!last) return;
    const staging = this.#atLeast(last.to + last.bytes);
    for (const { source, from, to, bytes } of copies)
      encoder.copyBufferToBuffer(source, from, staging, to, bytes);
  }

  /**
   * After the submit: waits for the step and calls `use` with the copied bytes, valid only during the call.
   * `tokens` tells steps of like duration apart.
   */
  async read<T>(bytes: number, tokens: number, use: (data: ArrayBuffer) => T): Promise<T> {
    const started = performance.now();
    const sleptMs = this.#gpu.summary.software ? await this.#sleep(tokens) : 0;
    await this.#ready(bytes);
    this.#pacer.record(tokens, sleptMs, performance.now() - started);
    if (bytes === 0) return use(new ArrayBuffer(0));
    const staging = this.#atLeast(bytes);
    try {
      this.#gpu.assertAlive();
      return use(staging.getMappedRange(0, bytes));
    } finally {
      staging.unmap();
    }
  }

  /** Frees the staging buffer; no step may be under way. */
  destroy(): void {
    if (this.#staging) this.#gpu.destroyBuffer(this.#staging);
    this.#staging = undefined;
  }

  /** Returns how long it slept. */
  async #sleep(tokens: number): Promise<number> {
    const ms = this.#pacer.sleepMs(tokens);
    if (ms < 1) return 0;
    const started = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    return performance.now() - started;
  }

  /** Until the step has run and its results are mapped. */
  async #ready(bytes: number): Promise<void> {
    const { queue } = this.#gpu.device;
    try {
      if (bytes === 0) await queue.onSubmittedWorkDone();
      else await this.#atLeast(bytes).mapAsync(mapMode.read, 0, bytes);
    } catch (cause) {
      // A lost device says so in a promise of its own: Chrome keeps it later than this rejection, and before this answer.
      await queue.onSubmittedWorkDone().catch(() => {});
      this.#gpu.assertAlive();
      throw cause;
    }
    if (bytes === 0) this.#gpu.assertAlive();
  }

  #atLeast(bytes: number): GPUBuffer {
    if (this.#staging && this.#staging.size >= bytes) return this.#staging;
    if (this.#staging) this.#gpu.destroyBuffer(this.#staging);
    this.#staging = this.#gpu.createBuffer(
      "readback",
      Math.max(bytes, 4096),
      bufferUsage.mapRead | bufferUsage.copyDst,
    );
    return this.#staging;
  }
}
