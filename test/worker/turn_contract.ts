import { expect, test } from "vitest";
import { InputError, type Message, type Runtime, type SendOptions } from "../../src/index.ts";
import { codeOf, collect } from "../runtime/fake_chat.ts";

/** The contract's part about conversations and their turns. */

type GetRuntime = () => Runtime;
const short: SendOptions = { temperature: 0, maxTokens: 8 };

export function turns(runtime: GetRuntime): void {
  test("says what it runs", () => {
    expect(runtime()).toMatchObject({ policy: "baton", precision: "exact", devices: [{ role: "both" }] });
    expect(runtime().model).toMatchObject({ architecture: "llama", vocabTokens: 600, contextTokens: 8192 });
    expect(runtime().adapter.name).not.toBe("");
    expect(runtime().devicesReason).toMatch(/^Baton uses/);
  });

  test("an answer comes in parts, and messages and cache are up to date with its last one", async () => {
    const conversation = runtime().conversation({ system: "Be brief." });
    let text = "";
    let atDone: readonly Message[] = [];
    for await (const part of conversation.send("Hello", short)) {
      if (part.type === "text") text += part.text;
      if (part.type !== "done") continue;
      atDone = conversation.messages;
      expect(part.usage.completionTokens).toBe(8);
      expect(part.timings.tbtMs).toHaveLength(7);
      expect(conversation.cachedTokens).toBe(part.usage.promptTokens + 7);
    }
    expect(atDone).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello" },
      { role: "assistant", content: text },
    ]);
    const { usage } = await collect(conversation.send("And now?", short));
    expect(usage.cachedTokens).toBeGreaterThan(8);
    conversation.dispose();
  });

  test("conversations at once get the answers that each gets alone", async () => {
    const prompts = ["Hello", "Numbers: 1234567890", "Größe, naïve, 東京 🙂"];
    const ask = async (prompt: string) => (await collect(runtime().conversation().send(prompt, short))).text;
    const alone: string[] = [];
    for (const prompt of prompts) alone.push(await ask(prompt));
    expect(await Promise.all(prompts.map(ask))).toEqual(alone);
    expect(new Set(alone).size).toBe(3);
  });

  test("a seed decides what is sampled, and stop strings end an answer", async () => {
    const ask = async (options: SendOptions) =>
      collect(
        runtime()
          .conversation()
          .send("Say something", { maxTokens: 8, ...options }),
      );
    const hot = { temperature: 1.5, topK: 50 };
    const [first, same, other] = await Promise.all([7, 7, 8].map((seed) => ask({ ...hot, seed })));
    expect(same?.text).toBe(first?.text);
    expect(other?.text).not.toBe(first?.text);
    const whole = first?.text ?? "";
    const stopped = await ask({ ...hot, seed: 7, stop: [whole.slice(2, 5)] });
    expect(stopped).toMatchObject({ finishReason: "stop", text: whole.slice(0, 2) });
  });

  test("stats and conversations know of a turn at its end", async () => {
    const { steps } = runtime().stats();
    const conversation = runtime().conversation();
    await collect(conversation.send("Hello", short));
    expect(runtime().stats().steps).toBeGreaterThan(steps);
    const status = runtime().conversations().find(({ id }) => id === conversation.id); // biome-ignore format: one question
    expect(status).toMatchObject({ phase: "idle", cachedTokens: conversation.cachedTokens });
    conversation.dispose();
    await expect
      .poll(() =>
        runtime()
          .conversations()
          .map(({ id }) => id),
      )
      .not.toContain(conversation.id);
  });
}

export function aborts(runtime: GetRuntime): void {
  test("a signal ends a turn within a step, and the conversation goes on", async () => {
    const conversation = runtime().conversation();
    const controller = new AbortController();
    const { steps } = runtime().stats();
    let reason = "";
    for await (const part of conversation.send("Go", { maxTokens: 200, signal: controller.signal })) {
      if (part.type === "done") reason = part.finishReason;
      else controller.abort();
    }
    expect(reason).toBe("abort");
    expect(runtime().stats().steps - steps).toBeLessThan(20);
    expect(conversation.messages).toHaveLength(2);
    expect((await collect(conversation.send("Go on", short))).usage.cachedTokens).toBeGreaterThan(0);
  });

  test("a signal that was aborted before runs nothing", async () => {
    const conversation = runtime().conversation();
    const done = await collect(conversation.send("Hello", { signal: AbortSignal.abort() }));
    expect(done).toMatchObject({ text: "", finishReason: "abort", usage: { completionTokens: 0 } });
    expect(conversation.messages).toEqual([]);
  });

  test.each(["break", "throw"])("leaving the loop by %s ends the turn within a step", async (way) => {
    const conversation = runtime().conversation();
    const { steps } = runtime().stats();
    const leave = async () => {
      for await (const _ of conversation.send("Go", { maxTokens: 200 })) {
        if (way === "break") break;
        throw new Error("enough");
      }
    };
    if (way === "break") await leave();
    else await expect(leave()).rejects.toThrow("enough");
    expect(runtime().stats().steps - steps).toBeLessThan(20);
    expect(conversation.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect((await collect(conversation.send("Go on", short))).finishReason).toBe("length");
  });
}

export function histories(runtime: GetRuntime): void {
  test("a fork goes on beside its origin, and prefills nothing of what both have", async () => {
    const conversation = runtime().conversation({ system: "Be brief." });
    await collect(conversation.send("One", short));
    await collect(conversation.send("Two", short));
    const fork = conversation.fork();
    const early = conversation.fork({ messages: 3 });
    expect(fork.messages).toEqual(conversation.messages);
    expect(early.messages).toEqual(conversation.messages.slice(0, 3));
    expect(fork.cachedTokens).toBe(conversation.cachedTokens);
    expect(() => conversation.fork({ messages: 2 })).toThrow(InputError);
    const [ours, theirs, again] = await Promise.all(
      [conversation, fork, early].map((one) => collect(one.send(one === early ? "Two" : "Three", short))),
    );
    expect(theirs?.text).toBe(ours?.text);
    expect(theirs?.usage.cachedTokens).toBeGreaterThan(0);
    expect(again?.text).toBe(conversation.messages[4]?.content);
  });

  test("a fork during a turn has nothing of it", async () => {
    const conversation = runtime().conversation();
    await collect(conversation.send("One", short));
    const parts = conversation.send("Two", short)[Symbol.asyncIterator]();
    await parts.next();
    const fork = conversation.fork();
    while (!(await parts.next()).done);
    expect(conversation.messages).toHaveLength(4);
    expect((await collect(fork.send("Two", short))).text).toBe(conversation.messages[3]?.content);
  });

  test("a rollback takes turns back, and not while one runs", async () => {
    const conversation = runtime().conversation();
    const first = await collect(conversation.send("One", short));
    const { text } = await collect(conversation.send("Two", short));
    conversation.rollback(2);
    expect(conversation.messages.map(({ content }) => content)).toEqual(["One", first.text]);
    expect(() => conversation.rollback(1)).toThrow("question");
    const parts = conversation.send("Two", short)[Symbol.asyncIterator]();
    await parts.next();
    expect(() => conversation.rollback(0)).toThrow(expect.objectContaining({ code: "conversation-busy" }));
    while (!(await parts.next()).done);
    expect(conversation.messages[3]?.content).toBe(text);
  });

  test("a saved conversation goes on under another name, without prefilling", async () => {
    const tool = { name: "add", parameters: { type: "object", properties: {} } };
    const conversation = runtime().conversation({ tools: [tool] });
    await collect(conversation.send("One", short));
    const saved = await conversation.export();
    expect(saved).toBeInstanceOf(Uint8Array);
    const moved = await runtime().import(saved, { id: "moved" });
    expect(saved.length).toBeGreaterThan(100); // it is still the caller's
    const { messages, tools } = conversation;
    expect(moved).toMatchObject({ id: "moved", messages, tools });
    const both = [conversation, await runtime().import(new Blob([saved])), moved];
    const texts = await Promise.all(both.map(async (one) => collect(one.send("Two", short))));
    expect(new Set(texts.map(({ text }) => text)).size).toBe(1);
    for (const { usage } of texts) expect(usage.cachedTokens).toBeGreaterThan(8);
    expect(await codeOf(runtime().import(saved.slice(1)))).toBe("artefact-damaged");
    expect(await codeOf(runtime().import("text" as unknown as Blob))).toBe("invalid-option");
    for (const one of both) one.dispose();
  });
}

export function names(runtime: GetRuntime): void {
  test("a conversation may have a name, which no other open one has", async () => {
    const conversation = runtime().conversation({ id: "mine" });
    const fork = conversation.fork({ id: "its fork" });
    expect([conversation.id, fork.id]).toEqual(["mine", "its fork"]);
    await collect(conversation.send("Hello", short));
    expect(runtime().conversations().map(({ id }) => id)).toContain("mine"); // biome-ignore format: one question
    const twice = expect.objectContaining({ code: "invalid-option", fields: expect.objectContaining({ option: "id" }) }); // biome-ignore format: one line
    expect(() => runtime().conversation({ id: "mine" })).toThrow(twice);
    expect(() => conversation.fork({ id: "its fork" })).toThrow(twice);
    const saved = await conversation.export();
    expect(await codeOf(runtime().import(saved, { id: "mine" }))).toBe("invalid-option");
    conversation.dispose();
    conversation.dispose();
    const again = runtime().conversation({ id: "mine" });
    expect([again.messages, again.cachedTokens]).toEqual([[], 0]);
    expect((await collect(again.send("Hello", short))).finishReason).toBe("length");
    conversation.dispose();
    expect((await collect(again.send("Again", short))).finishReason).toBe("length");
    for (const one of [again, fork]) one.dispose();
  });

  test.each(["", "evaluation-7", 7])("%j is no name", (id) => {
    expect(() => runtime().conversation({ id: id as string })).toThrow(InputError);
  });

  test("without names they are all different, whatever others are called", () => {
    const number = Number(/\d+$/.exec(runtime().conversation().id)?.[0]);
    runtime().conversation({ id: `conversation-${number + 1}` });
    expect(runtime().conversation().id).toBe(`conversation-${number + 2}`);
  });
}
