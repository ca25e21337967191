import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { listAdapters, openAdapter } from "../../src/platform/node/gpu.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";

describeOnEveryAdapter("an adapter", (gpu) => {
  test("computes", async (context) => {
    const device = await gpu.openDevice(context);
    const usage = { storage: 0x80, copySource: 0x04, copyTarget: 0x08, mapRead: 0x01 };
    const values = device.createBuffer({ size: 256, usage: usage.storage | usage.copySource });
    const read = device.createBuffer({ size: 256, usage: usage.copyTarget | usage.mapRead });
    const code =
      "@group(0) @binding(0) var<storage, read_write> v: array<u32, 64>; @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { v[i] = i * i; }";
    const pipeline = await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module: device.createShaderModule({ code }) },
    });
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: values } }],
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(values, 0, read, 0, 256);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(0x01);
    expect([...new Uint32Array(read.getMappedRange())]).toEqual(Array.from({ length: 64 }, (_, i) => i * i));
  });

  test("is opened by a part of its name in any case", async (context) => {
    const part = gpu.summary.name.slice(1, -1).toUpperCase();
    const { adapter, summary, release } = await openAdapter({ name: part });
    context.onTestFinished(release);
    expect(summary).toEqual(gpu.summary);
    expect(adapter.info.description).toBe(summary.driver);
  });

  test("destroys its devices when it is released", async (context) => {
    const { adapter, release } = await gpu.openAdapter(context);
    const device = await adapter.requestDevice();
    release();
    release();
    expect((await device.lost).reason).toBe("destroyed");
  });
});

test("the first adapter of the list is the one that is opened", async (context) => {
  const [first] = await listAdapters();
  const { summary, release } = await openAdapter();
  context.onTestFinished(release);
  expect(summary).toEqual(first);
});

test("an adapter that does not exist is refused with the names of those that do", async () => {
  const names = (await listAdapters()).map(({ name }) => name);
  const error = await openAdapter({ name: "no such gpu" }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DeviceError);
  expect(error).toMatchObject({ code: "no-adapter", fields: { wanted: "no such gpu", adapters: names } });
});

/** Runs a program that uses src/ in a Node process of its own, and gives its output. */
async function runProgram(program: string, env: Record<string, string> = {}): Promise<string> {
  const vite = resolve("node_modules/vite/dist/node/index.js");
  const entry = resolve("src/platform/node/gpu.ts");
  const script = `
    const { createServer } = await import(${JSON.stringify(vite)});
    const server = await createServer({ configFile: false, server: { middlewareMode: true }, appType: "custom", logLevel: "silent" });
    const { listAdapters, openAdapter } = await server.ssrLoadModule(${JSON.stringify(entry)});
    ${program}
    await server.close();`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--expose-gc", "--input-type=module", "-e", script],
    {
      env: { ...process.env, ...env },
    },
  );
  return stdout.trim();
}

test("a process ends by itself after it used an adapter, whatever was collected in what order", async () => {
  const program = `
    for (let round = 0; round < 5; round++) {
      let open = await openAdapter();
      let device = await open.adapter.requestDevice();
      let buffer = device.createBuffer({ size: 16, usage: 8 });
      const { release } = open;
      open = undefined;
      gc();
      await device.queue.onSubmittedWorkDone();
      gc();
      release();
      device = undefined;
      gc();
      buffer.destroy();
    }
    console.log("end");`;
  expect(await runProgram(program)).toBe("end");
});

test("a machine without any driver is told what to do", async () => {
  const nothing = { VK_ICD_FILENAMES: "/nonexistent.json", VK_DRIVER_FILES: "/nonexistent.json" };
  const program = `console.log((await listAdapters()).length, await openAdapter().catch((e) => e.code + " " + e.message));`;
  expect(await runProgram(program, nothing)).toMatch(/^0 no-adapter .*npm run setup/);
});
