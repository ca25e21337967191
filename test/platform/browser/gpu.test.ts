import { afterEach, expect, test, vi } from "vitest";
import { openAdapter } from "../../../src/platform/browser/gpu.ts";

/** A browser that gives the adapter of that name for each preference; "software" where it is asked for a fallback. */
function stubBrowser(names: Readonly<Record<GPUPowerPreference, string>>): GPUAdapter[] {
  const given: GPUAdapter[] = [];
  const requestAdapter = async ({ powerPreference, forceFallbackAdapter }: GPURequestAdapterOptions) => {
    const device = forceFallbackAdapter ? "SwiftShader" : names[powerPreference ?? "high-performance"];
    const info = { vendor: "", architecture: "", description: "", device };
    const adapter = {
      info: { ...info, isFallbackAdapter: forceFallbackAdapter === true },
      requestDevice: async () => ({}),
    };
    given.push(adapter as unknown as GPUAdapter);
    return adapter;
  };
  vi.stubGlobal("navigator", { gpu: { requestAdapter } });
  return given;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test("both power preferences' adapters are told apart by what they say of themselves", async () => {
  stubBrowser({ "high-performance": "Radeon", "low-power": "Intel" });
  const { summary, alternatives } = await openAdapter();
  expect(summary.name).toBe("Radeon");
  expect(alternatives?.map(({ name, software }) => [name, software])).toEqual([
    ["Intel", false],
    ["SwiftShader", true],
  ]);
});

test("the same adapter for both is one, and has no GPU beside it", async () => {
  stubBrowser({ "high-performance": "Apple M2", "low-power": "Apple M2" });
  const { alternatives } = await openAdapter();
  expect(alternatives?.map(({ name }) => name)).toEqual(["SwiftShader"]);
});

test("each call opens adapters of its own, and one asked for by name has no alternatives", async () => {
  const given = stubBrowser({ "high-performance": "Radeon", "low-power": "Intel" });
  const [first, second] = [await openAdapter({ name: "Intel" }), await openAdapter({ name: "Intel" })];
  expect([first.summary.name, first.alternatives]).toEqual(["Intel", undefined]);
  expect(first.adapter).not.toBe(second.adapter);
  expect(given).toContain(first.adapter);
});
