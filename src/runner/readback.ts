import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage, mapMode } from "../gpu/usage.ts";

/** One range of a buffer that the host wants; `to` is where it stands in the result. All in bytes. */
export interface CopyRange {
  readonly source: GPUBuffer;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** A staging buffer; each step in flight has one of its own. */
interface Staging {
  buffer: GPUBuffer;
  taken: boolean;
}

/** A step's results on their way to the host. */
export interface Landing {
  readonly bytes: number;
  readonly staging: Staging | undefined;
  /** Until they can be read; undefined before the submit. */
  ready: Promise<void> | undefined;
}

/**
 * Brings the results of steps to the host, in the order of the steps, through a few staging buffers that grow to the largest step
 * and are used again.
 */
export class Readback {
  readonly #gpu: GpuDevice;
  readonly #stagings: Staging[] = [];

  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
  }

  /** Queues the copies behind what `encoder` holds. */
  encode(encoder: GPUCommandEncoder, copies: readonly CopyRange[]): Landing {
    const last = copies.at(-1);
    const bytes = last ? last.to + last.bytes : 0;
    const staging = bytes > 0 ? this.#take(bytes) : undefined;
    for (const { source, from, to, bytes } of copies)
      if (staging && bytes > 0) encoder.copyBufferToBuffer(source, from, staging.buffer, to, bytes);
    return { bytes, staging, ready: undefined };
  }

  /** Right after the submit. */
  begin(landing: Landing): void {
    landing.ready = this.#ready(landing);
    landing.ready.catch(() => {}); // `read` hears of it
  }

  /**
   * When the step before has been read: waits for this one and calls `use` with the copied bytes, valid only during the call.
   */
  async read<T>(landing: Landing, use: (data: ArrayBuffer) => T): Promise<T> {
    const { staging, bytes } = landing;
    try {
      await landing.ready;
      if (staging === undefined) return use(new ArrayBuffer(0));
      try {
        this.#gpu.assertAlive();
        return use(staging.buffer.getMappedRange(0, bytes));
      } finally {
        staging.buffer.unmap();
      }
    } finally {
      if (staging) staging.taken = false;
    }
  }

  /** Frees the staging buffers; no step may be under way. */
  destroy(): void {
    for (const { buffer } of this.#stagings.splice(0)) this.#gpu.destroyBuffer(buffer);
  }

  /** Until the step has run and its results are mapped. */
  async #ready({ staging, bytes }: Landing): Promise<void> {
    try {
      if (staging === undefined) await this.#gpu.idle();
      else await this.#gpu.wait(staging.buffer.mapAsync(mapMode.read, 0, bytes));
    } catch (cause) {
      // A lost device says so in a promise of its own: Chrome keeps it later than this rejection, and before this answer.
      await this.#gpu.idle().catch(() => {});
      this.#gpu.assertAlive();
      throw cause;
    }
    if (staging === undefined) this.#gpu.assertAlive();
  }

  /** A staging buffer of at least so many bytes that no step in flight uses. */
  #take(bytes: number): Staging {
    const free = this.#stagings.find(({ taken }) => !taken);
    if (free === undefined) {
      const staging = { buffer: this.#create(bytes), taken: true };
      this.#stagings.push(staging);
      return staging;
    }
    if (free.buffer.size < bytes) {
      this.#gpu.destroyBuffer(free.buffer);
      free.buffer = this.#create(bytes);
    }
    free.taken = true;
    return free;
  }

  #create(bytes: number): GPUBuffer {
    return this.#gpu.createBuffer(
      "readback",
      Math.max(bytes, 4096),
      bufferUsage.mapRead | bufferUsage.copyDst,
    );
  }
}
