import { expect, test } from "vitest";
import type { RuntimeOptions } from "../../src/api.ts";
import { createRuntime } from "../../src/node.ts";
import { codeOf } from "./fake_chat.ts";
import { tinyModel } from "./tiny_runtime.ts";

/** Options are checked before the platform is asked for anything. */
const untouchable = new Proxy({} as NonNullable<RuntimeOptions["platform"]>, {
  get: () => {
    throw new Error("The platform was used before the options were checked.");
  },
});

const wrong: readonly (readonly [string, object])[] = [
  ["model", { model: "" }],
  ["model", { model: 7 }],
  ["model", { model: undefined }],
  ["precision", { precision: "double" }],
  ["precision", { precision: "int8" }],
  ["adapter", { adapter: 1 }],
  ["device", { device: "gpu" }],
  ["device", { device: {} }],
  ["kvMiB", { kvMiB: 0 }],
  ["kvMiB", { kvMiB: Number.NaN }],
  ["kvMiB", { kvMiB: "64" }],
  ["maxStepTokens", { maxStepTokens: 0 }],
  ["maxStepTokens", { maxStepTokens: 2.5 }],
  ["maxStepTokens", { maxStepTokens: 5000 }],
  ["onProgress", { onProgress: true }],
  ["signal", { signal: "stop" }],
  ["tune", { tune: "always" }],
];

test.each(wrong)("the runtime's option %s is checked first: %o", async (option, change) => {
  const options = { model: "smollm2-135m-instruct", platform: untouchable, ...change } as RuntimeOptions;
  await expect(createRuntime(options)).rejects.toMatchObject({ code: "invalid-option", fields: { option } });
});

test("no options at all are refused in words", async () => {
  expect(await codeOf(createRuntime(undefined as unknown as RuntimeOptions))).toBe("invalid-option");
});

test("a signal that is already aborted opens nothing", async () => {
  const signal = AbortSignal.abort(new Error("never mind"));
  const options = { model: tinyModel(), platform: untouchable, signal };
  await expect(createRuntime(options)).rejects.toThrow("never mind");
});
