import { describe, expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { linkShader, type ShaderVariant } from "../../src/gpu/shader.ts";

const sources = {
  "scale.wesl": `
    import package::lib::half_of::halved;
    import constants::WIDTH;
    struct Params { factor: f32, count: u32, shift: i32 }
    override LANES: u32;
    override UNROLL: u32 = 4;
    @group(0) @binding(0) var<uniform> params: Params;
    @if(gather) @group(0) @binding(1) var<storage, read> rows: array<u32>;
    @group(0) @binding(3) var<storage, read> x: array<vec4f>;
    @group(0) @binding(5) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(LANES, 2)
    fn scale_all(@builtin(global_invocation_id) id: vec3u) {
      var row = id.x;
      @if(gather) row = rows[id.x];
      y[id.x] = halved(x[row].x) * params.factor + f32(WIDTH + UNROLL) + f32(params.shift);
    }`,
  "lib/half_of.wesl": "fn halved(v: f32) -> f32 { return v * 0.5; }",
  "wrong_text.wesl": "@compute fn main( {",
  "wrong_name.wesl": `
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(1) fn main() { y[0] = absent; }`,
  "no_entry.wesl": "fn unused() {}",
  "wrong_field.wesl": `
    struct Params { at: vec2f }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(1) fn main() { y[0] = params.at.x; }`,
};

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a linked shader", () => {
  const variant = { shader: "scale", constants: { WIDTH: 8 } };

  test("says its bindings, the uniform's fields, overrides, entry point and workgroup size", async () => {
    const linked = await linkShader(sources, { ...variant, conditions: { gather: true } });
    expect(linked.entryPoint).toBe("scale_all");
    expect(linked.bindings.map(({ name, binding, kind }) => [name, binding, kind])).toEqual([
      ["params", 0, "uniform"],
      ["rows", 1, "read"],
      ["x", 3, "read"],
      ["y", 5, "read_write"],
    ]);
    expect(linked.bindings[0]?.bytes).toBe(12);
    expect(linked.bindings[0]?.fields).toEqual([
      { name: "factor", offset: 0, type: "f32" },
      { name: "count", offset: 4, type: "u32" },
      { name: "shift", offset: 8, type: "i32" },
    ]);
    expect(linked.overrides.toSorted()).toEqual(["LANES", "UNROLL"]);
    expect(linked.workgroupSize).toEqual(["LANES", 2]);
  });

  test("has the bindings that its conditions leave, whatever the holes", async () => {
    const linked = await linkShader(sources, variant);
    expect(linked.bindings.map(({ binding }) => binding)).toEqual([0, 3, 5]);
  });

  test("is linked once for all devices, and again for other conditions, constants or sources", async () => {
    const once = await linkShader(sources, variant);
    expect(await linkShader(sources, { ...variant })).toBe(once);
    const others = [
      linkShader(sources, { ...variant, conditions: { gather: true } }),
      linkShader(sources, { ...variant, constants: { WIDTH: 4 } }),
      linkShader({ ...sources }, variant),
    ];
    for (const other of await Promise.all(others)) expect(other).not.toBe(once);
  });

  test.each([
    ["has no entry point", "no_entry"],
    ["has a uniform field of a type that is never written", "wrong_field"],
  ])("that %s is refused as invalid", async (_, shader) => {
    const error = await failure(linkShader(sources, { shader }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error).toMatchObject({ code: "shader-invalid", fields: { shader } });
  });

  test.each<[string, ShaderVariant]>([
    ["does not exist", { shader: "absent" }],
    ["misses a constant", { shader: "scale" }],
    ["does not parse", { shader: "wrong_text" }],
    ["names what nothing declares", { shader: "wrong_name" }],
  ])("that %s is refused as invalid", async (_, variant) => {
    const error = await failure(linkShader(sources, variant));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error).toMatchObject({ code: "shader-invalid", fields: { shader: variant.shader } });
  });
});
