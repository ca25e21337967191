import { expect, test } from "vitest";
import type { RuntimeOptions } from "../../src/api.ts";
import { InputError } from "../../src/errors.ts";
import { createRuntime } from "../../src/node.ts";
import { runsInWorker } from "../../src/worker/thread_choice.ts";
import { codeOf } from "../runtime/fake_chat.ts";

const page = { available: true, inWorker: false };
const worker = { available: true, inWorker: true };
const neither = { available: false, inWorker: false };
const device = { queue: {} } as GPUDevice;
const platform = {} as NonNullable<RuntimeOptions["platform"]>;

const cases: readonly (readonly [string, Partial<RuntimeOptions>, typeof page, boolean])[] = [
  ["a page", {}, page, true],
  ["a page that wants its own thread", { thread: "page" }, page, false],
  ["a page with devices by name", { devices: [{ role: "both" }] }, page, true],
  ["a page with a device of its own", { device }, page, false],
  ["a page with a device of its own among several", { devices: [{}, { device }] }, page, false],
  ["a page with a platform of its own", { platform }, page, false],
  ["a worker", {}, worker, false],
  ["a worker that wants another", { thread: "worker" }, worker, true],
  ["where there are no workers", {}, neither, false],
];

test.each(cases)("%s", (_, options, threads, expected) => {
  expect(runsInWorker(options, threads)).toBe(expected);
});

test.each([
  ["a device of the caller's", { device }, page],
  ["a platform of the caller's", { platform }, page],
  ["no workers", {}, neither],
] as const)("a worker that is asked for and cannot be is refused: %s", (_, options, threads) => {
  expect(() => runsInWorker({ thread: "worker", ...options }, threads)).toThrow(InputError);
});

test("in Node a runtime runs in the thread that creates it, and no other can be asked for", async () => {
  expect(await codeOf(createRuntime({ model: "m", thread: "worker" }))).toBe("invalid-option");
  const thread = "elsewhere" as "page";
  expect(await codeOf(createRuntime({ model: "m", thread }))).toBe("invalid-option");
  expect(await codeOf(createRuntime({ model: "m", workerUrl: 7 as unknown as string }))).toBe(
    "invalid-option",
  );
});
