import { DeviceError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage } from "../gpu/usage.ts";
import type { DispatchPass, Stage, StageWork, StepCounts } from "../kernels/stage.ts";
import type { Readback } from "./readback.ts";

/** A stage of the step, and what it does in it. */
export interface ProfiledStage extends StageWork {
  /** The same for all layers. */
  readonly label: string;
}

/** One dispatch of a step, by the GPU's clock. */
export interface DispatchTime {
  /** Index of its stage. */
  readonly stage: number;
  /** Label of its pipeline: the kernel and its variant. */
  readonly kernel: string;
  /** Since the step's first dispatch began. */
  readonly startMs: number;
  readonly ms: number;
}

/** How long the host took for its parts of the one-pass step, one after the other. */
export interface HostTimes {
  /** Of `performance.now()`. */
  readonly startedMs: number;
  readonly uploadMs: number;
  readonly encodeMs: number;
  readonly submitMs: number;
  /** From the submit to the results, which the GPU's work is a part of. */
  readonly waitMs: number;
}

/** The same step twice: as it always runs, in one pass, and with a pass of its own around each dispatch. */
export interface StepProfile {
  readonly host: HostTimes;
  /** The one pass, by the GPU's clock. */
  readonly onePassMs: number;
  readonly stages: readonly ProfiledStage[];
  readonly dispatches: readonly DispatchTime[];
}

export interface ProfileRequest {
  readonly gpu: GpuDevice;
  readonly readback: Readback;
  readonly stages: readonly Stage[];
  readonly upload: () => Readonly<StepCounts>;
}

/** Bytes of a timestamp; a resolved set begins at a multiple of 256. */
const STAMP_BYTES = 8;
/** WebGPU's largest query set. */
const MAX_STAMPS = 4096;

/**
 * Runs a step twice and says where its time went. Devices may round their clock (Dawn and browsers: to 0.1 ms), so that figures of
 * short dispatches need the mean of many.
 * @throws DeviceError `adapter-limit` where the device has no timestamps or the step more dispatches than a query set holds
 */
export async function profileStep(request: ProfileRequest): Promise<StepProfile> {
  const { gpu, readback, stages, upload } = request;
  if (!gpu.capabilities.timestamps) throw noTimestamps(gpu.summary.name);
  const startedMs = performance.now();
  const counts = upload();
  const uploadedMs = performance.now();
  const one = new StampedCommands(gpu, 1);
  const pass = one.pass(0);
  for (const stage of stages) stage.encode(pass, counts);
  pass.end();
  const { submitMs, encodedMs, endedMs, stamps } = await one.run(readback);
  return {
    host: {
      startedMs,
      uploadMs: uploadedMs - startedMs,
      encodeMs: encodedMs - uploadedMs,
      submitMs,
      waitMs: endedMs - encodedMs - submitMs,
    },
    onePassMs: msBetween(stamps, 0, 1),
    stages: stages.map((stage) => ({ label: stage.label, ...stage.work(counts) })),
    dispatches: await timeDispatches(request, counts),
  };
}

async function timeDispatches(
  { gpu, readback, stages }: ProfileRequest,
  counts: Readonly<StepCounts>,
): Promise<DispatchTime[]> {
  const list = new DispatchList();
  for (const stage of stages) list.add(stage, counts);
  const commands = new StampedCommands(gpu, list.dispatches.length);
  for (const [index, { pipeline, bindGroup, x, y }] of list.dispatches.entries()) {
    const pass = commands.pass(index);
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(x, y);
    pass.end();
  }
  const { stamps } = await commands.run(readback);
  return list.dispatches.map(({ stage, pipeline }, index) => ({
    stage,
    kernel: pipeline.label,
    startMs: msBetween(stamps, 0, 2 * index),
    ms: msBetween(stamps, 2 * index, 2 * index + 1),
  }));
}

interface Dispatch {
  readonly stage: number;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly x: number;
  readonly y: number;
}

/** Takes down what stages dispatch. */
class DispatchList implements DispatchPass {
  readonly dispatches: Dispatch[] = [];
  #stages = 0;
  #pipeline: GPUComputePipeline | undefined;
  #bindGroup: GPUBindGroup | undefined;

  add(stage: Stage, counts: Readonly<StepCounts>): void {
    stage.encode(this, counts);
    this.#stages++;
  }

  setPipeline(pipeline: GPUComputePipeline): void {
    this.#pipeline = pipeline;
  }

  setBindGroup(_index: number, bindGroup: GPUBindGroup): void {
    this.#bindGroup = bindGroup;
  }

  dispatchWorkgroups(x: number, y: number): void {
    if (!this.#pipeline || !this.#bindGroup) throw new TypeError("a dispatch without a pipeline");
    this.dispatches.push({ stage: this.#stages, pipeline: this.#pipeline, bindGroup: this.#bindGroup, x, y });
  }
}

/** Commands in passes, each with a timestamp at its beginning and at its end. Used once; its buffers are freed. */
class StampedCommands {
  readonly #gpu: GpuDevice;
  readonly #encoder: GPUCommandEncoder;
  readonly #stamps: GPUQuerySet;
  readonly #resolved: GPUBuffer;

  constructor(gpu: GpuDevice, passes: number) {
    const count = 2 * passes;
    if (count > MAX_STAMPS) throw tooManyDispatches(gpu.summary.name, passes);
    this.#gpu = gpu;
    this.#encoder = gpu.device.createCommandEncoder({ label: "profile" });
    this.#stamps = gpu.device.createQuerySet({ label: "profile", type: "timestamp", count });
    const usage = bufferUsage.queryResolve | bufferUsage.copySrc;
    this.#resolved = gpu.createBuffer("profile/stamps", count * STAMP_BYTES, usage);
  }

  pass(index: number): GPUComputePassEncoder {
    return this.#encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#stamps,
        beginningOfPassWriteIndex: 2 * index,
        endOfPassWriteIndex: 2 * index + 1,
      },
    });
  }

  async run(readback: Readback) {
    const { count } = this.#stamps;
    const bytes = count * STAMP_BYTES;
    try {
      this.#encoder.resolveQuerySet(this.#stamps, 0, count, this.#resolved, 0);
      const landing = readback.encode(this.#encoder, [{ source: this.#resolved, from: 0, to: 0, bytes }]);
      const commands = this.#encoder.finish();
      const encodedMs = performance.now();
      this.#gpu.device.queue.submit([commands]);
      const submitMs = performance.now() - encodedMs;
      readback.begin(landing);
      const stamps = await readback.read(landing, (data) => new BigUint64Array(data.slice(0)));
      return { encodedMs, submitMs, endedMs: performance.now(), stamps };
    } finally {
      this.#gpu.destroyBuffer(this.#resolved);
      this.#stamps.destroy();
    }
  }
}

function msBetween(stamps: BigUint64Array, from: number, to: number): number {
  return Number((stamps[to] ?? 0n) - (stamps[from] ?? 0n)) / 1e6;
}

function noTimestamps(device: string): DeviceError {
  return new DeviceError(
    "adapter-limit",
    `"${device}" has no timestamps (WebGPU's feature timestamp-query), so no kernel can be timed on it. Measure without a profile.`,
    { device, feature: "timestamp-query" },
  );
}

function tooManyDispatches(device: string, dispatches: number): DeviceError {
  return new DeviceError(
    "adapter-limit",
    `A step of ${dispatches} dispatches is more than a set of timestamps holds (${MAX_STAMPS / 2}). Profile a model of fewer layers.`,
    { device, needed: dispatches, allowed: MAX_STAMPS / 2 },
  );
}
