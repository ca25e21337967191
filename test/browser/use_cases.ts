import { createRuntime, type Runtime, type RuntimeOptions } from "../../src/index.ts";
import { answer, answersOf, collect } from "./answers.ts";
import { codeOf } from "./plain.ts";
import { served } from "./served.ts";

/** What a page does with the public API once a model is loaded. Each case gives what it saw as plain data; the test judges. */

export const useCases = {
  fromUrl: async () => {
    const phases = new Set<string>();
    const runtime = await openTiny({ onProgress: ({ phase }) => phases.add(phase) });
    const { model, adapter, precision } = runtime;
    const answers = await answersOf(runtime);
    const held = runtime.stats();
    await runtime.dispose();
    return { model, adapter, precision, phases: [...phases], answers, held, left: runtime.stats() };
  },

  inDefaultPrecision: () => withTiny({ precision: "default" }, answersOf),

  inWorker: async () => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    try {
      return await new Promise<unknown>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(`The worker failed: ${message}`));
        worker.postMessage(new URL(served.model, location.href).href);
      });
    } finally {
      worker.terminate();
    }
  },

  sampled: () =>
    withTiny({}, async (runtime) => {
      const hot = { temperature: 1.5, topK: 50 };
      const texts = [7, 7, 8].map(async (seed) => (await answer(runtime, "Say it", { ...hot, seed })).text);
      return Promise.all(texts);
    }),

  secondTurn: () =>
    withTiny({}, async (runtime) => {
      const conversation = runtime.conversation();
      const first = await collect(conversation.send("Hello there", { maxTokens: 6 }));
      const cached = conversation.cachedTokens;
      const second = await collect(conversation.send("And now?", { maxTokens: 6 }));
      return { first: first.usage, cached, second: second.usage, timings: second.timings };
    }),

  aborted: () =>
    withTiny({ model: served.slow }, async (runtime) => {
      const conversation = runtime.conversation();
      const controller = new AbortController();
      let finishReason = "";
      for await (const part of conversation.send("Go", { maxTokens: 200, signal: controller.signal })) {
        if (part.type === "done") finishReason = part.finishReason;
        else controller.abort();
      }
      const { steps } = runtime.stats();
      const next = await collect(conversation.send("Go on", { maxTokens: 3 }));
      return { finishReason, steps, next: next.usage };
    }),

  leftEarly: () =>
    withTiny({ model: served.slow }, async (runtime) => {
      const conversation = runtime.conversation();
      for await (const _ of conversation.send("Go", { maxTokens: 200 })) break;
      const { steps } = runtime.stats();
      const next = await collect(conversation.send("Go on", { maxTokens: 3 }));
      conversation.dispose();
      // The worker says so soon.
      while (runtime.stats().kvBlocksUsed > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      return { steps, next: next.usage };
    }),

  ownDevice: async () => {
    const device = await openOwnDevice();
    const text = await withTiny({ device }, async (runtime) => (await answer(runtime, "Hello")).text);
    const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ });
    await buffer.mapAsync(GPUMapMode.READ);
    device.destroy();
    return text;
  },

  lostDevice: async () => {
    const device = await openOwnDevice();
    const runtime = await openTiny({ device });
    const turn = codeOf(answer(runtime, "Hello", { maxTokens: 500 }));
    await runtime.conversation().send("Hello")[Symbol.asyncIterator]().next();
    device.destroy();
    const codes = [await turn, await codeOf(answer(runtime, "Again"))];
    await runtime.dispose();
    return codes;
  },

  crashedGpu: async () => {
    const whole = await withTiny(
      {},
      async (other) => (await answer(other, "Hello", { maxTokens: 120 })).text,
    );
    return withTiny({}, async (runtime) => {
      const turn = answer(runtime, "Hello", { maxTokens: 120 });
      await runtime.conversation().send("Hello")[Symbol.asyncIterator]().next();
      await fetch(served.crashGpu, { method: "POST" });
      const crashed = (await turn).text;
      return { whole, crashed, next: (await answer(runtime, "Hello")).text };
    });
  },

  disposed: async () => {
    const runtime = await openTiny();
    const conversation = runtime.conversation();
    const turn = codeOf(collect(conversation.send("Hello", { maxTokens: 500 })));
    await Promise.all([runtime.dispose(), runtime.dispose()]);
    return [await turn, await codeOf(collect(conversation.send("Again")))];
  },
};

export function openTiny(options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  return createRuntime({ model: served.model, precision: "exact", kvMiB: 2, ...options });
}

export async function withTiny<T>(
  options: Partial<RuntimeOptions>,
  use: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const runtime = await openTiny(options);
  try {
    return await use(runtime);
  } finally {
    await runtime.dispose();
  }
}

async function openOwnDevice(): Promise<GPUDevice> {
  const device = await (await navigator.gpu.requestAdapter())?.requestDevice();
  if (!device) throw new Error("This browser gives no GPU device.");
  return device;
}
