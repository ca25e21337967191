import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { openDevice } from "../../src/gpu/device.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { warmUp } from "../../src/runner/warm_up.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";
import { openTestRunner, prefill } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

const model = writeTinyModel({ seed: 3, vocabTokens: 600 });

/** Hears of every pipeline that is dispatched on a device. */
function onDispatch(device: GPUDevice, hear: (label: string) => void): void {
  const createEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = createEncoder(descriptor);
    const begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (options) => {
      const pass = begin(options);
      const set = pass.setPipeline.bind(pass);
      pass.setPipeline = (pipeline) => {
        hear(pipeline.label);
        set(pipeline);
      };
      return pass;
    };
    return encoder;
  };
}

describeOnEveryAdapter("the warm-up", (gpu) => {
  for (const precision of ["exact", "default"] as const) {
    test(`runs every kernel that steps of any size use in ${precision}, under a bar that ends`, async (context) => {
      const dispatched = new Set<string>();
      const counts: string[] = [];
      const onProgress = ({
        phase,
        done,
        total,
      }: {
        phase: string;
        done: number;
        total: number | undefined;
      }) => {
        if (phase === "warm-up") counts.push(`${done}/${total}`);
      };
      const options = { precision, onProgress } as const;
      const runner = await openTestRunner(gpu, context, model, options, (device) =>
        onDispatch(device, (label) => dispatched.add(label)),
      );
      const jobs = counts.length;
      expect(counts).toEqual(Array.from({ length: jobs }, (_, index) => `${index + 1}/${jobs}`));
      const warmed = new Set(dispatched);
      expect(warmed.size).toBeGreaterThan(8);
      expect(jobs).toBeLessThanOrEqual(warmed.size);
      const ids = Array.from({ length: 150 }, (_, index) => index);
      await prefill(runner, ids, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 8, 15, 16, 17, 40, 39]);
      expect(dispatched).toEqual(warmed);
    });
  }
});

describe("kernels that take long at their first dispatch", () => {
  const SLOW_MS = 150;

  /** Kernels whose copies on a twin do what `onTwin` says. */
  function slowKernels(names: readonly string[], onTwin: () => Promise<void>, firstMs = SLOW_MS) {
    const tried: string[] = [];
    const copied: string[] = [];
    const kernels = names.map((name) => ({
      tryOut: async () => {
        // What the twin has compiled is there already.
        await sleep(copied.includes(name) ? 0 : firstMs);
        tried.push(name);
      },
      copyTo: async () => {
        await onTwin();
        copied.push(name);
        return { tryOut: async () => {} } as Kernel;
      },
    }));
    return { kernels, tried, copied };
  }

  async function warmed(kernels: ReturnType<typeof slowKernels>["kernels"], openTwin: () => Promise<never>) {
    const counts: string[] = [];
    const onProgress = ({ done, total }: { done: number; total: number | undefined }) =>
      void counts.push(`${done}/${total}`);
    await warmUp({ gpu: { openTwin }, kernels, onProgress });
    expect(counts).toEqual(kernels.map((_, index) => `${index + 1}/${kernels.length}`));
  }

  const names = ["a", "b", "c", "d", "e", "f"];
  let destroyed = 0;
  const twin = async () => ({ destroy: () => void destroyed++ }) as never;

  test("are compiled by a twin from the end on, and each is tried out once on the device itself", async () => {
    const { kernels, tried, copied } = slowKernels(names, () => sleep(SLOW_MS / 3));
    destroyed = 0;
    await warmed(kernels, twin);
    expect(tried.toSorted()).toEqual(names);
    expect(copied.length).toBeGreaterThan(1);
    expect(copied).toEqual(names.slice(-copied.length).toReversed());
    expect(destroyed).toBe(1);
  });

  test("are compiled on the device itself where there is no twin to be had, or it fails", async () => {
    const none = slowKernels(names, async () => {});
    await warmed(none.kernels, () => Promise.reject(new Error("no second device")));
    expect(none.copied).toEqual([]);
    expect(none.tried).toEqual(names);
    const failing = slowKernels(names, () => Promise.reject(new Error("lost")));
    destroyed = 0;
    await warmed(failing.kernels, twin);
    expect(failing.tried.toSorted()).toEqual(names);
    expect(destroyed).toBe(1);
  });

  test("need no twin where they take no time", async () => {
    const { kernels, tried } = slowKernels(names, async () => {}, 0);
    await warmed(kernels, () => Promise.reject(new Error("asked for a twin")));
    expect(tried).toEqual(names);
  });
});

describeOnEveryAdapter("a twin", (gpu: TestGpu) => {
  test("is a second device of the same adapter, which goes alone", async (context) => {
    const opened = await gpu.openAdapter(context);
    if (opened.openTwin === undefined) return context.skip(`${gpu.summary.name} has no twin`);
    const device = await openDevice(opened);
    const twin = await device.openTwin?.();
    expect(twin?.summary).toEqual(gpu.summary);
    expect(twin?.device).not.toBe(device.device);
    twin?.destroy();
    await twin?.lost;
    await device.idle();
    device.assertAlive();
    device.destroy();
  });
});
