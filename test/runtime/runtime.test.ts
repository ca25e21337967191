import { expect, test } from "vitest";
import type { Runtime, RuntimeOptions, SendOptions } from "../../src/api.ts";
import { bufferUsage, mapMode } from "../../src/gpu/usage.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { codeOf, collect } from "./fake_chat.ts";
import { openTiny, tinyModel } from "./tiny_runtime.ts";

/** The public API on a real adapter and a tiny model. */
describeOnEveryAdapter("a runtime", (gpu) => {
  const adapter = gpu.summary.name;
  const withTiny = async (options: Partial<RuntimeOptions>, use: (runtime: Runtime) => Promise<void>) => {
    const runtime = await openTiny({ adapter, ...options });
    try {
      await use(runtime);
    } finally {
      await runtime.dispose();
      expect(runtime.stats().liveGpuBytes).toBe(0);
    }
  };
  const answer = (runtime: Runtime, text: string, options: SendOptions = {}) =>
    collect(runtime.conversation().send(text, { maxTokens: 12, ...options }));

  test("says what it runs and what it holds", () =>
    withTiny({}, async (runtime) => {
      expect(runtime).toMatchObject({ adapter: { name: adapter }, precision: "exact" });
      expect(runtime.model).toMatchObject({ architecture: "llama", vocabTokens: 600, contextTokens: 8192 });
      expect(runtime.model.fileBytes).toBe(tinyModel().size);
      const before = runtime.stats();
      expect(before.kvBytes).toBeLessThanOrEqual(2 * 2 ** 20);
      expect(before.liveGpuBytes).toBeGreaterThan(before.kvBytes + runtime.model.weightBytes - 1);
      await answer(runtime, "Hello");
      expect(runtime.stats().kvBlocksPeak).toBeGreaterThan(0);
      expect(runtime.stats().dispatches).toBeGreaterThan(before.dispatches);
    }));

  test("a second turn is prefilled from where the first one ended", () =>
    withTiny({}, async (runtime) => {
      const conversation = runtime.conversation();
      const first = await collect(conversation.send("Hello there", { maxTokens: 6 }));
      expect(conversation.cachedTokens).toBe(first.usage.promptTokens + first.usage.completionTokens - 1);
      const cached = conversation.cachedTokens;
      const second = await collect(conversation.send("And now?", { maxTokens: 6 }));
      expect(second.usage.cachedTokens).toBe(cached);
    }));

  test("greedy answers are the same alone, together, and in small steps", () =>
    withTiny({}, async (runtime) => {
      const prompts = [
        "Hello",
        "A somewhat longer prompt, to begin with.",
        "Three?",
        "1234567890 ".repeat(20),
      ];
      const alone: string[] = [];
      for (const prompt of prompts) alone.push((await answer(runtime, prompt)).text);
      const { steps } = runtime.stats();
      const together = await Promise.all(prompts.map((prompt) => answer(runtime, prompt)));
      expect(together.map(({ text }) => text)).toEqual(alone);
      expect(runtime.stats().steps - steps).toBeLessThan(steps / 2);
      await withTiny({ maxStepTokens: 7 }, async (small) => {
        const again = await Promise.all(prompts.map((prompt) => answer(small, prompt)));
        expect(again.map(({ text }) => text)).toEqual(alone);
      });
    }));

  test("the same seed gives the same text, another one another", () =>
    withTiny({}, async (runtime) => {
      const hot = { temperature: 1.5, topK: 50 };
      const [first, same, other] = await Promise.all(
        [7, 7, 8].map((seed) => answer(runtime, "Say something", { ...hot, seed })),
      );
      expect(same?.text).toBe(first?.text);
      expect(other?.text).not.toBe(first?.text);
    }));

  test("a signal and an early break end a turn within a step, and the conversation goes on", () =>
    withTiny({}, async (runtime) => {
      const conversation = runtime.conversation();
      for await (const _ of conversation.send("One", { maxTokens: 200 })) break;
      expect(runtime.stats().steps).toBeLessThan(20);
      const controller = new AbortController();
      const { steps } = runtime.stats();
      let reason = "";
      for await (const part of conversation.send("Two", { maxTokens: 200, signal: controller.signal })) {
        if (part.type === "done") reason = part.finishReason;
        else controller.abort();
      }
      expect(reason).toBe("abort");
      expect(runtime.stats().steps - steps).toBeLessThan(20);
      expect((await collect(conversation.send("Three", { maxTokens: 3 }))).usage.completionTokens).toBe(3);
      conversation.dispose();
      expect(runtime.stats().kvBlocksUsed).toBe(0);
    }));

  test("in a full cache a turn takes the place of an idle conversation, which says the same as with room for both", () => {
    const script = async (runtime: Runtime, prompt: string) => {
      const conversation = runtime.conversation({ system: "Be brief." });
      await collect(conversation.send("Hi", { maxTokens: 2 }));
      const large = await answer(runtime, prompt);
      const next = await collect(conversation.send("Go on", { maxTokens: 6 }));
      return [large.text, next.text];
    };
    return withTiny({ kvMiB: 0.0625, hostKvMiB: 0 }, async (runtime) => {
      const room = runtime.stats().kvBlocks * runtime.stats().kvBlockTokens;
      const prompt = "x".repeat(room - 80);
      const texts = await script(runtime, prompt);
      expect(await codeOf(answer(runtime, "x ".repeat(room)))).toBe("prompt-too-long");
      await withTiny({}, async (large) => expect(await script(large, prompt)).toEqual(texts));
    });
  });

  test("in a full cache an idle conversation is parked in host memory, and comes back without prefilling", () =>
    withTiny({ kvMiB: 0.0625 }, async (runtime) => {
      const room = runtime.stats().kvBlocks * runtime.stats().kvBlockTokens;
      const conversation = runtime.conversation({ system: "Be brief." });
      await collect(conversation.send("Hi", { maxTokens: 4 }));
      const cached = conversation.cachedTokens;
      await answer(runtime, "x".repeat(room - 80));
      expect(runtime.stats()).toMatchObject({ parks: 1 });
      expect(runtime.stats().parkedBytes).toBeGreaterThan(0);
      const next = await collect(conversation.send("Go on", { maxTokens: 6 }));
      expect(next.usage.cachedTokens).toBe(cached);
      await withTiny({}, async (large) => {
        const same = large.conversation({ system: "Be brief." });
        await collect(same.send("Hi", { maxTokens: 4 }));
        expect((await collect(same.send("Go on", { maxTokens: 6 }))).text).toBe(next.text);
      });
    }));

  test("two runtimes with different models do not disturb each other", () =>
    withTiny({ maxStepTokens: 16 }, async (first) => {
      const model = tinyModel({ seed: 2, architecture: "qwen3", hidden: 96, layers: 3 });
      await withTiny({ model, maxStepTokens: 32 }, async (second) => {
        const alone = [(await answer(first, "Hello")).text, (await answer(second, "Hello")).text];
        expect(alone[0]).not.toBe(alone[1]);
        const together = await Promise.all([answer(first, "Hello"), answer(second, "Hello")]);
        expect(together.map(({ text }) => text)).toEqual(alone);
      });
      expect((await answer(first, "Still there?")).usage.completionTokens).toBeGreaterThan(0);
    }));

  test("a caller's own device is used and not destroyed", async (context) => {
    const device = await gpu.openDevice(context);
    const live = trackBuffers(device);
    const runtime = await openTiny({ device });
    await answer(runtime, "Hello");
    expect(live()).toBeGreaterThan(0);
    await runtime.dispose();
    expect(live()).toBe(0);
    const buffer = device.createBuffer({ size: 16, usage: bufferUsage.mapRead });
    await buffer.mapAsync(mapMode.read);
    buffer.destroy();
  });

  test("a lost device ends the turns with device-lost", async (context) => {
    const device = await gpu.openDevice(context);
    const runtime = await openTiny({ device });
    const turns = ["One", "Two"].map((text) => codeOf(answer(runtime, text, { maxTokens: 500 })));
    const parts = runtime.conversation().send("Three")[Symbol.asyncIterator]();
    await parts.next();
    device.destroy();
    expect(await Promise.all(turns)).toEqual(["device-lost", "device-lost"]);
    expect(await codeOf(answer(runtime, "Four"))).toBe("device-lost");
    await runtime.dispose();
  });

  test("dispose ends running turns, is safe twice, and refuses everything afterwards", async () => {
    const runtime = await openTiny({ adapter });
    const conversation = runtime.conversation();
    const turn = codeOf(collect(conversation.send("Hello", { maxTokens: 500 })));
    const evaluation = codeOf(runtime.evaluate({ ids: [1, 2, 3], top: 1, generate: 100 }));
    await Promise.all([runtime.dispose(), runtime.dispose()]);
    expect([await turn, await evaluation]).toEqual(["disposed", "disposed"]);
    expect(runtime.stats()).toMatchObject({ liveGpuBytes: 0, kvBlocksUsed: 0 });
    expect(await codeOf(collect(conversation.send("Again")))).toBe("disposed");
    expect(() => runtime.conversation()).toThrow("disposed");
    expect(await codeOf(runtime.evaluate({ ids: [1], top: 1, generate: 0 }))).toBe("disposed");
  });

  test.for(["load", "compile"])(
    "loading aborted in phase %s leaves nothing behind",
    async (phase, context) => {
      const device = await gpu.openDevice(context);
      const live = trackBuffers(device);
      const controller = new AbortController();
      const onProgress: RuntimeOptions["onProgress"] = (progress) => {
        if (progress.phase === phase) controller.abort(new Error("never mind"));
      };
      await expect(openTiny({ device, signal: controller.signal, onProgress })).rejects.toThrow("never mind");
      expect(live()).toBe(0);
    },
  );
});

/** How many bytes of the buffers made on `device` from now on are not destroyed. */
function trackBuffers(device: GPUDevice): () => number {
  const live = new Set<GPUBuffer>();
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    live.add(buffer);
    buffer.destroy = () => {
      live.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  return () => [...live].reduce((sum, { size }) => sum + size, 0);
}
