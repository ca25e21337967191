import { describe, expect, type TestContext, test } from "vitest";
import { createNodePlatform } from "../../src/node.ts";
import { listAdapters } from "../../src/platform/node/gpu.ts";
import { RuntimeTuner } from "../../src/runtime_tuner.ts";
import type { Tuning } from "../../src/tuner/tuning.ts";
import { answer } from "../browser/answers.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";
import { openTestRunner } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { tempFolder } from "../platform/node/fixtures.ts";
import { codeOf } from "./fake_chat.ts";
import { openTiny } from "./tiny_runtime.ts";

const model = writeTinyModel({ seed: 5, vocabTokens: 600 });

/** A tuner whose runtime is quiet or busy as the test says, and the times at which it gave the GPU work. */
async function tunerOn(gpu: TestGpu, context: TestContext) {
  const submits: number[] = [];
  const runner = await openTestRunner(gpu, context, model, { precision: "default" }, ({ queue }) => {
    const submit = queue.submit.bind(queue);
    queue.submit = (buffers) => {
      submits.push(performance.now());
      return submit(buffers);
    };
  });
  submits.length = 0;
  const memory = createNodePlatform({ cacheFolder: tempFolder() });
  const activity = { nowMs: 10_000, turnsRunning: 0, lastTurnEndedMs: undefined as number | undefined };
  const tunables = () => new Map([["both-1", runner.tunable]]);
  const tuner = new RuntimeTuner({ tunables, memory, model: "tiny", activity });
  context.onTestFinished(() => tuner.dispose(new Error("the test has ended")));
  return { tuner, activity, submits, settings: memory.settings };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describeOnEveryAdapter("tuning in idle moments", (gpu) => {
  test("begins when a turn has ended and nobody has asked for a while, and is remembered", async (context) => {
    const { tuner, activity, submits, settings } = await tunerOn(gpu, context);
    tuner.tuneWhenIdle({ budgetMs: 500 });
    await pause(700);
    activity.lastTurnEndedMs = activity.nowMs - 100;
    await pause(700);
    expect(submits).toEqual([]);
    activity.nowMs += 5000;
    await until(async () => (await settings.names()).length > 0);
    expect(submits.length).toBeGreaterThan(0);
    const [name = ""] = await settings.names();
    expect(await settings.read(name)).toMatchObject({ model: "tiny", budgetMs: 500 });
  });

  test("stops within a measurement when a turn comes, and goes on after it", async (context) => {
    const { tuner, activity, submits } = await tunerOn(gpu, context);
    activity.lastTurnEndedMs = 0;
    tuner.tuneWhenIdle();
    await until(() => submits.length > 20);
    activity.turnsRunning = 1;
    const before = submits.length;
    await pause(1500);
    // The calibration of a task is a few submits; a candidate's preparation two.
    expect(submits.length - before).toBeLessThan(8);
    const during = submits.length;
    await pause(500);
    expect(submits.length).toBe(during);
    activity.turnsRunning = 0;
    await until(() => submits.length > during + 5);
  });

  test("does nothing where there is a whole result already", async (context) => {
    const { tuner, activity, submits, settings } = await tunerOn(gpu, context);
    await tuner.tune({ budgetMs: 100 });
    const [name = ""] = await settings.names();
    const tuning = (await settings.read(name)) as Tuning;
    await settings.write(name, { ...tuning, complete: true });
    submits.length = 0;
    activity.lastTurnEndedMs = 0;
    tuner.tuneWhenIdle();
    await pause(800);
    expect(submits).toEqual([]);
  });

  test("ends when the runtime does", async (context) => {
    const { tuner, activity, submits, settings } = await tunerOn(gpu, context);
    activity.lastTurnEndedMs = 0;
    tuner.tuneWhenIdle();
    await until(() => submits.length > 5);
    await tuner.dispose(new Error("gone"));
    const after = submits.length;
    await pause(300);
    expect(submits.length).toBe(after);
    expect(await settings.names()).toEqual([]);
  });
});

describe("a runtime", () => {
  const open = (cacheFolder: string) =>
    openTiny({ precision: "default", platform: createNodePlatform({ cacheFolder }) });

  test("tunes while turns run, and the next one takes what was found", async () => {
    const folder = tempFolder();
    const first = await open(folder);
    expect(first.stats().tunedProducts).toBe(0);
    const before = await answer(first, "Hello");
    const tuning = first.tune({ budgetMs: 4000 });
    const during = await answer(first, "Hello");
    const { remembered, choices, identity } = await tuning;
    await first.dispose();
    expect(during.text).toBe(before.text);
    expect(remembered).toBe(true);
    expect(identity).toMatchObject({ adapter: first.adapter.name, precision: "default" });
    const changed = new Set(
      choices.filter(({ family, ratio }) => family === "matmul" && ratio < 1).map(({ key }) => key),
    );
    const second = await open(folder);
    expect(second.stats().tunedProducts).toBe(changed.size);
    expect((await answer(second, "Hello")).finishReason).toBe("length");
    await second.dispose();
  });

  test("tunes the device that is named", async () => {
    const folder = tempFolder();
    const devices = (await listAdapters()).map(({ name: adapter }) => ({ role: "both", adapter }) as const);
    const runtime = await openTiny({ precision: "default", platform: createNodePlatform({ cacheFolder: folder }), devices }); // biome-ignore format: one call
    for (const { id, adapter } of runtime.devices) {
      const { identity } = await runtime.tune({ device: id, budgetMs: 300 });
      expect(identity.adapter).toBe(adapter.name);
    }
    expect(await codeOf(runtime.tune({ device: "none" }))).toBe("invalid-option");
    await runtime.dispose();
  });

  test("refuses to tune in exact, with wrong options and after its end, with a code", async () => {
    const exact = await openTiny({ platform: createNodePlatform({ cacheFolder: tempFolder() }) });
    expect(await codeOf(exact.tune())).toBe("invalid-option");
    expect(await codeOf(exact.tune({ budgetMs: 0 }))).toBe("invalid-option");
    await exact.dispose();
    expect(await codeOf(exact.tune())).toBe("disposed");
  });

  test("that is disposed while it tunes ends the tuning with a code", async () => {
    const runtime = await open(tempFolder());
    const failed = codeOf(runtime.tune());
    await pause(200);
    await runtime.dispose();
    expect(await failed).toBe("disposed");
    expect(runtime.stats().liveGpuBytes).toBe(0);
  });
});
