import { expect, test } from "vitest";
import { Probes } from "../../bench/probes.ts";
import { borrowDevice, openDevice } from "../../src/gpu/device.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";

/** What no machine falls below, and none reaches: a rate that a probe's arithmetic got wrong by a thousand is beyond. */
const LEAST = 1e7;
const MOST = 1e15;

describeOnEveryAdapter("probes", (gpu) => {
  test("give rates a machine can have, and leave nothing behind", async (context) => {
    const device = await openDevice(await gpu.openAdapter(context));
    context.onTestFinished(() => device.destroy());
    const probes = await Probes.open(device);
    const hasHalf = device.device.features.has("shader-f16");
    expect(probes.names).toEqual(["copy", "float", ...(hasHalf ? ["half"] : []), "int8"]);
    for (const name of probes.names) {
      const rate = await probes.sample(name);
      expect(rate, name).toBeGreaterThan(LEAST);
      expect(rate, name).toBeLessThan(MOST);
    }
    probes.close();
    expect(device.liveBytes).toBe(0);
    device.assertAlive();
  });

  test("leave half precision out where the device has none", async (context) => {
    const { adapter, summary } = await gpu.openAdapter(context);
    const device = borrowDevice(await adapter.requestDevice(), summary);
    context.onTestFinished(() => device.destroy());
    const probes = await Probes.open(device);
    expect(probes.names).toEqual(["copy", "float", "int8"]);
    await expect(probes.sample("half")).rejects.toThrow(RangeError);
    probes.close();
  });
});
