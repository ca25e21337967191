import { expect, type TestContext, test } from "vitest";
import { borrowDevice, type GpuDevice } from "../../src/gpu/device.ts";
import { Kernel, type KernelVariant } from "../../src/gpu/kernel.ts";
import { KernelLibrary } from "../../src/kernels/library.ts";
import { shaderSources } from "../../src/kernels/shaders.ts";
import { attentionTasks } from "../../src/tuner/attention_tasks.ts";
import { Stopwatch } from "../../src/tuner/stopwatch.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";
import { openTestRunner } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

/** Heads that lanes share on adapters of four and of eight. */
const model = writeTinyModel({ seed: 5, vocabTokens: 600, headDim: 32 });

/** The tasks of a tiny model, and what their benches run with, in books of its own. */
async function tasksOn(gpu: TestGpu, context: TestContext, libraryOf: (own: GpuDevice) => KernelLibrary) {
  const { tunable } = await openTestRunner(gpu, context, model, { precision: "default" });
  const own = borrowDevice(tunable.gpu.device, tunable.gpu.summary);
  context.onTestFinished(() => own.destroy());
  const parts = { ...tunable, gpu: own, library: libraryOf(own), stopwatch: new Stopwatch(own) };
  return { tasks: attentionTasks(tunable), parts };
}

describeOnEveryAdapter("the bench of attention", (gpu) => {
  test("runs every candidate, each with the default's results", async (context) => {
    const { tasks, parts } = await tasksOn(gpu, context, (device) => new KernelLibrary(device));
    expect(tasks.map(({ upToTokens }) => upToTokens)).toEqual([1, Number.POSITIVE_INFINITY]);
    for (const { tiles } of tasks)
      expect(new Set(tiles.map(({ kernel }) => kernel))).toEqual(new Set(["lanes"]));
    for (const task of tasks) {
      const bench = await task.open(parts);
      for (const index of task.tiles.keys()) {
        const candidate = bench.candidate(index);
        expect(await candidate.prepare()).toBe("ready");
        expect(await candidate.measure()).toBeGreaterThan(0);
      }
      bench.destroy();
    }
  });

  test("finds out a kernel that leaves out the last keys", async (context) => {
    const defect = /(let key_count = tile\.first_position \+ tile\.tokens);/;
    const sources = Object.fromEntries(
      Object.entries(shaderSources).map(([path, text]) => [path, text.replace(defect, "$1 - 40u;")]),
    );
    class Library extends KernelLibrary {
      override get(variant: KernelVariant): Promise<Kernel> {
        return variant.constants?.TQ === 2 ? Kernel.create(this.gpu, sources, variant) : super.get(variant);
      }
    }
    const { tasks, parts } = await tasksOn(gpu, context, (device) => new Library(device));
    const prefill = tasks.at(-1);
    const bench = await prefill?.open(parts);
    const tokens = prefill?.tiles.map((tile) => tile.tokens) ?? [];
    expect(tokens).toEqual([4, 2]);
    expect(await bench?.candidate(0).prepare()).toBe("ready");
    expect(await bench?.candidate(1).prepare()).toBe("wrong-results");
    bench?.destroy();
  });
});
