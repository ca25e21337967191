import type { GpuDevice } from "../src/gpu/device.ts";
import { Kernel } from "../src/gpu/kernel.ts";
import { probeSources } from "./probe_shaders.ts";
import type { Spread } from "./spread.ts";

/** What the adapter itself can do, by the smallest kernels that ask it of it. */

/** `copy` in bytes a second, read and written ones together; the others in multiply-adds a second. */
export const probeNames = ["copy", "float", "half", "int8"] as const;
export type ProbeName = (typeof probeNames)[number];
/** By probe, of those that the device can run. */
export type ProbeSpreads = Readonly<Partial<Record<ProbeName, Spread>>>;

const WORKGROUP = 64;
/** Of each of the two buffers: well beyond caches. Less where a binding may not be as large. */
const COPY_BYTES = 128 * 2 ** 20;
const COPY_GROUPS = 4096;
const MATH_GROUPS = 4096;
/** Multiply-adds of a lane in a round of shaders/multiply_add.wesl. */
const MACS_PER_ROUND = 64;
/** Rounds of one dispatch: short enough for a software adapter, long enough for loads and stores not to count. */
const ROUNDS = 32;
/** A sample takes at least this long, so that submitting and waiting do not count. */
const SAMPLE_MS = 80;
const MAX_DISPATCHES = 2 ** 16;

interface Probe {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly groups: number;
  /** Bytes or multiply-adds of one dispatch. */
  readonly work: number;
}

/** The probes of one device, made ready once and sampled as often as wanted. */
export class Probes {
  readonly #gpu: GpuDevice;
  readonly #buffers: readonly GPUBuffer[];
  readonly #probes: ReadonlyMap<ProbeName, Probe>;
  /** Dispatches of a sample, by probe. */
  readonly #repeats = new Map<ProbeName, number>();

  private constructor(gpu: GpuDevice, buffers: readonly GPUBuffer[], probes: ReadonlyMap<ProbeName, Probe>) {
    this.#gpu = gpu;
    this.#buffers = buffers;
    this.#probes = probes;
  }

  /** @throws DeviceError */
  static async open(gpu: GpuDevice): Promise<Probes> {
    const { maxBindingBytes } = gpu.capabilities;
    const bytes = Math.min(COPY_BYTES, maxBindingBytes);
    const source = gpu.createStorage("probe/source", bytes);
    const copied = gpu.createStorage("probe/copied", bytes);
    const out = gpu.createStorage("probe/out", MATH_GROUPS * WORKGROUP * 4);
    const factors = gpu.createStorage("probe/factors", 16);
    gpu.write(factors, 0, new Float32Array([0.5, 1]));
    gpu.write(factors, 8, new Uint8Array([1, 2, 3, 4]));
    const copy = await Kernel.create(gpu, probeSources, { shader: "copy", overrides: { WORKGROUP } });
    const probes = new Map<ProbeName, Probe>();
    const bindGroup = copy.bind({ source, copied });
    probes.set("copy", { pipeline: copy.pipeline, bindGroup, groups: COPY_GROUPS, work: 2 * bytes });
    const buffers = [source, copied, out, factors];
    for (const kind of mathOf(gpu)) {
      const kernel = await Kernel.create(gpu, probeSources, {
        shader: "multiply_add",
        conditions: { [kind]: true },
        overrides: { WORKGROUP },
      });
      const params = kernel.uniform("params", { rounds: ROUNDS });
      buffers.push(params);
      const work = MATH_GROUPS * WORKGROUP * ROUNDS * MACS_PER_ROUND;
      const bound = kernel.bind({ params, factors, out });
      probes.set(kind, { pipeline: kernel.pipeline, bindGroup: bound, groups: MATH_GROUPS, work });
    }
    return new Probes(gpu, buffers, probes);
  }

  /** Those that the device can run. */
  get names(): readonly ProbeName[] {
    return [...this.#probes.keys()];
  }

  /**
   * One sample: bytes or multiply-adds a second.
   * @throws DeviceError
   */
  async sample(name: ProbeName): Promise<number> {
    const probe = this.#probes.get(name);
    if (!probe) throw new RangeError(`the device has no probe "${name}"`);
    const repeat = this.#repeats.get(name) ?? (await this.#calibrate(name, probe));
    return (probe.work * repeat * 1000) / (await this.#time(name, probe, repeat));
  }

  /** How many dispatches make a sample; the first one alone compiles and touches memory for the first time. */
  async #calibrate(name: ProbeName, probe: Probe): Promise<number> {
    await this.#time(name, probe, 1);
    let repeat = 1;
    for (;;) {
      const ms = Math.min(await this.#time(name, probe, repeat), await this.#time(name, probe, repeat));
      if (ms >= SAMPLE_MS || repeat === MAX_DISPATCHES) break;
      repeat = Math.min(MAX_DISPATCHES, Math.ceil(repeat * Math.min(8, (1.5 * SAMPLE_MS) / ms)));
    }
    this.#repeats.set(name, repeat);
    return repeat;
  }

  /** Frees what the probes hold on the device. */
  close(): void {
    for (const buffer of this.#buffers) this.#gpu.destroyBuffer(buffer);
  }

  async #time(name: ProbeName, { pipeline, bindGroup, groups }: Probe, repeat: number): Promise<number> {
    const encoder = this.#gpu.device.createCommandEncoder({ label: `probe/${name}` });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < repeat; i++) pass.dispatchWorkgroups(groups);
    pass.end();
    const commands = encoder.finish();
    const started = performance.now();
    this.#gpu.device.queue.submit([commands]);
    await this.#gpu.idle();
    return performance.now() - started;
  }
}

function mathOf(gpu: GpuDevice): readonly Exclude<ProbeName, "copy">[] {
  return gpu.device.features.has("shader-f16") ? ["float", "half", "int8"] : ["float", "int8"];
}
