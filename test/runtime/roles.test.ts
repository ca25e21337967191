import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { createNodePlatform } from "../../src/node.ts";
import { openAdapter } from "../../src/platform/node/gpu.ts";
import type { AdapterSummary, OpenAdapter, Platform } from "../../src/platform/platform.ts";
import { rememberRates } from "../../src/roles/memory.ts";
import { RATE_SAMPLES } from "../../src/roles/rates.ts";
import { type OpenedDevices, openDevices } from "../../src/runtime_devices.ts";
import { load, openSource } from "../../src/runtime_load.ts";
import { checkRuntimeOptions } from "../../src/runtime_options.ts";
import { rolesFor } from "../../src/runtime_roles.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { settingsInMemory } from "../harness/settings_in_memory.ts";
import { openTiny, tinyModel } from "./tiny_runtime.ts";

/** What a runtime does where nobody says which devices it is to have. */

interface TwoGpus {
  readonly platform: Platform;
  /** Names of the adapters that were opened, in order. */
  readonly opened: string[];
  readonly best: () => Promise<OpenAdapter>;
}

describeOnEveryAdapter("by default", (gpu) => {
  const real = gpu.summary;
  const A: AdapterSummary = { ...real, name: "GPU A", software: false };
  const B: AdapterSummary = { ...real, name: "GPU B", software: false };

  /** A machine that says it has two GPUs; both are the adapter under test. `opensAs`: what an opened one says of itself. */
  const twoGpus = (opensAs: Partial<AdapterSummary> = {}): TwoGpus => {
    const opened: string[] = [];
    const open = async (name: string) => {
      opened.push(name);
      const { alternatives: _, ...one } = await openAdapter({ name: real.name });
      return { ...one, summary: { ...(name === "GPU B" ? B : A), ...opensAs } };
    };
    const platform: Platform = {
      ...createNodePlatform(),
      settings: settingsInMemory(),
      openAdapter: async ({ name }) =>
        name === undefined ? { ...(await open("GPU A")), alternatives: [B] } : open(name),
    };
    const best = async () => ({ ...(await openAdapter({ name: real.name })), summary: A, alternatives: [B] });
    return { platform, opened, best };
  };
  const options = checkRuntimeOptions({ model: "any" });
  const ratesOf = (prefill: number, decode: number) => ({
    macsPerSecond: prefill * 1e9,
    bytesPerSecond: decode * 1e9,
  });

  test("one adapter does everything, and nothing is measured or looked up", async () => {
    const { platform } = twoGpus();
    const settings = {
      ...platform.settings,
      read: () => Promise.reject(new Error("Something was looked up.")),
    };
    const quiet: Platform = {
      ...platform,
      settings,
      openAdapter: async () => ({ ...(await openAdapter({ name: real.name })), alternatives: [] }),
    };
    const runtime = await openTiny({ platform: quiet });
    expect(runtime.devices.map(({ id, role }) => [id, role])).toEqual([["device-1", "both"]]);
    expect(runtime.devicesReason).toBe(
      `Baton uses ${real.name} for prefill and decode: there is no other adapter.`,
    );
    await runtime.dispose();
  });

  test("an adapter that is named does everything", async () => {
    const runtime = await openTiny({ adapter: real.name });
    expect(runtime.devicesReason).toMatch(/for prefill and decode: it was asked for by name\.$/);
    await runtime.dispose();
  });

  test("two GPUs are measured at the first start, and remembered for the next", async () => {
    // Opened as software, so that a quick check of that kind is enough here.
    const { platform, opened, best } = twoGpus({ software: true });
    const progress: (readonly [number, number | undefined])[] = [];
    const onProgress = ({ phase, done, total }: { phase: string; done: number; total: number | undefined }) =>
      phase === "measure" && progress.push([done, total]);
    const first = await rolesFor(await best(), { ...options, onProgress }, platform);
    expect(opened).toEqual(["GPU A", "GPU B"]);
    expect(progress.at(-1)).toEqual([2 * RATE_SAMPLES, 2 * RATE_SAMPLES]);
    expect(await rolesFor(await best(), options, platform)).toEqual(first);
    expect(opened).toHaveLength(2);
  });

  test("two GPUs get the roles that suit them, with one device of each adapter object", async () => {
    const { platform, opened } = twoGpus();
    await rememberRates(A, ratesOf(10, 10), platform);
    await rememberRates(B, ratesOf(10, 5), platform);
    const { devices, why, dispensable } = await openDevices(options, platform);
    expect(devices.map(({ id, role, gpu }) => [id, role, gpu.summary.name])).toEqual([
      ["prefiller-1", "prefiller", "GPU B"],
      ["decoder-2", "decoder", "GPU A"],
    ]);
    expect(opened).toEqual(["GPU A", "GPU B"]);
    expect([why, dispensable]).toEqual([expect.stringContaining("each does best there"), true]);
    for (const device of devices) device.gpu.destroy();
  });

  test("the better of two unequal GPUs does everything, also where the system names it last", async () => {
    const { platform } = twoGpus();
    await rememberRates(A, ratesOf(1, 1), platform);
    await rememberRates(B, ratesOf(10, 5), platform);
    const { devices, dispensable } = await openDevices(options, platform);
    expect(devices.map(({ role, gpu }) => [role, gpu.summary.name])).toEqual([["both", "GPU B"]]);
    expect(dispensable).toBe(false);
    for (const device of devices) device.gpu.destroy();
  });

  test("one of two GPUs that cannot be opened any more leaves everything to the other", async () => {
    const { platform } = twoGpus();
    await rememberRates(A, ratesOf(10, 10), platform);
    await rememberRates(B, ratesOf(10, 5), platform);
    const broken: Platform = {
      ...platform,
      openAdapter: async ({ name }) => {
        if (name === "GPU B") throw new DeviceError("no-adapter", "It is gone.", { wanted: name });
        return platform.openAdapter({});
      },
    };
    const { devices, why, dispensable } = await openDevices(options, broken);
    expect(devices.map(({ id, role }) => [id, role])).toEqual([["device-1", "both"]]);
    expect([why, dispensable]).toEqual(["GPU B failed (no-adapter)", false]);
    for (const device of devices) device.gpu.destroy();
  });

  test("in exact one adapter does everything", async () => {
    const { platform, opened, best } = twoGpus();
    const { devices } = await rolesFor(await best(), { ...options, precision: "exact" }, platform);
    expect([devices, opened]).toEqual([[{ adapter: "GPU A", role: "both" }], []]);
  });

  const loadOnTwo = async (failing: number, dispensable: boolean) => {
    const checked = checkRuntimeOptions({ model: inPieces(tinyModel()), precision: "exact", kvMiB: 2 });
    const platform = createNodePlatform();
    const devices = [
      { role: "prefiller", adapter: real.name },
      { role: "decoder", adapter: real.name },
    ] as const;
    const opened: OpenedDevices = {
      ...(await openDevices({ ...checked, devices }, platform)),
      dispensable,
    };
    const full = opened.devices[failing]?.gpu;
    if (full)
      full.createStorage = () => {
        throw new DeviceError("gpu-out-of-memory", "No memory left.", { device: full.summary.name });
      };
    const loading = load(checked, opened, await openSource(checked, platform), platform);
    return loading.finally(() => opened.devices[failing]?.gpu.destroy());
  };

  test.each([0, 1])("device %i that was chosen and cannot hold the model is left out", async (failing) => {
    const { devices, why, file } = await loadOnTwo(failing, true);
    expect(devices.map(({ id, role }) => [id, role])).toEqual([["device-1", "both"]]);
    expect(why).toBe(`${real.name} failed (gpu-out-of-memory)`);
    expect(file.hash).toBeDefined();
    for (const { runner } of devices) runner.dispose();
  });

  test("a device that was asked for and cannot hold the model is an error, and keeps nobody waiting", async () => {
    await expect(loadOnTwo(1, false)).rejects.toMatchObject({ code: "gpu-out-of-memory" });
  });
});

/** A stream of more pieces than a reader that has ended may be behind. */
function inPieces(model: Blob): ReadableStream<Uint8Array> {
  const pieces = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      for (let at = 0; at < chunk.length; at += 4096) controller.enqueue(chunk.subarray(at, at + 4096));
    },
  });
  return model.stream().pipeThrough(pieces);
}
