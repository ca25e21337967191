import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage, mapMode } from "../gpu/usage.ts";
import type { DispatchPass } from "../kernels/stage.ts";

/** Measures how long the GPU takes for one pass: by its own clock where it has one, else by the host's around the pass. */
export class Stopwatch {
  readonly #gpu: GpuDevice;
  #clock: GpuClock | undefined;

  /** Its buffers belong to `gpu`. */
  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
    this.#clock = gpu.capabilities.timestamps ? new GpuClock(gpu) : undefined;
  }

  /** Runs what `encode` dispatches. @throws DeviceError */
  async measure(encode: (pass: DispatchPass) => void): Promise<number> {
    const { device } = this.#gpu;
    const encoder = device.createCommandEncoder({ label: "tuning" });
    const pass = encoder.beginComputePass(this.#clock?.passDescriptor);
    encode(pass);
    pass.end();
    this.#clock?.resolve(encoder);
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    const ms = await this.#clock?.read();
    if (ms === undefined) await this.#gpu.idle();
    this.#gpu.assertAlive();
    return ms ?? performance.now() - started;
  }

  /** From now on by the host's clock: the GPU's says nothing. */
  useHostClock(): void {
    this.destroy();
    this.#clock = undefined;
  }

  destroy(): void {
    this.#clock?.destroy();
  }
}

/** Begin and end of a pass by `timestamp-query`, in nanoseconds. */
class GpuClock {
  readonly passDescriptor: GPUComputePassDescriptor;
  readonly #gpu: GpuDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
    this.#queries = gpu.device.createQuerySet({ label: "tuning", type: "timestamp", count: 2 });
    this.#resolved = gpu.createBuffer("tuning/times", 16, bufferUsage.queryResolve | bufferUsage.copySrc);
    this.#staging = gpu.createBuffer("tuning/times-read", 16, bufferUsage.mapRead | bufferUsage.copyDst);
    this.passDescriptor = {
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    };
  }

  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16);
  }

  /** Milliseconds, 0 for less than a tick; undefined where the clock was reset in between. */
  async read(): Promise<number | undefined> {
    await this.#gpu.wait(this.#staging.mapAsync(mapMode.read));
    const [begin = 0n, end = 0n] = new BigUint64Array(this.#staging.getMappedRange());
    this.#staging.unmap();
    return end >= begin ? Number(end - begin) / 1e6 : undefined;
  }

  destroy(): void {
    this.#queries.destroy();
  }
}
