import type { TestContext } from "vitest";
import { type GpuDevice, openDevice } from "../../src/gpu/device.ts";
import { bufferUsage, mapMode } from "../../src/gpu/usage.ts";
import { KernelLibrary } from "../../src/kernels/library.ts";
import { noCounts, type Stage, type StepCounts } from "../../src/kernels/stage.ts";
import type { TestGpu } from "../harness/adapters.ts";

/** What stands where nothing was written: NaN as a 32-bit float, and as two 16-bit floats. */
export const POISON = 0x7fff7fff;

/** Poisoned words behind every buffer: a kernel that writes too far shows there, one that reads too far gets NaN. */
const GUARD_WORDS = 64;

/** One device on which a test runs kernels one by one, on buffers that are poisoned wherever the test puts nothing. */
export class KernelRun {
  readonly gpu: GpuDevice;
  readonly library: KernelLibrary;
  readonly #made: GPUBuffer[] = [];

  private constructor(gpu: GpuDevice) {
    this.gpu = gpu;
    this.library = new KernelLibrary(gpu);
  }

  /** Closed when the test ends. */
  static async open(gpu: TestGpu, context: TestContext): Promise<KernelRun> {
    const device = await openDevice(await gpu.openAdapter(context));
    context.onTestFinished(() => device.destroy());
    return new KernelRun(device);
  }

  /** A storage buffer holding `data`, poison behind it. */
  input(data: Uint32Array | Float32Array): GPUBuffer {
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
    const buffer = this.output(data.length);
    this.gpu.write(buffer, 0, words);
    return buffer;
  }

  /** A storage buffer of `words` u32, all poison, and more poison behind. */
  output(words: number): GPUBuffer {
    const buffer = this.gpu.createStorage("test", (words + GUARD_WORDS) * 4);
    this.#made.push(buffer);
    this.gpu.write(buffer, 0, new Uint32Array(words + GUARD_WORDS).fill(POISON));
    return buffer;
  }

  uniform(...words: number[]): GPUBuffer {
    const buffer = this.gpu.createBuffer("test", 16, bufferUsage.uniform | bufferUsage.copyDst);
    this.#made.push(buffer);
    this.gpu.write(buffer, 0, Uint32Array.from(words));
    return buffer;
  }

  /** Runs the stages in one pass, any error of the GPU thrown; returns how many dispatches that was. */
  run(stages: readonly Pick<Stage, "encode">[], counts: Partial<StepCounts>): Promise<number> {
    const all = { ...noCounts(), ...counts };
    return this.gpu.guarded(() => {
      const encoder = this.gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      const dispatches = stages.reduce((sum, stage) => sum + stage.encode(pass, all), 0);
      pass.end();
      this.gpu.device.queue.submit([encoder.finish()]);
      return dispatches;
    });
  }

  /** The whole buffer, guard included. */
  async read(buffer: GPUBuffer): Promise<Uint32Array<ArrayBuffer>> {
    const { device } = this.gpu;
    const staging = this.gpu.createBuffer("test", buffer.size, bufferUsage.mapRead | bufferUsage.copyDst);
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(mapMode.read);
    const words = new Uint32Array(staging.getMappedRange().slice(0));
    this.gpu.destroyBuffer(staging);
    this.gpu.assertAlive();
    return words;
  }

  /** Destroys the buffers made so far: between cases. */
  free(): void {
    for (const buffer of this.#made.splice(0)) this.gpu.destroyBuffer(buffer);
  }
}

/** Fails unless every word for which `isWritten` is false still holds the poison. */
export function expectUntouched(words: Uint32Array, isWritten: (word: number) => boolean): void {
  const bad = words.findIndex((word, index) => word !== POISON && !isWritten(index));
  if (bad >= 0) {
    const value = words[bad]?.toString(16);
    throw new Error(`word ${bad} of ${words.length} was written (0x${value}) and should not have been`);
  }
}

/** Runs `check` on each case; a failure says which case it was, seed and all. */
export async function eachCase<Case extends object>(
  cases: readonly Case[],
  check: (one: Case) => Promise<void>,
): Promise<void> {
  for (const [index, one] of cases.entries()) {
    try {
      await check(one);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`case ${index} of ${cases.length}, ${JSON.stringify(one)}: ${text}`, { cause });
    }
  }
}
