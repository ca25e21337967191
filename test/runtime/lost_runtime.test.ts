import { expect, test } from "vitest";
import type { Runtime } from "../../src/api.ts";
import { DeviceError } from "../../src/errors.ts";
import { createNodePlatform } from "../../src/node.ts";
import { describeOnFirstAdapter } from "../harness/adapters.ts";
import { codeOf, collect } from "./fake_chat.ts";
import { openTiny, watched } from "./tiny_runtime.ts";

/** Lost devices behind the public API: what a caller hears of them, and when nothing comes back. */
describeOnFirstAdapter("a runtime whose devices are lost", ({ summary: { name: adapter } }) => {
  /** Two devices; `gate` is asked before one more is opened. */
  const openPair = async (gate: () => Promise<void>) => {
    const opened: GPUDevice[] = [];
    const platform = watched(createNodePlatform(), opened);
    const openAdapter: typeof platform.openAdapter = async (request) => {
      if (opened.length >= 2) await gate();
      return platform.openAdapter(request);
    };
    const devices = [
      { role: "prefiller", adapter },
      { role: "decoder", adapter },
    ] as const;
    const runtime = await openTiny({ devices, policy: "conserve", platform: { ...platform, openAdapter } });
    const loseAll = () => {
      for (const device of opened) device.destroy();
    };
    return { runtime, opened, loseAll };
  };
  const begin = (runtime: Runtime) =>
    ["One", "Two"].map((prompt) => collect(runtime.conversation().send(prompt, { maxTokens: 200 })));
  const decoding = (runtime: Runtime) =>
    expect.poll(() => runtime.conversations().some(({ phase }) => phase === "decode")).toBe(true);

  test("is disposed at once while it opens them again, and leaves none open", async () => {
    let asked = 0;
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const { runtime, opened, loseAll } = await openPair(async () => {
      asked += 1;
      await released;
    });
    const answers = begin(runtime).map(codeOf);
    await decoding(runtime);
    loseAll();
    await expect.poll(() => asked).toBe(2);
    const disposal = runtime.dispose();
    expect(await Promise.all(answers)).toEqual(["disposed", "disposed"]);
    release();
    await disposal;
    // What was being opened when it was disposed is gone again.
    await Promise.all(opened.map(({ lost }) => lost));
    expect(runtime.stats()).toMatchObject({ liveGpuBytes: 0, kvBlocksUsed: 0 });
  });

  test("does not wait for the next try when it is disposed", async () => {
    let asked = 0;
    const { runtime, loseAll } = await openPair(() => {
      asked += 1;
      return Promise.reject(new DeviceError("no-adapter", "There is none."));
    });
    const answers = begin(runtime).map(codeOf);
    await decoding(runtime);
    loseAll();
    // The next pauses are seconds long.
    await expect.poll(() => asked, { timeout: 20_000 }).toBe(6);
    const before = performance.now();
    await runtime.dispose();
    expect(performance.now() - before).toBeLessThan(900);
    expect(await Promise.all(answers)).toEqual(["disposed", "disposed"]);
  });

  test("lets a waiting turn be aborted, and serves the next when they are back", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const { runtime, loseAll } = await openPair(() => released);
    const controller = new AbortController();
    const conversation = runtime.conversation();
    const answer = collect(conversation.send("One", { maxTokens: 200, signal: controller.signal }));
    await decoding(runtime);
    loseAll();
    await expect.poll(() => runtime.conversations()[0]?.phase).toBe("waits");
    controller.abort();
    expect((await answer).finishReason).toBe("abort");
    const next = collect(conversation.send("Two", { maxTokens: 5 }));
    expect(runtime.conversations()[0]?.phase).toBe("waits");
    release();
    expect((await next).usage.completionTokens).toBe(5);
    await runtime.dispose();
  });
});
