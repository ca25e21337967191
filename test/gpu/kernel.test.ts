import { expect, type TestContext, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { type GpuDevice, openDevice } from "../../src/gpu/device.ts";
import { Kernel, type KernelVariant } from "../../src/gpu/kernel.ts";
import { dispatch, type Stage } from "../../src/kernels/stage.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";
import { KernelRun } from "../kernels/kernel_run.ts";

const sources = {
  "fill.wesl": `
    struct Params { value: f32, first: u32, step: i32 }
    override LANES: u32;
    override FACTOR: f32 = 2.0;
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(LANES)
    fn main(@builtin(local_invocation_index) lane: u32) {
      y[params.first + lane] = params.value * FACTOR + f32(params.step);
    }`,
  "fixed.wesl": `
    import constants::WIDTH;
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(WIDTH, 2) fn main() { y[0] = 1.0; }`,
  "wrong_type.wesl": `
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(1) fn main() { y[0] = 1u; }`,
  "too_wide.wesl": `
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(100000) fn main() { y[0] = 1.0; }`,
};
const fill: KernelVariant = { shader: "fill", overrides: { LANES: 4 } };

describeOnEveryAdapter("a kernel", (adapter) => {
  test("binds by name, writes its uniform's fields and resolves overrides", async (context) => {
    const run = await KernelRun.open(adapter, context);
    for (const [overrides, expected] of [
      [{ LANES: 4 }, 3],
      [{ LANES: 4, FACTOR: 10 }, 23],
    ] as const) {
      const kernel = await Kernel.create(run.gpu, sources, { shader: "fill", overrides });
      expect(kernel.workgroupSize).toEqual([4, 1, 1]);
      const y = run.output(8);
      const params = kernel.uniform("params", { value: 2.5, first: 3, step: -2 });
      const bindGroup = kernel.bind({ params, y });
      const stage: Stage = {
        label: "test",
        encode: (pass) => dispatch(pass, kernel.pipeline, bindGroup, 1, 1),
        work: () => ({ bytes: 0, macs: 0 }),
      };
      expect(await run.run([stage], {})).toBe(1);
      const values = new Float32Array((await run.read(y)).buffer);
      expect([...values.subarray(2, 8)]).toEqual([
        Number.NaN,
        expected,
        expected,
        expected,
        expected,
        Number.NaN,
      ]);
    }
  });

  test("resolves a workgroup size out of link-time constants", async (context) => {
    const gpu = await open(adapter, context);
    const kernel = await Kernel.create(gpu, sources, { shader: "fixed", constants: { WIDTH: 16 } });
    expect(kernel.workgroupSize).toEqual([16, 2, 1]);
  });

  test("refuses names that it does not have, and misses those it needs", async (context) => {
    const gpu = await open(adapter, context);
    const kernel = await Kernel.create(gpu, sources, fill);
    const y = gpu.createStorage("y", 64);
    const fields = { value: 1, first: 0, step: 0 };
    const params = kernel.uniform("params", fields);
    expect(() => kernel.bind({ params })).toThrow('needs a binding "y"');
    expect(() => kernel.bind({ params, y, x: y })).toThrow('no binding "x"');
    expect(() => kernel.uniform("absent", fields)).toThrow('no binding "absent"');
    expect(() => kernel.uniform("params", { value: 1, first: 0 })).toThrow('needs the field "step"');
    expect(() => kernel.uniform("params", { ...fields, width: 1 })).toThrow('no field "width"');
    gpu.assertAlive();
  });

  test("with a workgroup too wide, or an override missing or unknown, is refused as invalid", async (context) => {
    const gpu = await open(adapter, context);
    const variants: KernelVariant[] = [
      { shader: "too_wide" },
      { shader: "fill" },
      { shader: "fill", overrides: { LANES: 4, LANE: 1 } },
    ];
    for (const variant of variants) {
      const error = await Kernel.create(gpu, sources, variant).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(DeviceError);
      expect(error).toMatchObject({ code: "shader-invalid" });
    }
  });

  test("that does not compile says what the compiler said", async (context) => {
    const gpu = await open(adapter, context);
    const error = await Kernel.create(gpu, sources, { shader: "wrong_type" }).catch(
      (cause: unknown) => cause,
    );
    expect(error).toBeInstanceOf(DeviceError);
    expect(error).toMatchObject({ code: "shader-invalid", fields: { shader: "wrong_type" } });
    expect(String(error)).toContain("u32");
    expect((error as DeviceError).fields.messages).toHaveLength(1);
  });
});

async function open(adapter: TestGpu, context: TestContext): Promise<GpuDevice> {
  const gpu = await openDevice(await adapter.openAdapter(context));
  context.onTestFinished(() => gpu.destroy());
  return gpu;
}
