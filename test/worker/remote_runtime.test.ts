import { afterEach, expect, test } from "vitest";
import type { Runtime, RuntimeStats } from "../../src/api.ts";
import { DeviceError } from "../../src/errors.ts";
import { createNodePlatform } from "../../src/node.ts";
import { codeOf, collect } from "../runtime/fake_chat.ts";
import { openTiny } from "../runtime/tiny_runtime.ts";
import { LoopbackWorker, openInNode, openRemoteTiny } from "./remote_tiny.ts";

/** What is a worker's alone: its death, its snapshots, what crosses and what is left. The contract has the rest. */

let opened: Runtime | undefined;
afterEach(() => opened?.dispose());

async function open(worker = new LoopbackWorker(openInNode())) {
  const runtime = await openRemoteTiny({}, worker);
  opened = runtime;
  return { runtime, worker };
}

test("a worker that dies fails all that waits, and all that comes, and says so", async () => {
  const { runtime, worker } = await open();
  const conversation = runtime.conversation();
  const parts = conversation.send("Hello", { maxTokens: 500 })[Symbol.asyncIterator]();
  await parts.next();
  const turn = codeOf(collect({ [Symbol.asyncIterator]: () => parts }));
  const evaluation = runtime.evaluate({ ids: [1, 2, 3], top: 1, generate: 500 });
  worker.die("out of memory");
  await expect(evaluation).rejects.toThrow(DeviceError);
  await expect(evaluation).rejects.toThrow(/worker has ended: out of memory/);
  expect(await turn).toBe("device-lost");
  expect(await codeOf(collect(conversation.send("Again")))).toBe("device-lost");
  expect(await codeOf(runtime.tokenizer.encode("Hello"))).toBe("device-lost");
  expect(await codeOf(conversation.export())).toBe("device-lost");
  expect(() => runtime.conversation()).toThrow(expect.objectContaining({ code: "device-lost" }));
  expect(worker.terminated).toBe(true);
  conversation.dispose();
  await runtime.dispose();
});

test("a worker that dies while it loads fails the load, and one that dies while it is disposed leaves nothing", async () => {
  const loading = new LoopbackWorker(() => new Promise(() => {}));
  const failed = codeOf(openRemoteTiny({}, loading));
  loading.die("");
  expect(await failed).toBe("device-lost");
  expect(loading.terminated).toBe(true);
  const { runtime, worker } = await open();
  const disposal = runtime.dispose();
  worker.die("late");
  await disposal;
});

test("a load that fails ends the worker, and dispose does", async () => {
  const failing = new LoopbackWorker(openInNode());
  expect(await codeOf(openRemoteTiny({ model: new Blob(["?"]) }, failing))).toMatch(/gguf/);
  expect(failing.terminated).toBe(true);
  const { runtime, worker } = await open();
  expect(worker.terminated).toBe(false);
  await runtime.dispose();
  expect(worker.terminated).toBe(true);
});

test("what a listener to the loading throws ends the load", async () => {
  const onProgress = () => {
    throw new RangeError("no room for a bar");
  };
  const worker = new LoopbackWorker(openInNode());
  await expect(openRemoteTiny({ onProgress }, worker)).rejects.toThrow("no room for a bar");
  expect(worker.terminated).toBe(true);
});

test.each(["models", new URL("http://127.0.0.1/models")])(
  "where models lie crosses as text: %s",
  async (modelsUrl) => {
    let seen: unknown;
    const worker = new LoopbackWorker((options) => {
      seen = options.modelsUrl;
      return Promise.reject(new RangeError("seen"));
    });
    await expect(openRemoteTiny({ modelsUrl }, worker)).rejects.toThrow("seen");
    expect(seen).toBe(String(modelsUrl));
  },
);

test("a platform of the caller's own is told itself where models lie", async () => {
  const platform = createNodePlatform();
  expect(await codeOf(openTiny({ platform, modelsUrl: "models" }))).toBe("invalid-option");
});

test("errors that are not typed come with their message", async () => {
  const worker = new LoopbackWorker(() => Promise.reject(new RangeError("a fault of its own")));
  const error = await openRemoteTiny({}, worker).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ message: "a fault of its own" });
});

test("while a turn runs the snapshots follow it, ten times a second at the most", async () => {
  const { runtime } = await open();
  const seen: { ms: number; stats: RuntimeStats }[] = [];
  const watch = setInterval(() => {
    const stats = runtime.stats();
    if (stats !== seen.at(-1)?.stats) seen.push({ ms: performance.now(), stats });
  }, 1);
  const conversation = runtime.conversation();
  let texts = 0;
  for await (const part of conversation.send("Hello", { maxTokens: 300 })) {
    if (part.type === "text") texts += 1;
    if (texts === 1) expect(runtime.conversations().length).toBeLessThanOrEqual(1);
  }
  clearInterval(watch);
  // The first is older than the turn, the last says that it has ended.
  const during = seen.slice(1, -1);
  for (const [at, { ms }] of during.entries()) {
    const before = during[at - 1];
    // A timer of the test's may be late for the first of two.
    if (before) expect(ms - before.ms).toBeGreaterThan(50);
  }
  expect(during.length).toBeGreaterThan(0);
  expect(runtime.conversations()).toMatchObject([{ id: conversation.id, phase: "idle" }]);
});

test("saved bytes cross without being copied, and those of the caller stay", async () => {
  const { runtime } = await open();
  const conversation = runtime.conversation();
  await collect(conversation.send("Hello", { maxTokens: 4 }));
  const saved = await conversation.export();
  expect(saved.byteLength).toBe(saved.buffer.byteLength);
  await runtime.import(saved);
  expect(saved.byteLength).toBeGreaterThan(0);
});

test("twenty workers one after another leave nothing open behind", async () => {
  const ports = () => process.getActiveResourcesInfo().filter((name) => /MessagePort/.test(name)).length;
  const before = ports();
  for (let round = 0; round < 20; round++) {
    const { runtime, worker } = await open();
    await collect(runtime.conversation().send("Hello", { maxTokens: 2 }));
    await runtime.dispose();
    expect(runtime.stats().liveGpuBytes).toBe(0);
    expect(worker.terminated).toBe(true);
  }
  await expect.poll(ports).toBe(before);
});
