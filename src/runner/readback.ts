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

/** A staging buffer; each step in flight has one of its own. */
interface Staging {
  buffer: GPUBuffer;
  taken: boolean;
}

/** A step's results on their way to the host. */
export interface Landing {
  readonly bytes: number;
  readonly staging: Staging | undefined;
  /** Until they can be read; undefined where nobody has asked yet. */
  ready: Promise<void> | undefined;
}

/**
 * Brings the results of steps to the host, in the order of the steps, through a few staging buffers that grow to the largest step
 * and are used again.
 *
 * Dawn's Node binding burns a core while a map is pending. Where the adapter is software that core is the GPU's own, so the
 * host sleeps for most of the time such a step should take, and maps then. Elsewhere a map is asked for with the submit.
 */
export class Readback {
  readonly #gpu: GpuDevice;
  readonly #pacer = new StepPacer();
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
    if (this.#gpu.summary.software) return;
    landing.ready = this.#ready(landing);
    landing.ready.catch(() => {}); // `read` hears of it
  }

  /**
   * When the step before has been read: waits for this one and calls `use` with the copied bytes, valid only during the call.
   * The step has been running since `sinceMs`; `tokens` tells steps of like duration apart.
   */
  async read<T>(
    landing: Landing,
    tokens: number,
    sinceMs: number,
    use: (data: ArrayBuffer) => T,
  ): Promise<T> {
    const { staging, bytes } = landing;
    try {
      const sleptMs = landing.ready === undefined ? await this.#sleep(tokens) : 0;
      const awakeMs = performance.now();
      await (landing.ready ?? this.#ready(landing));
      const endedMs = performance.now();
      this.#pacer.record(tokens, { sleptMs, waitedMs: endedMs - awakeMs, totalMs: endedMs - sinceMs });
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

  /** Returns how long it slept. */
  async #sleep(tokens: number): Promise<number> {
    const ms = this.#pacer.sleepMs(tokens);
    if (ms < 1) return 0;
    const started = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    return performance.now() - started;
  }

  /** Until the step has run and its results are mapped. */
  async #ready({ staging, bytes }: Landing): Promise<void> {
    const { queue } = this.#gpu.device;
    try {
      if (staging === undefined) await queue.onSubmittedWorkDone();
      else await staging.buffer.mapAsync(mapMode.read, 0, bytes);
    } catch (cause) {
      // A lost device says so in a promise of its own: Chrome keeps it later than this rejection, and before this answer.
      await queue.onSubmittedWorkDone().catch(() => {});
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
