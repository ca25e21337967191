import { expect, type TestContext, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { borrowDevice, type GpuDevice, openDevice } from "../../src/gpu/device.ts";
import { bufferUsage } from "../../src/gpu/usage.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";

describeOnEveryAdapter("a GPU device", (adapter) => {
  test("counts the bytes of its buffers, and has none left when destroyed", async (context) => {
    const gpu = await open(adapter, context);
    const a = gpu.createStorage("a", 1000);
    gpu.createStorage("b", 21);
    expect(gpu.liveBytes).toBe(1024);
    gpu.destroyBuffer(a);
    gpu.destroyBuffer(a);
    expect(gpu.liveBytes).toBe(24);
    gpu.destroy();
    gpu.destroy();
    expect(gpu.liveBytes).toBe(0);
  });

  test("refuses a buffer beyond the adapter's limit before it is made", async (context) => {
    const gpu = await open(adapter, context);
    const bytes = 4 * Math.ceil((gpu.capabilities.maxBufferBytes + 1) / 4);
    const refused = await failure(() => gpu.createStorage("huge", bytes));
    expect(refused).toMatchObject({ code: "adapter-limit", fields: { needed: bytes } });
    expect(gpu.liveBytes).toBe(0);
    gpu.assertAlive();
  });

  test("reports a validation error in guarded work, and from then on", async (context) => {
    const gpu = await open(adapter, context);
    const wrong = () => gpu.createBuffer("wrong", 16, bufferUsage.mapRead | bufferUsage.storage);
    await expect(gpu.guarded(wrong)).rejects.toMatchObject({ code: "gpu-error" });
    expect(() => gpu.assertAlive()).toThrow(DeviceError);
  });

  test("leaves guarded work that throws to its own error", async (context) => {
    const gpu = await open(adapter, context);
    const failing = gpu.guarded(() => Promise.reject(new Error("of its own")));
    await expect(failing).rejects.toThrow("of its own");
    await expect(gpu.guarded(() => 7)).resolves.toBe(7);
  });

  test("says that it was lost", async (context) => {
    const gpu = await open(adapter, context);
    gpu.device.destroy();
    await gpu.lost;
    await Promise.resolve();
    expect(await failure(() => gpu.assertAlive())).toMatchObject({ code: "device-lost" });
    gpu.destroy();
    expect(gpu.liveBytes).toBe(0);
  });

  test("leaves the caller's own device alive", async (context) => {
    const device = await adapter.openDevice(context);
    const gpu = borrowDevice(device, adapter.summary);
    gpu.createStorage("a", 64);
    gpu.destroy();
    expect(gpu.liveBytes).toBe(0);
    device.createBuffer({ size: 16, usage: bufferUsage.storage }).destroy();
    await device.queue.onSubmittedWorkDone();
  });
});

async function open(adapter: TestGpu, context: TestContext): Promise<GpuDevice> {
  const gpu = await openDevice(await adapter.openAdapter(context));
  context.onTestFinished(() => gpu.destroy());
  return gpu;
}

async function failure(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error;
  }
}
