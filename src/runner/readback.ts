import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage, mapMode } from "../gpu/usage.ts";

/** One range of a buffer that the host wants; `to` is where it stands in the result. All in bytes. */
export interface CopyRange {
  readonly source: GPUBuffer;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** Share of the expected step that is slept before mapping. */
const SLEEP_SHARE = 0.85;

/**
 * Brings a step's results to the host through one staging buffer that grows to the largest step and is used again.
 *
 * Dawn's Node binding burns a core while a map is pending. Where the adapter is software that core is the GPU's own, so the
 * host sleeps for most of the time such a step took before, and maps then.
 */
export class Readback {
  readonly #gpu: GpuDevice;
  /** By tokens of the step; the fastest so far, so that a noisy step does not make the next ones sleep too long. */
  readonly #fastestMs = new Map<number, number>();
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
    if (this.#gpu.summary.software) await this.#sleep(tokens);
    if (bytes === 0) {
      await this.#gpu.device.queue.onSubmittedWorkDone();
      this.#gpu.assertAlive();
      return use(new ArrayBuffer(0));
    }
    const staging = this.#atLeast(bytes);
    try {
      await staging.mapAsync(mapMode.read, 0, bytes);
    } catch (cause) {
      // A lost device says so in a promise of its own: Chrome keeps it later than this rejection, and before this answer.
      await this.#gpu.device.queue.onSubmittedWorkDone().catch(() => {});
      this.#gpu.assertAlive();
      throw cause;
    }
    this.#fastestMs.set(
      tokens,
      Math.min(this.#fastestMs.get(tokens) ?? Number.POSITIVE_INFINITY, performance.now() - started),
    );
    try {
      this.#gpu.assertAlive();
      return use(staging.getMappedRange(0, bytes));
    } finally {
      staging.unmap();
    }
  }

  #sleep(tokens: number): Promise<void> | undefined {
    const ms = (this.#fastestMs.get(tokens) ?? 0) * SLEEP_SHARE;
    return ms >= 1 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
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
