import { DeviceError } from "../errors.ts";
import type { AdapterSummary, OpenAdapter, Wait } from "../platform/platform.ts";
import { bufferUsage } from "./usage.ts";

/** What decides which kernels run: read once, when the device is opened. */
export interface GpuCapabilities {
  /** The one subgroup size of the adapter; undefined without subgroups or where the size varies. */
  readonly subgroupSize: number | undefined;
  /** It computes in 16-bit floats (`shader-f16`). */
  readonly shaderF16: boolean;
  readonly timestamps: boolean;
  /** As WebGPU names them: `nvidia`, `ampere`; empty where it does not say. */
  readonly vendor: string;
  readonly architecture: string;
  /** The "GPU" is the CPU. */
  readonly software: boolean;
  readonly maxBindingBytes: number;
  readonly maxBufferBytes: number;
}

/** Limits Baton raises to the adapter's own; all others stay at WebGPU's defaults, which it keeps to. */
const raisedLimits = ["maxStorageBufferBindingSize", "maxBufferSize"] as const;
const wantedFeatures = ["subgroups", "shader-f16", "timestamp-query"] as const;

/**
 * One GPU device and the books on it: bytes alive, errors nobody awaited, whether it is lost.
 * It knows no model. Who creates a buffer through it destroys it through it.
 */
export class GpuDevice {
  readonly device: GPUDevice;
  readonly summary: AdapterSummary;
  readonly capabilities: GpuCapabilities;
  readonly lost: Promise<GPUDeviceLostInfo>;
  /** It is a caller's own. */
  readonly borrowed: boolean;
  /** For whatever the device is to do first: results, pipelines, errors. */
  readonly wait: Wait;
  /** Another device of the same adapter, where that helps; see `OpenAdapter.openTwin`. */
  readonly openTwin: (() => Promise<GpuDevice>) | undefined;
  readonly #buffers = new Set<GPUBuffer>();
  readonly #onDestroy: () => void;
  #liveBytes = 0;
  #peakBytes = 0;
  #failure: DeviceError | undefined;
  #isLost = false;

  constructor(
    device: GPUDevice,
    summary: AdapterSummary,
    onDestroy: () => void,
    opened?: Pick<OpenAdapter, "wait" | "openTwin">,
  ) {
    const { wait, openTwin } = opened ?? {};
    this.device = device;
    this.borrowed = opened === undefined;
    this.wait = wait ?? plainly;
    this.openTwin = openTwin && (async () => openDevice(await openTwin()));
    this.summary = summary;
    this.capabilities = capabilitiesOf(device, summary);
    this.#onDestroy = onDestroy;
    this.lost = device.lost;
    device.addEventListener("uncapturederror", this.#onUncapturedError);
    void device.lost.then((info) => {
      this.#isLost = true;
      this.#failure = new DeviceError(
        "device-lost",
        `The GPU device "${summary.name}" was lost (${info.reason}): ${firstLine(info.message)}. Create a new runtime.`,
        { device: summary.name, reason: info.reason },
      );
    });
  }

  readonly #onUncapturedError = (event: GPUUncapturedErrorEvent): void => {
    this.#failure ??= gpuError(event.error, this.summary.name);
  };

  /** Bytes of the buffers created here and not destroyed yet. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The most that `liveBytes` has been. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** @throws DeviceError what went wrong on the device since it was opened, if anything did */
  assertAlive(): void {
    if (this.#failure) throw this.#failure;
  }

  /** A zeroed buffer of `bytes` (rounded up to 4). @throws DeviceError `adapter-limit` */
  createBuffer(label: string, bytes: number, usage: number): GPUBuffer {
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    if (size > this.capabilities.maxBufferBytes) throw this.#beyond("maxBufferSize", label, size);
    const buffer = this.device.createBuffer({ label, size, usage });
    this.#buffers.add(buffer);
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }

  /**
   * A storage buffer that can be bound whole, written from the host and copied both ways.
   * @throws DeviceError `adapter-limit`
   */
  createStorage(label: string, bytes: number): GPUBuffer {
    if (bytes > this.capabilities.maxBindingBytes)
      throw this.#beyond("maxStorageBufferBindingSize", label, bytes);
    return this.createBuffer(label, bytes, bufferUsage.storage | bufferUsage.copyDst | bufferUsage.copySrc);
  }

  #beyond(
    limit: "maxBufferSize" | "maxStorageBufferBindingSize",
    label: string,
    needed: number,
  ): DeviceError {
    const { maxBufferBytes, maxBindingBytes } = this.capabilities;
    const allowed = limit === "maxBufferSize" ? maxBufferBytes : maxBindingBytes;
    return new DeviceError(
      "adapter-limit",
      `The buffer "${label}" needs ${needed} bytes and the adapter "${this.summary.name}" allows ${allowed}. Use a smaller model, KV pool or maxStepTokens.`,
      { limit, needed, allowed },
    );
  }

  /** Fills buffers with the zeros that they were promised to have: implementations put that off until the first use. */
  clear(buffers: readonly GPUBuffer[]): void {
    const encoder = this.device.createCommandEncoder({ label: "clear" });
    for (const buffer of buffers) encoder.clearBuffer(buffer);
    this.device.queue.submit([encoder.finish()]);
  }

  destroyBuffer(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#liveBytes -= buffer.size;
    buffer.destroy();
  }

  write(buffer: GPUBuffer, offsetBytes: number, data: ArrayBufferView): void {
    this.device.queue.writeBuffer(buffer, offsetBytes, data.buffer, data.byteOffset, data.byteLength);
  }

  /**
   * Runs `work` with its allocations and validation watched.
   * @throws DeviceError `gpu-out-of-memory`, `gpu-error`
   */
  async guarded<T>(work: () => T | Promise<T>): Promise<T> {
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    let result: T;
    try {
      result = await work();
    } finally {
      const errors = await this.wait(Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]));
      const error = errors.find((found) => found !== null);
      if (error) this.#failure ??= gpuError(error, this.summary.name);
    }
    this.assertAlive();
    return result;
  }

  /** Until all that was submitted has run. */
  async idle(): Promise<void> {
    await this.wait(this.device.queue.onSubmittedWorkDone());
  }

  /** Destroys every buffer, then the device itself unless it is the caller's own. Safe to call twice. */
  destroy(): void {
    this.device.removeEventListener("uncapturederror", this.#onUncapturedError);
    // The loss of a device destroys its buffers. Where it has ended a mapping whose promise is not settled yet, to destroy the buffer as
    // well settles that twice, which crashes Dawn's Node binding.
    if (this.#isLost) this.#forgetBuffers();
    for (const buffer of this.#buffers) this.destroyBuffer(buffer);
    this.#onDestroy();
  }

  #forgetBuffers(): void {
    this.#buffers.clear();
    this.#liveBytes = 0;
  }
}

const plainly: Wait = (pending) => pending;

/** Makes a device of an adapter. @throws DeviceError `adapter-limit`, `gpu-error` */
export async function openDevice(opened: OpenAdapter): Promise<GpuDevice> {
  const { adapter, summary } = opened;
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(raisedLimits.map((name) => [name, adapter.limits[name]]));
  try {
    const device = await adapter.requestDevice({ label: summary.name, requiredFeatures, requiredLimits });
    const onDestroy = () => {
      device.destroy();
      opened.release();
    };
    return new GpuDevice(device, summary, onDestroy, opened);
  } catch (cause) {
    opened.release();
    throw new DeviceError(
      "gpu-error",
      `The adapter "${summary.name}" gave no device: ${firstLine(String(cause))}. Update its driver or choose another adapter.`,
      { adapter: summary.name },
      { cause },
    );
  }
}

/** A device that belongs to the caller: used, and not destroyed. */
export function borrowDevice(device: GPUDevice, summary: AdapterSummary): GpuDevice {
  return new GpuDevice(device, summary, () => {});
}

function capabilitiesOf(
  device: GPUDevice,
  { vendor, architecture, software }: AdapterSummary,
): GpuCapabilities {
  const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  const fixed = device.features.has("subgroups") && subgroupMinSize === subgroupMaxSize;
  return {
    subgroupSize: fixed ? subgroupMaxSize : undefined,
    shaderF16: device.features.has("shader-f16"),
    timestamps: device.features.has("timestamp-query"),
    vendor,
    architecture,
    software,
    maxBindingBytes: device.limits.maxStorageBufferBindingSize,
    maxBufferBytes: device.limits.maxBufferSize,
  };
}

function gpuError(error: GPUError, device: string): DeviceError {
  const outOfMemory = error.constructor.name === "GPUOutOfMemoryError";
  return outOfMemory
    ? new DeviceError(
        "gpu-out-of-memory",
        `The GPU "${device}" has no memory left. Use a smaller model or KV pool.`,
        {
          device,
        },
      )
    : new DeviceError("gpu-error", `The GPU "${device}" reported: ${firstLine(error.message)}`, { device });
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] ?? "";
}
