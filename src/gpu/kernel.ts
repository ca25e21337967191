import { DeviceError } from "../errors.ts";
import type { GpuDevice } from "./device.ts";
import type { Binding, LinkedShader } from "./reflection.ts";
import { linkShader, type ShaderSources, type ShaderVariant } from "./shader.ts";
import { bufferUsage, shaderStage } from "./usage.ts";

/** A specialisation of a shader and the values of its override constants. */
export interface KernelVariant extends ShaderVariant {
  readonly overrides?: Readonly<Record<string, number>>;
}

/** More than any element of a storage binding takes. */
const ZERO_BYTES = 256;

/** What a storage binding gets: a whole buffer, or a range of one (offset in bytes, a multiple of 256). */
export type Resource =
  | GPUBuffer
  | { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number };
/** Values of a uniform struct's fields, by name: every field, and no other. */
export type UniformValues = Readonly<Record<string, number>>;

/**
 * A compute pipeline that describes itself: its bind group layout, the fields of its uniforms and its workgroup size all
 * come from the linked shader, so nothing of them is written a second time in TypeScript.
 */
export class Kernel {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly workgroupSize: readonly [number, number, number];
  readonly #gpu: GpuDevice;
  readonly #variant: KernelVariant;
  readonly #shader: LinkedShader;
  readonly #layout: GPUBindGroupLayout;

  private constructor(
    gpu: GpuDevice,
    variant: KernelVariant,
    shader: LinkedShader,
    layout: GPUBindGroupLayout,
    pipeline: GPUComputePipeline,
  ) {
    this.label = labelOf(variant);
    this.pipeline = pipeline;
    this.workgroupSize = resolveWorkgroupSize(shader, variant);
    this.#gpu = gpu;
    this.#variant = variant;
    this.#shader = shader;
    this.#layout = layout;
  }

  /** Links, checks and compiles. @throws DeviceError `shader-invalid`, `gpu-error` */
  static async create(gpu: GpuDevice, sources: ShaderSources, variant: KernelVariant): Promise<Kernel> {
    return Kernel.#compile(gpu, variant, await linkShader(sources, variant));
  }

  static async #compile(gpu: GpuDevice, variant: KernelVariant, shader: LinkedShader): Promise<Kernel> {
    const label = labelOf(variant);
    const module = gpu.device.createShaderModule({ label, code: shader.wgsl });
    const { messages: all } = await gpu.wait(module.getCompilationInfo());
    const messages = all.filter((message) => message.type === "error");
    if (messages.length > 0) {
      const lines = messages.map((message) => `${message.lineNum}:${message.linePos} ${message.message}`);
      throw new DeviceError("shader-invalid", `The shader "${label}" does not compile: ${lines.join("; ")}`, {
        shader: label,
        messages: lines,
      });
    }
    const layout = gpu.device.createBindGroupLayout({ label, entries: shader.bindings.map(layoutEntry) });
    try {
      const pipeline = await gpu.wait(
        gpu.device.createComputePipelineAsync({
          label,
          layout: gpu.device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
          compute: { module, entryPoint: shader.entryPoint, constants: { ...variant.overrides } },
        }),
      );
      return new Kernel(gpu, variant, shader, layout, pipeline);
    } catch (cause) {
      gpu.assertAlive();
      throw new DeviceError(
        "shader-invalid",
        `The shader "${label}" gave no pipeline: ${String(cause)}`,
        { shader: label },
        { cause },
      );
    }
  }

  /** The same kernel of another device. @throws DeviceError as `create` */
  copyTo(gpu: GpuDevice): Promise<Kernel> {
    return Kernel.#compile(gpu, this.#variant, this.#shader);
  }

  /** Dispatches one workgroup on buffers of zeros, to no end but that the driver has done all it puts off until then. @throws DeviceError */
  async tryOut(): Promise<void> {
    const gpu = this.#gpu;
    const zeros = this.#shader.bindings.map(({ name, kind, bytes }) => {
      const isUniform = kind === "uniform";
      const usage = isUniform ? bufferUsage.uniform : bufferUsage.storage;
      return [
        name,
        gpu.createBuffer(`${this.label}/${name}`, isUniform ? bytes : ZERO_BYTES, usage),
      ] as const;
    });
    const encoder = gpu.device.createCommandEncoder({ label: this.label });
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.pipeline);
    pass.setBindGroup(0, this.bind(Object.fromEntries(zeros)));
    pass.dispatchWorkgroups(1);
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.idle();
    for (const [, buffer] of zeros) gpu.destroyBuffer(buffer);
    gpu.assertAlive();
  }

  /** A buffer holding the uniform struct bound as `name`. @throws RangeError for a missing or unknown field */
  uniform(name: string, values: UniformValues): GPUBuffer {
    const binding = this.#binding(name);
    const data = new DataView(new ArrayBuffer(binding.bytes));
    writeFields(data, binding, values, this.label);
    const buffer = this.#gpu.createBuffer(
      `${this.label}/${name}`,
      binding.bytes,
      bufferUsage.uniform | bufferUsage.copyDst,
    );
    this.#gpu.write(buffer, 0, data);
    return buffer;
  }

  /** Binds every binding of the shader by its name. @throws RangeError for a missing or unknown name */
  bind(resources: Readonly<Record<string, Resource>>): GPUBindGroup {
    const names = new Set(this.#shader.bindings.map((binding) => binding.name));
    const unknown = Object.keys(resources).find((name) => !names.has(name));
    if (unknown) throw new RangeError(`kernel ${this.label} has no binding "${unknown}"`);
    const entries = this.#shader.bindings.map(({ name, binding }) => {
      const resource = resources[name];
      if (!resource) throw new RangeError(`kernel ${this.label} needs a binding "${name}"`);
      return { binding, resource: "buffer" in resource ? resource : { buffer: resource } };
    });
    return this.#gpu.device.createBindGroup({ label: this.label, layout: this.#layout, entries });
  }

  #binding(name: string): Binding {
    const found = this.#shader.bindings.find((binding) => binding.name === name);
    if (!found) throw new RangeError(`kernel ${this.label} has no binding "${name}"`);
    return found;
  }
}

function labelOf({ shader, conditions = {}, constants = {}, overrides = {} }: KernelVariant): string {
  const flags = Object.keys(conditions).filter((name) => conditions[name]);
  const values = Object.entries({ ...constants, ...overrides }).map(([name, value]) => `${name}=${value}`);
  return [shader, ...flags, ...values].join(" ");
}

function layoutEntry({ binding, kind }: Binding): GPUBindGroupLayoutEntry {
  const type = kind === "uniform" ? "uniform" : kind === "read" ? "read-only-storage" : "storage";
  return { binding, visibility: shaderStage.compute, buffer: { type } };
}

function resolveWorkgroupSize(shader: LinkedShader, variant: KernelVariant): [number, number, number] {
  const known: Readonly<Record<string, number>> = { ...variant.constants, ...variant.overrides };
  const axis = (index: number): number => {
    const size = shader.workgroupSize[index] ?? 1;
    const value = typeof size === "number" ? size : known[size];
    if (value === undefined)
      throw new RangeError(`shader ${variant.shader}: give its workgroup size "${size}"`);
    return value;
  };
  return [axis(0), axis(1), axis(2)];
}

function writeFields(data: DataView, binding: Binding, values: UniformValues, label: string): void {
  const unknown = Object.keys(values).find((name) => !binding.fields.some((field) => field.name === name));
  if (unknown) throw new RangeError(`kernel ${label}: "${binding.name}" has no field "${unknown}"`);
  for (const { name, offset, type } of binding.fields) {
    const value = values[name];
    if (value === undefined)
      throw new RangeError(`kernel ${label}: "${binding.name}" needs the field "${name}"`);
    if (type === "f32") data.setFloat32(offset, value, true);
    else if (type === "u32") data.setUint32(offset, value, true);
    else data.setInt32(offset, value, true);
  }
}
