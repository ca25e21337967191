import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Progress, Runtime, RuntimeOptions, SendOptions, ToolDefinition } from "../../src/index.ts";
import { BatonError, InputError } from "../../src/index.ts";
import { codeOf, collect } from "../runtime/fake_chat.ts";
import { tinyModel } from "../runtime/tiny_runtime.ts";
import { aborts, histories, names, turns } from "./turn_contract.ts";

/** What a runtime promises its caller wherever it runs: one suite for the thread that creates it and for a worker. */
export function runtimeContract(
  name: string,
  open: (options?: Partial<RuntimeOptions>) => Promise<Runtime>,
): void {
  describe(name, () => {
    describe("with one runtime", () => {
      let runtime: Runtime;
      beforeAll(async () => {
        runtime = await open();
      });
      afterAll(() => runtime.dispose());
      turns(() => runtime);
      aborts(() => runtime);
      histories(() => runtime);
      names(() => runtime);
      calls(() => runtime);
    });
    lifetimes(open);
  });
}

type GetRuntime = () => Runtime;
const short: SendOptions = { temperature: 0, maxTokens: 8 };

function calls(runtime: GetRuntime): void {
  const ids = Array.from({ length: 40 }, (_, at) => (at * 37 + 11) % 600);

  test("text becomes ids and text again", async () => {
    const { tokenizer } = runtime();
    const encoded = await tokenizer.encode("Hello there");
    expect(await tokenizer.decode(encoded)).toBe("Hello there");
    const chat = await tokenizer.encodeChat([{ role: "user", content: "Hello there" }]);
    expect(await tokenizer.decode(chat)).toContain("Hello there");
    await expect(tokenizer.decode([4096])).rejects.toThrow(/0 to 599/);
  });

  test("evaluates, refuses what it cannot evaluate, and ends early when a signal says so", async () => {
    const result = await runtime().evaluate({ ids, top: 2, generate: 4 });
    expect(result.logprobs).toHaveLength(40);
    expect(result.generated.text).toBe(await runtime().tokenizer.decode(result.generated.ids));
    expect(await codeOf(runtime().evaluate({ ids: [600], top: 0, generate: 0 }))).toBe("invalid-option");
    expect(await codeOf(runtime().evaluate({ ids: [], top: 0, generate: 0 }))).toBe("empty-prompt");
    const controller = new AbortController();
    const running = runtime().evaluate({ ids, top: 0, generate: 800, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
  });

  test("errors are of their classes, with code and fields", async () => {
    const conversation = runtime().conversation();
    const error = await collect(conversation.send("Hello", { temperature: -1 })).catch((cause) => cause);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code: "invalid-option", fields: { option: "temperature" } });
    expect(await codeOf(collect(conversation.send("")))).toBe("empty-prompt");
    const long = await collect(conversation.send("word ".repeat(9000))).catch((cause) => cause);
    expect(long).toBeInstanceOf(BatonError);
    expect(long).toMatchObject({ name: "InputError", code: "prompt-too-long" });
    expect(await codeOf(runtime().tune())).toBe("invalid-option");
    const tools = [{ name: "?" }] as unknown as ToolDefinition[];
    expect(() => runtime().conversation({ tools })).toThrow(InputError);
  });

  test("a conversation answers one turn at a time, and none when it is disposed", async () => {
    const conversation = runtime().conversation();
    const parts = conversation.send("One", short)[Symbol.asyncIterator]();
    await parts.next();
    expect(await codeOf(collect(conversation.send("Two")))).toBe("conversation-busy");
    while (!(await parts.next()).done);
    conversation.dispose();
    expect(await codeOf(collect(conversation.send("Three")))).toBe("disposed");
    expect(await codeOf(conversation.export())).toBe("disposed");
    expect(() => conversation.fork()).toThrow("disposed");
    expect(() => conversation.rollback(0)).toThrow("disposed");
    conversation.endPause();
  });
}

function lifetimes(open: (options?: Partial<RuntimeOptions>) => Promise<Runtime>): void {
  test("dispose ends what runs, is safe twice, and refuses everything afterwards", async () => {
    const runtime = await open();
    const conversation = runtime.conversation();
    const turn = codeOf(collect(conversation.send("Hello", { maxTokens: 500 })));
    const evaluation = codeOf(runtime.evaluate({ ids: [1, 2, 3], top: 1, generate: 500 }));
    await Promise.all([runtime.dispose(), runtime.dispose()]);
    expect([await turn, await evaluation]).toEqual(["disposed", "disposed"]);
    expect(runtime.stats()).toMatchObject({ liveGpuBytes: 0, kvBlocksUsed: 0 });
    expect(await codeOf(collect(conversation.send("Again")))).toBe("disposed");
    expect(await codeOf(runtime.evaluate({ ids: [1], top: 1, generate: 0 }))).toBe("disposed");
    expect(await codeOf(runtime.import(new Uint8Array(4)))).toBe("disposed");
    expect(() => runtime.conversation()).toThrow("disposed");
  });

  test("loading tells how far it is, from a stream too", async () => {
    const phases = new Set<Progress["phase"]>();
    const runtime = await open({
      model: tinyModel().stream(),
      onProgress: ({ phase }) => phases.add(phase),
    });
    expect([...phases]).toEqual(expect.arrayContaining(["load", "compile", "warm-up"]));
    expect((await collect(runtime.conversation().send("Hello", short))).usage.completionTokens).toBe(8);
    await runtime.dispose();
  });

  test("a load that fails says why, with a code", async () => {
    expect(await codeOf(open({ model: new Blob(["no model"]) }))).toMatch(/gguf/);
    expect(await codeOf(open({ adapter: "no such GPU" }))).toBe("no-adapter");
    expect(await codeOf(open({ kvMiB: -1 }))).toBe("invalid-option");
    expect(await codeOf(open({ modelsUrl: 7 as unknown as string }))).toBe("invalid-option");
  });

  test("a load ends with its signal's reason", async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("never mind"));
    await expect(open({ signal: controller.signal, onProgress })).rejects.toThrow("never mind");
    await expect(open({ signal: controller.signal })).rejects.toThrow("never mind");
  });

  test("tuning tells how far it is, ends in its time, and with its signal", async () => {
    const runtime = await open({ precision: "default" });
    try {
      let told = 0;
      const { choices } = await runtime.tune({ budgetMs: 300, onProgress: () => (told += 1) });
      expect(choices.length).toBeGreaterThanOrEqual(0);
      expect(told).toBeGreaterThan(0);
      const controller = new AbortController();
      const onProgress = () => controller.abort(new Error("enough"));
      await expect(runtime.tune({ signal: controller.signal, onProgress })).rejects.toThrow("enough");
      expect(await codeOf(runtime.tune({ budgetMs: 0 }))).toBe("invalid-option");
    } finally {
      await runtime.dispose();
    }
  });
}
