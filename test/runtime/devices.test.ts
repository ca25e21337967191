import { expect, test } from "vitest";
import type { Part, Runtime } from "../../src/api.ts";
import { createNodePlatform } from "../../src/node.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { codeOf, collect } from "./fake_chat.ts";
import { openTiny, tinyModel, watched } from "./tiny_runtime.ts";

/** Several devices behind the public API, on a real adapter and a tiny model. */
describeOnEveryAdapter("a runtime of several devices", (gpu) => {
  const adapter = gpu.summary.name;
  const pair = [
    { role: "prefiller", adapter },
    { role: "decoder", adapter },
  ] as const;
  const prompts = ["Hello", "A somewhat longer prompt, to begin with.", "1234567890 ".repeat(12), "Three?"];

  const twoTurns = async (runtime: Runtime) =>
    Promise.all(
      prompts.map(async (prompt) => {
        const conversation = runtime.conversation({ system: "Be brief." });
        const first = await collect(conversation.send(prompt, { maxTokens: 10 }));
        const second = await collect(conversation.send("And now?", { maxTokens: 10 }));
        return [first.text, second.text];
      }),
    );

  test("says the same as one device, and each conversation crosses once", async () => {
    const alone = await openTiny({ adapter });
    const expected = await twoTurns(alone);
    await alone.dispose();
    // A stream can be read once only, and both devices get it.
    const runtime = await openTiny({ model: tinyModel().stream(), devices: pair, policy: "conserve" });
    expect(runtime.devices.map(({ id, role }) => [id, role])).toEqual([
      ["prefiller-1", "prefiller"],
      ["decoder-2", "decoder"],
    ]);
    expect(await twoTurns(runtime)).toEqual(expected);
    const { handoffs, handoffBytes, devices } = runtime.stats();
    expect(handoffs).toBe(prompts.length);
    expect(handoffBytes).toBeGreaterThan(0);
    expect(devices.map(({ kvBlocksUsed }) => kvBlocksUsed > 0)).toEqual([false, true]);
    await runtime.dispose();
    expect(runtime.stats()).toMatchObject({ kvBlocksUsed: 0, liveGpuBytes: 0 });
  });

  test("says the same under every policy, by default under its own", async () => {
    const alone = await openTiny({ adapter });
    const expected = await twoTurns(alone);
    await alone.dispose();
    for (const policy of [undefined, "per-turn", "collocated"] as const) {
      const runtime = await openTiny({ devices: pair, ...(policy && { policy }) });
      expect(runtime.policy).toBe(policy ?? "baton");
      expect(await twoTurns(runtime)).toEqual(expected);
      await runtime.dispose();
    }
  });

  test("a device that is lost is opened again, and streams go on where they stopped", async () => {
    const alone = await openTiny({ adapter });
    const ask = (runtime: Runtime, onPart: () => void = () => {}) =>
      Promise.all(
        prompts.map((prompt) => {
          const parts = runtime.conversation({ system: "Be brief." }).send(prompt, { maxTokens: 60 });
          return collect(heard(parts, onPart));
        }),
      );
    const expected = (await ask(alone)).map(({ text }) => text);
    await alone.dispose();
    const opened: GPUDevice[] = [];
    const platform = watched(createNodePlatform(), opened);
    const runtime = await openTiny({ devices: pair, policy: "conserve", platform });
    let parts = 0;
    const answers = ask(runtime, () => {
      parts += 1;
      if (parts === 12) opened[1]?.destroy();
    });
    expect((await answers).map(({ text }) => text)).toEqual(expected);
    await expect.poll(() => opened.length, { timeout: 30_000 }).toBe(3);
    opened[0]?.destroy();
    expect((await ask(runtime)).map(({ text }) => text)).toEqual(expected);
    await runtime.dispose();
    expect(runtime.stats()).toMatchObject({ kvBlocksUsed: 0, liveGpuBytes: 0 });
  });

  test("a device that is lost for good leaves its turns to the others", async (context) => {
    const device = await gpu.openDevice(context);
    const runtime = await openTiny({
      devices: [
        { role: "prefiller", adapter },
        { role: "decoder", device },
      ],
    });
    const answers = prompts.map((prompt) =>
      collect(runtime.conversation({ system: "Be brief." }).send(prompt, { maxTokens: 40 })),
    );
    const whole = await openTiny({ adapter });
    const expected = await Promise.all(
      prompts.map((prompt) =>
        collect(whole.conversation({ system: "Be brief." }).send(prompt, { maxTokens: 40 })),
      ),
    );
    await whole.dispose();
    device.destroy();
    expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(expected.map(({ text }) => text));
    await runtime.dispose();
  });

  test("a fork goes on from the messages that it shares, with nothing prefilled again", async () => {
    const runtime = await openTiny({ adapter });
    const conversation = runtime.conversation({ system: "Be brief." });
    await collect(conversation.send("One", { maxTokens: 6 }));
    const early = conversation.fork();
    await collect(conversation.send("Two", { maxTokens: 6 }));
    const first = await collect(conversation.fork().send("Three", { maxTokens: 6 }));
    const again = await collect(conversation.send("Three", { maxTokens: 6 }));
    expect(first.text).toBe(again.text);
    expect(first.usage).toEqual(again.usage);
    expect(early.messages).toHaveLength(3);
    const two = await collect(early.send("Two", { maxTokens: 6 }));
    expect(two.text).toBe(conversation.messages[4]?.content);
    expect(two.usage.cachedTokens).toBeGreaterThan(10);
    const back = conversation.fork({ messages: 3 });
    expect((await collect(back.send("Two", { maxTokens: 6 }))).text).toBe(two.text);
    expect(() => conversation.fork({ messages: 2 })).toThrow("question");
    await runtime.dispose();
  });

  test("a rollback takes messages back, and what comes next is as if they had never been", async () => {
    const runtime = await openTiny({ adapter });
    const conversation = runtime.conversation({ system: "Be brief." });
    await collect(conversation.send("One", { maxTokens: 6 }));
    const two = await collect(conversation.send("Two", { maxTokens: 6 }));
    const turn = conversation.send("Three", { maxTokens: 6 })[Symbol.asyncIterator]();
    await turn.next();
    expect(() => conversation.rollback(3)).toThrow("turn that runs");
    await turn.return?.();
    conversation.rollback(3);
    expect(conversation.messages).toHaveLength(3);
    const again = await collect(conversation.send("Two", { maxTokens: 6 }));
    expect(again.text).toBe(two.text);
    expect(again.usage.cachedTokens).toBeGreaterThanOrEqual(two.usage.cachedTokens);
    expect(() => conversation.rollback(2)).toThrow("question");
    expect(() => conversation.rollback(6)).toThrow("messages");
    await runtime.dispose();
    expect(() => conversation.rollback(0)).toThrow("disposed");
  });

  test("a saved conversation goes on in another runtime, with nothing prefilled again, and only there where the model is the same", async () => {
    const [first, second] = [
      await openTiny({ adapter }),
      await openTiny({ devices: pair, policy: "conserve" }),
    ];
    const conversation = first.conversation({ system: "Be brief." });
    await collect(
      conversation.send("A longer question, so that there is something to keep.", { maxTokens: 9 }),
    );
    const bytes = await conversation.export();
    const moved = await second.import(new Blob([bytes]));
    expect(moved.messages).toEqual(conversation.messages);
    expect(moved.cachedTokens).toBe(conversation.cachedTokens);
    const [here, there] = [
      await collect(conversation.send("Go on", { maxTokens: 12 })),
      await collect(moved.send("Go on", { maxTokens: 12 })),
    ];
    expect([there.text, there.usage]).toEqual([here.text, here.usage]);
    expect(await codeOf(second.import(bytes.subarray(1)))).toBe("artefact-damaged");
    const other = await openTiny({ adapter, model: tinyModel({ seed: 9 }) });
    expect(await codeOf(other.import(bytes))).toBe("artefact-model");
    await Promise.all([first, second, other].map((runtime) => runtime.dispose()));
    expect(await codeOf(first.import(bytes))).toBe("disposed");
  });

  test.each([
    [{ devices: [] }],
    [{ devices: pair, adapter }],
    [{ devices: "auto", adapter }],
    [{ devices: "all" }],
    [{ devices: [{ role: "helper" }] }],
    [{ devices: [{ role: "both", kvMiB: -1 }] }],
    [{ policy: "best" }],
  ])("refuses %j", async (options) => {
    const opening = openTiny(options as Parameters<typeof openTiny>[0]);
    expect(await codeOf(opening)).toBe("invalid-option");
  });
});

/** The same parts; `onPart` hears of each. */
async function* heard(parts: AsyncIterable<Part>, onPart: () => void): AsyncGenerator<Part> {
  for await (const part of parts) {
    onPart();
    yield part;
  }
}
