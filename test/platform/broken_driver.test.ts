import { expect, test, vi } from "vitest";
import { listAdapters, openAdapter } from "../../src/platform/node/gpu.ts";

/** Dawn as it is, but that its list of adapters begins with one that it then refuses to open. */
vi.mock(import("webgpu"), async (original) => {
  const dawn = await original();
  const create = (options: string[]) => {
    const gpu = dawn.create(options);
    const requestAdapter = (request?: GPURequestAdapterOptions) =>
      gpu.requestAdapter(request).catch((error: unknown) => {
        throw new Error(`* backend: 'vulkan', name: 'Broken GPU'\n${error}`);
      });
    return Object.assign(Object.create(gpu), { requestAdapter });
  };
  return { ...dawn, create };
});

test("an adapter that cannot be opened is passed over for those that can", async (context) => {
  const names = (await listAdapters()).map(({ name }) => name);
  expect(names).not.toContain("Broken GPU");
  expect(names.length).toBeGreaterThan(0);
  const { summary, release } = await openAdapter();
  context.onTestFinished(release);
  expect(summary.name).toBe(names[0]);
});
