import { expect, test } from "vitest";
import { openDevice } from "../../src/gpu/device.ts";
import { listAdapters, openAdapter } from "../../src/platform/node/gpu.ts";
import { measureRates, RATE_SAMPLES, type Rates } from "../../src/roles/rates.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";

/** What no machine falls below, and none reaches. */
const [LEAST, MOST] = [1e7, 1e15];

describeOnEveryAdapter("an adapter's rates", (gpu) => {
  test("are such as a machine can have, and leave nothing behind", async (context) => {
    const device = await openDevice(await gpu.openAdapter(context));
    context.onTestFinished(() => device.destroy());
    let samples = 0;
    const rates = await measureRates(device, { onSample: () => samples++ });
    for (const rate of Object.values(rates)) {
      expect(rate).toBeGreaterThan(LEAST);
      expect(rate).toBeLessThan(MOST);
    }
    expect(samples).toBe(RATE_SAMPLES);
    expect(device.liveBytes).toBe(0);
    device.assertAlive();
  });

  test("are not measured to the end when the signal aborts", async (context) => {
    const device = await openDevice(await gpu.openAdapter(context));
    context.onTestFinished(() => device.destroy());
    const signal = AbortSignal.abort(new Error("never mind"));
    await expect(measureRates(device, { signal })).rejects.toThrow("never mind");
    expect(device.liveBytes).toBe(0);
    device.assertAlive();
  });
});

test("lavapipe is quicker than SwiftShader at prefill, by far", async (context) => {
  const rates = new Map<string, Rates>();
  for (const { name, software } of await listAdapters()) {
    if (!software) continue;
    const device = await openDevice(await openAdapter({ name }));
    rates.set(/llvmpipe/.test(name) ? "lavapipe" : (name.split(" ")[0] ?? ""), await measureRates(device));
    device.destroy();
  }
  const [lavapipe, swiftShader] = [rates.get("lavapipe"), rates.get("SwiftShader")];
  if (!lavapipe || !swiftShader) return context.skip("the machine has not both");
  expect(lavapipe.macsPerSecond).toBeGreaterThan(3 * swiftShader.macsPerSecond);
});
