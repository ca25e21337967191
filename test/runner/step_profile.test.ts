import { expect, test } from "vitest";
import { borrowDevice } from "../../src/gpu/device.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { sourceOf } from "../../src/loader/sources/byte_sources.ts";
import { openRunner } from "../../src/runner/open_runner.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";

import { greedySampling, openTestRunner } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

const model = writeTinyModel({ vocabTokens: 300, contextTokens: 64, layers: 2 });
const plan = {
  id: 0,
  rows: [
    {
      sequence: "s",
      tokens: [3, 1, 4, 1, 5],
      position: 0,
      blocks: [0],
      output: { kind: "token", sampling: greedySampling },
    },
  ],
} as const;

/** More than what sums of floats are off by; and what a device may round its clock to. */
const NANOSECOND_MS = 1e-6;
const ROUNDED_MS = 0.1;

describeOnEveryAdapter("a profile", (gpu) => {
  test("has a time for every dispatch of the step, in order, one after the other", async (context) => {
    await gpu.openDevice(context, { features: ["timestamp-query"] });
    const runner = await openTestRunner(gpu, context, model);
    await runner.run(plan);
    const { dispatches, onePassMs, host } = await runner.profile(plan);
    expect(dispatches).toHaveLength(runner.dispatches);
    expect(dispatches[0]?.kernel).toMatch(/^embed/);
    expect(dispatches.at(-1)?.kernel).toMatch(/^sample/);
    expect(dispatches.filter(({ kernel }) => kernel.startsWith("rope_kv"))).toHaveLength(2);
    for (const [index, { startMs, ms }] of dispatches.entries()) {
      const before = dispatches[index - 1];
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(startMs).toBeGreaterThan(before ? before.startMs + before.ms - NANOSECOND_MS : -1);
    }
    const together = dispatches.reduce((sum, { ms }) => sum + ms, 0);
    expect(Math.min(together, onePassMs)).toBeGreaterThan(0);
    expect(host.submitMs + host.waitMs).toBeGreaterThan(onePassMs - ROUNDED_MS); // the device may begin within the submit
    expect(Math.min(host.uploadMs, host.encodeMs, host.submitMs)).toBeGreaterThanOrEqual(0);
  });

  test("leaves nothing behind, and the same token comes after it", async (context) => {
    await gpu.openDevice(context, { features: ["timestamp-query"] });
    const opened = await gpu.openAdapter(context);
    const device = borrowDevice(
      await opened.adapter.requestDevice({ requiredFeatures: ["timestamp-query"] }),
      opened.summary,
    );
    const file = await openGguf(sourceOf(new Blob([new Uint8Array(model)])));
    const runner = await openRunner({ gpu: device, file, precision: "exact", maxStepTokens: 16 });
    context.onTestFinished(() => runner.dispose());
    const { rows: before } = await runner.run(plan);
    await runner.profile(plan);
    const bytes = device.liveBytes;
    await Promise.all([runner.profile(plan), runner.profile(plan)]);
    const { rows: after } = await runner.run(plan);
    expect(device.liveBytes).toBe(bytes);
    expect(after).toEqual(before);
  });

  test("is refused where the device has no timestamps", async (context) => {
    const opened = await gpu.openAdapter(context);
    const device = borrowDevice(await opened.adapter.requestDevice(), opened.summary);
    const file = await openGguf(sourceOf(new Blob([new Uint8Array(model)])));
    const runner = await openRunner({ gpu: device, file, precision: "exact", maxStepTokens: 16 });
    context.onTestFinished(() => runner.dispose());
    await expect(runner.profile(plan)).rejects.toMatchObject({ code: "adapter-limit" });
    expect((await runner.run(plan)).rows).toHaveLength(1);
  });
});
