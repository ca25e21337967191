import { expect, test } from "vitest";
import type { SendOptions } from "../../src/api.ts";
import { DeviceError } from "../../src/errors.ts";
import { codeOf, collect, openFakeChat } from "./fake_chat.ts";

test("an answer comes in parts, and the last part carries usage and timings", async () => {
  const chat = openFakeChat();
  const tokens = chat.answerWith("Because of the air.");
  const conversation = chat.conversation("Be brief.");
  const done = await collect(conversation.send("Why is the sky blue?"));
  const prompt = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Why is the sky blue?" },
  ] as const;
  expect(done.text).toBe("Because of the air.");
  expect(done.finishReason).toBe("end");
  expect(done.usage).toEqual({
    promptTokens: chat.template.encode(prompt, { generationPrompt: true }).length,
    cachedTokens: 0,
    completionTokens: tokens.length + 1,
  });
  expect(done.timings.tbtMs).toHaveLength(tokens.length);
  expect(done.timings.totalMs).toBeGreaterThanOrEqual(done.timings.ttftMs ?? Number.NaN);
  expect(conversation.messages).toEqual([...prompt, { role: "assistant", content: "Because of the air." }]);
});

test("a second turn runs only what is new", async () => {
  const chat = openFakeChat({ plansInFlight: 1 }, "off"); // no step and no draft runs for nothing, so every token counts
  const conversation = chat.conversation();
  await collect(conversation.send("A long first question, with quite a few words in it."));
  const before = chat.tokensRun();
  const cached = conversation.cachedTokens;
  expect(cached).toBe(before);
  const { usage } = await collect(conversation.send("And then?"));
  expect(usage.cachedTokens).toBe(cached);
  const fresh = chat.tokenizer.encode("<|im_end|>\n<|im_start|>user\nAnd then?<|im_end|>\n<|im_start|>assistant\n", { control: true }); // biome-ignore format: one text
  expect(usage.promptTokens - usage.cachedTokens).toBe(fresh.length);
  expect(chat.tokensRun() - before).toBe(fresh.length + usage.completionTokens - 1);
});

test("the tokens a model sees in the second turn are those of the whole conversation", async () => {
  const chat = openFakeChat();
  const conversation = chat.conversation("Be kind.");
  await collect(conversation.send("One"));
  await collect(conversation.send("Two"));
  const all = chat.template.encode(conversation.messages, { generationPrompt: false });
  const cached = chat.scheduler.history(conversation.id);
  expect(cached).toEqual(all.slice(0, cached.length));
});

test("a signal ends the turn within a step and leaves the conversation usable", async () => {
  const chat = openFakeChat();
  chat.answerWith("one two three four five six seven eight");
  const conversation = chat.conversation();
  const controller = new AbortController();
  const seen: string[] = [];
  let stepsAtAbort = 0;
  for await (const part of conversation.send("Count.", { signal: controller.signal })) {
    if (part.type === "done") expect(part.finishReason).toBe("abort");
    else if (part.type === "text") seen.push(part.text);
    if (seen.length === 3 && !controller.signal.aborted) {
      stepsAtAbort = chat.runner.plans.length;
      controller.abort();
    }
  }
  expect(chat.runner.plans.length).toBeLessThanOrEqual(stepsAtAbort + 1);
  expect(conversation.messages.at(-1)).toEqual({ role: "assistant", content: seen.join("") });
  expect((await collect(conversation.send("Go on."))).finishReason).toBe("end");
});

test("a signal that is already aborted runs nothing", async () => {
  const chat = openFakeChat();
  const conversation = chat.conversation();
  const done = await collect(conversation.send("Hello", { signal: AbortSignal.abort() }));
  expect(done).toMatchObject({ finishReason: "abort", text: "", usage: { completionTokens: 0 } });
  expect(done.timings.ttftMs).toBeNull();
  expect([chat.runner.plans.length, conversation.messages.length]).toEqual([0, 0]);
});

test("an abort before the first token leaves no trace of the turn", async () => {
  const chat = openFakeChat({ maxStepTokens: 8 });
  const conversation = chat.conversation();
  const controller = new AbortController();
  chat.runner.beforeStep = ({ id }) => {
    if (id === 2) controller.abort();
  };
  const done = await collect(
    conversation.send("A question that takes more than two steps.", { signal: controller.signal }),
  );
  expect(done).toMatchObject({ finishReason: "abort", usage: { completionTokens: 0 } });
  expect([conversation.messages, conversation.cachedTokens, chat.blocksUsed()]).toEqual([[], 0, 0]);
});

test.each(["break", "throw", "return"])(
  "leaving the loop by %s stops the turn within a step",
  async (way) => {
    const chat = openFakeChat();
    chat.answerWith("one two three four five six seven eight");
    const conversation = chat.conversation();
    let steps = 0;
    const leave = async () => {
      for await (const _ of conversation.send("Count.")) {
        steps = chat.runner.plans.length;
        if (way === "break") break;
        if (way === "return") return;
        throw new Error("enough");
      }
    };
    await leave().catch(() => {});
    expect(chat.runner.plans.length).toBeLessThanOrEqual(steps + 1);
    expect(chat.scheduler.snapshot()).toMatchObject({ conversations: [{ turn: undefined }] });
    expect((await collect(conversation.send("Go on."))).finishReason).toBe("end");
  },
);

test("a stop string is never shown, and the model goes on from what was shown", async () => {
  const chat = openFakeChat();
  chat.answerWith("The answer. User: and another");
  const conversation = chat.conversation();
  const done = await collect(conversation.send("Ask.", { stop: [" User:"] }));
  expect(done).toMatchObject({ text: "The answer.", finishReason: "stop" });
  await collect(conversation.send("Next."));
  const all = chat.template.encode(conversation.messages, { generationPrompt: false });
  const cached = chat.scheduler.history(conversation.id);
  expect(cached).toEqual(all.slice(0, cached.length));
});

test("a stop token ends the answer and is no part of it", async () => {
  const chat = openFakeChat();
  const tokens = chat.answerWith("yes no");
  const done = await collect(chat.conversation().send("?", { stopTokens: tokens.slice(-1) }));
  expect(done).toMatchObject({ finishReason: "stop", text: chat.tokenizer.decode(tokens.slice(0, -1)) });
});

test("maxTokens ends the answer, and a stop string in the last token still counts as a stop", async () => {
  const chat = openFakeChat();
  const tokens = chat.answerWith("a b c d");
  const short = await collect(chat.conversation().send("?", { maxTokens: 2 }));
  expect(short).toMatchObject({ finishReason: "length", usage: { completionTokens: 2 } });
  const last = chat.tokenizer.decode(tokens.slice(1, 2));
  const stopped = await collect(chat.conversation().send("?", { maxTokens: 2, stop: [last] }));
  expect(stopped.finishReason).toBe("stop");
});

test("text never holds half a character", async () => {
  const chat = openFakeChat();
  chat.answerWith("Grüße 🌍 aus Kraków");
  const texts: string[] = [];
  for await (const part of chat.conversation().send("?")) if (part.type === "text") texts.push(part.text);
  expect(texts.join("")).toBe("Grüße 🌍 aus Kraków");
  expect(texts.filter((text) => text.includes("\uFFFD"))).toEqual([]);
});

test("a conversation that is answering refuses another turn, and goes on", async () => {
  const chat = openFakeChat();
  const conversation = chat.conversation();
  const parts = conversation.send("One")[Symbol.asyncIterator]();
  await parts.next();
  expect(await codeOf(collect(conversation.send("Two")))).toBe("conversation-busy");
  while (!(await parts.next()).done);
  expect(conversation.messages).toHaveLength(2);
});

test("a stream that nobody reads to its end does not keep its conversation busy", async () => {
  const chat = openFakeChat();
  const conversation = chat.conversation();
  const unread = conversation.send("One")[Symbol.asyncIterator]();
  await unread.next();
  await collect(chat.conversation().send("Something else, to let the first one end.", { maxTokens: 30 }));
  expect((await collect(conversation.send("Two"))).finishReason).toBe("end");
});

test("conversations that run at once share their steps", async () => {
  const chat = openFakeChat();
  const alone = openFakeChat();
  await collect(alone.conversation().send("Hello"));
  await Promise.all([1, 2, 3, 4].map(() => collect(chat.conversation().send("Hello"))));
  expect(Math.max(...chat.runner.plans.map(({ rows }) => rows.length))).toBe(4);
  expect(chat.runner.plans.length).toBeLessThan(2 * alone.runner.plans.length);
});

test("a failing step ends its turns with the error, and the conversation is as before", async () => {
  const chat = openFakeChat();
  const conversation = chat.conversation();
  await collect(conversation.send("One"));
  const before = conversation.messages;
  chat.runner.beforeStep = () => {
    throw new DeviceError("gpu-out-of-memory", "No memory is left.");
  };
  expect(await codeOf(collect(conversation.send("Two")))).toBe("gpu-out-of-memory");
  expect(conversation.messages).toBe(before);
  chat.runner.beforeStep = () => {};
  expect((await collect(conversation.send("Two"))).finishReason).toBe("end");
});

test("a runner that fails in a way nobody foresaw still gives a typed error", async () => {
  const chat = openFakeChat();
  chat.runner.beforeStep = () => Promise.reject(new TypeError("undefined is not a buffer"));
  expect(await codeOf(collect(chat.conversation().send("One")))).toBe("gpu-error");
});

test("a lost device ends turns whose step never reports", async () => {
  const chat = openFakeChat();
  chat.runner.beforeStep = () => new Promise(() => {});
  const turn = codeOf(collect(chat.conversation().send("One")));
  await Promise.resolve();
  chat.loop.lose("gpu", new DeviceError("device-lost", "The device is gone.").toPlain());
  expect(await turn).toBe("device-lost");
  expect(await codeOf(collect(chat.conversation().send("Two")))).toBe("device-lost");
  await chat.loop.dispose();
});

test("disposing a conversation ends its turn and returns its blocks", async () => {
  const chat = openFakeChat();
  const conversation = chat.conversation();
  const parts = conversation.send("One")[Symbol.asyncIterator]();
  await parts.next();
  conversation.dispose();
  const rest = async () => {
    while (!(await parts.next()).done);
  };
  expect(await codeOf(rest())).toBe("disposed");
  expect(await codeOf(collect(conversation.send("Two")))).toBe("disposed");
  await expect.poll(chat.blocksUsed).toBe(0);
});

test("in a full cache a turn takes the place of a conversation that is idle, which goes on later all the same", async () => {
  const prompt = "word ".repeat(40);
  const { template } = openFakeChat();
  const tokens = template.encode([{ role: "user", content: prompt }], { generationPrompt: true }).length;
  const chat = openFakeChat({ blocks: Math.ceil(tokens / 4) + 10 });
  const first = chat.conversation("You are a helpful assistant with another beginning.");
  await collect(first.send("One"));
  expect((await collect(chat.conversation().send(prompt))).finishReason).toBe("end");
  expect(first.cachedTokens).toBe(0);
  const again = await collect(first.send("Two"));
  expect(again.finishReason).toBe("end");
  expect(again.usage.cachedTokens).toBeLessThan(again.usage.promptTokens - 20);
});

test("an answer that outgrows the whole cache fails with its turn", async () => {
  const chat = openFakeChat({ blocks: 20 });
  chat.answerWith("word ".repeat(90));
  const conversation = chat.conversation();
  expect(await codeOf(collect(conversation.send("Go on.")))).toBe("kv-full");
  expect([conversation.messages, chat.blocksUsed()]).toEqual([[], 0]);
});

test("the same seed draws the same plan, and an absent seed is drawn anew", async () => {
  const chat = openFakeChat();
  const seedOf = async (options: SendOptions) => {
    await collect(chat.conversation().send("One", options));
    const output = chat.runner.plans.at(-1)?.rows[0]?.output;
    return output?.kind === "token" ? output.sampling.seed : undefined;
  };
  expect(await seedOf({ seed: 7 })).toBe(7);
  const drawn = new Set([await seedOf({}), await seedOf({}), await seedOf({})]);
  expect(drawn.size).toBeGreaterThan(1);
});

const wrong: readonly (readonly [string, Record<string, unknown>])[] = [
  ["temperature", { temperature: -1 }],
  ["temperature", { temperature: Number.NaN }],
  ["temperature", { temperature: "hot" }],
  ["topK", { topK: 1.5 }],
  ["topP", { topP: 0 }],
  ["minP", { minP: 1 }],
  ["repetitionPenalty", { repetitionPenalty: 0 }],
  ["presencePenalty", { presencePenalty: 3 }],
  ["frequencyPenalty", { frequencyPenalty: Infinity }],
  ["seed", { seed: 2 ** 32 }],
  ["maxTokens", { maxTokens: 0 }],
  ["priority", { priority: Number.NaN }],
  ["stop", { stop: "text" }],
  ["stop", { stop: [""] }],
  ["stopTokens[0]", { stopTokens: [600] }],
  ["signal", { signal: {} }],
];

test.each(wrong)("the option %s is checked before anything runs: %o", async (option, options) => {
  const chat = openFakeChat();
  const failing = collect(chat.conversation().send("Hello", options as SendOptions));
  await expect(failing).rejects.toMatchObject({ code: "invalid-option", fields: { option } });
  await expect(failing).rejects.toThrow(/It has to be|it has to be/);
  expect(chat.runner.plans).toEqual([]);
});

test.each(["", "   \n"])("an empty prompt is refused: %j", async (text) => {
  const chat = openFakeChat();
  expect(await codeOf(collect(chat.conversation().send(text)))).toBe("empty-prompt");
});
