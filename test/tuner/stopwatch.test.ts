import { expect, type TestContext, test } from "vitest";
import { borrowDevice, openDevice } from "../../src/gpu/device.ts";
import { bufferUsage } from "../../src/gpu/usage.ts";
import type { DispatchPass } from "../../src/kernels/stage.ts";
import { Stopwatch } from "../../src/tuner/stopwatch.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";

/** So long that whatever else the machine does is small against it. */
const code = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var value = x[id.x];
  for (var i = 0u; i < 300u; i++) { value = value * 1.0001 + 0.5; }
  x[id.x] = value;
}`;

async function work(device: GPUDevice) {
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const buffer = device.createBuffer({ size: 64 * 256 * 4, usage: bufferUsage.storage });
  const layout = pipeline.getBindGroupLayout(0);
  const bindGroup = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  return (times: number) => (pass: DispatchPass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(256, 1);
  };
}

async function withClock(gpu: TestGpu, context: TestContext) {
  const device = await openDevice(await gpu.openAdapter(context));
  context.onTestFinished(() => device.destroy());
  if (!device.capabilities.timestamps) context.skip(`${device.summary.name} has no timestamp-query`);
  return device;
}

async function withoutClock(gpu: TestGpu, context: TestContext) {
  const { adapter, summary } = await gpu.openAdapter(context);
  const device = borrowDevice(await adapter.requestDevice(), summary);
  expect(device.capabilities.timestamps).toBe(false);
  return device;
}

describeOnEveryAdapter("the stopwatch", (gpu) => {
  for (const [clock, open] of [
    ["the GPU's clock", withClock],
    ["the host's", withoutClock],
  ] as const) {
    test(`says by ${clock} that more work takes longer`, async (context) => {
      const device = await open(gpu, context);
      const stopwatch = new Stopwatch(device);
      const dispatches = await work(device.device);
      await stopwatch.measure(dispatches(1));
      let [little, much] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let round = 0; round < 5; round++) {
        little = Math.min(little, await stopwatch.measure(dispatches(2)));
        much = Math.min(much, await stopwatch.measure(dispatches(40)));
      }
      expect(little).toBeGreaterThan(0);
      expect(much / little).toBeGreaterThan(4);
      stopwatch.destroy();
      device.assertAlive();
    });
  }
});
