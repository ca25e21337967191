import { expect, test } from "vitest";
import { bestFirst, chooseAdapter, summarizeAdapter } from "../../src/platform/gpu_choice.ts";

const info = { vendor: "", architecture: "", description: "", isFallbackAdapter: false } as GPUAdapterInfo;
const adapter = (name: string) => ({ summary: summarizeAdapter(name, info) });
const names = (adapters: readonly ReturnType<typeof adapter>[]) =>
  adapters.map(({ summary }) => summary.name);

test("a real GPU comes before lavapipe, and lavapipe before SwiftShader", () => {
  const found = [
    adapter("SwiftShader Device (Subzero)"),
    adapter("llvmpipe (LLVM 15)"),
    adapter("NVIDIA H200"),
  ];
  expect(names(bestFirst(found))).toEqual([
    "NVIDIA H200",
    "llvmpipe (LLVM 15)",
    "SwiftShader Device (Subzero)",
  ]);
});

test("real GPUs keep the order the system gave them", () => {
  expect(names(bestFirst([adapter("B"), adapter("A")]))).toEqual(["B", "A"]);
});

test("the first adapter of that name is chosen, and the first of all without a name", () => {
  const found = [adapter("Radeon 780M"), adapter("Radeon RX 7900")];
  expect(chooseAdapter(found, "radeon rx", "").summary.name).toBe("Radeon RX 7900");
  expect(chooseAdapter(found, undefined, "").summary.name).toBe("Radeon 780M");
});

test("an empty list gives the advice", () => {
  expect(() => chooseAdapter([], "x", "Install one.")).toThrow("No WebGPU adapter was found. Install one.");
});

test("what the adapter calls a fallback is software under any name", () => {
  expect(summarizeAdapter("GPU", { ...info, isFallbackAdapter: true }).software).toBe(true);
  expect(adapter("GPU").summary.software).toBe(false);
});
