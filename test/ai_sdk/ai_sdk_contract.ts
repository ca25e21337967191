import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { batonModel } from "../../src/ai_sdk/index.ts";
import type { ModelInfo, Runtime } from "../../src/index.ts";
import { openFakeChat } from "../runtime/fake_chat.ts";
import { openTiny } from "../runtime/tiny_runtime.ts";
import type { AiSdk } from "./sdks.ts";

function open(...answers: string[]) {
  const chat = openFakeChat();
  chat.answerWith(...answers);
  const opened: string[] = [];
  const runtime = {
    model: { name: "fake" } as ModelInfo,
    conversation: (...options: Parameters<typeof chat.conversation>) => {
      const conversation = chat.conversation(...options);
      opened.push(conversation.id);
      return conversation;
    },
  };
  // The runner knows no grammar.
  return { chat, opened, model: batonModel(runtime, { constrained: false }) };
}

const call = (name: string, given: object) => JSON.stringify({ name, arguments: given });
const city = z.object({ city: z.enum(["Oslo", "Rome"]), days: z.int().min(1).max(3) });

/** The unmodified package on Baton: scripted answers where the words matter, random weights under a grammar where they do not. */
export function aiSdkContract(name: string, sdk: AiSdk): void {
  describe(name, () => {
    scripted(sdk);
    random(sdk);
  });
}

function scripted({ generateText, stepCountIs, streamText, tool }: AiSdk): void {
  const add = tool({
    description: "Adds two numbers.",
    inputSchema: z.object({ a: z.number(), b: z.number() }),
    execute: async ({ a, b }) => a + b,
  });

  test("generateText answers, and says what it took", async () => {
    const { model, chat } = open("Because of the air.");
    const { text, finishReason, usage, warnings } = await generateText({ model, system: "Be brief.", prompt: "Why is the sky blue?" });
    expect(text).toBe("Because of the air.");
    expect(warnings).toEqual([]);
    expect(finishReason).toBe("stop");
    expect(usage.outputTokens).toBe(chat.tokenizer.encode(text, { control: false }).length + 1);
    expect(usage.inputTokens).toBeGreaterThan(10);
    expect(chat.tokenizer.decode(chat.scheduler.history("c1"))).toContain("Be brief.");
  }); // biome-ignore format: one line

  test("streamText streams, and its reader's signal stops the turn", async () => {
    const { model, chat } = open("one two three four five six seven eight");
    const { textStream } = streamText({ model, prompt: "Count." });
    const texts: string[] = [];
    for await (const text of textStream) texts.push(text);
    expect(texts.length).toBeGreaterThan(2);
    expect(texts.join("")).toBe("one two three four five six seven eight");

    const controller = new AbortController();
    const before = chat.runner.plans.length;
    const stopped = streamText({
      model,
      prompt: "Count!",
      abortSignal: controller.signal,
      onError: () => {},
    });
    for await (const _ of stopped.textStream) controller.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const steps = chat.runner.plans.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(chat.runner.plans.length).toBe(steps);
    expect(steps - before).toBeLessThan(8);
  });

  test("tools run between the steps, in one conversation that prefills nothing twice", async () => {
    const { model, opened } = open(call("add", { a: 2, b: 3 }), "It is 5.");
    const result = await generateText({ model, prompt: "2 + 3?", tools: { add }, stopWhen: stepCountIs(3) });
    expect(result.text).toBe("It is 5.");
    const [first, second] = result.steps;
    expect(first?.finishReason).toBe("tool-calls");
    expect(first?.toolCalls).toMatchObject([{ toolName: "add", input: { a: 2, b: 3 } }]);
    expect(first?.toolResults).toMatchObject([{ output: 5 }]);
    expect(opened).toHaveLength(1);
    const { inputTokens = 0, outputTokens = 0 } = first?.usage ?? {};
    expect(second?.usage.inputTokenDetails.cacheReadTokens).toBeGreaterThanOrEqual(
      inputTokens + outputTokens - 1,
    );
  });

  test("streamText with tools gives their calls and results as parts", async () => {
    const { model } = open(`Let me see.\n${call("add", { a: 2, b: 3 })}`, "It is 5.");
    const { fullStream } = streamText({ model, prompt: "2 + 3?", tools: { add }, stopWhen: stepCountIs(3) });
    const types: string[] = [];
    for await (const part of fullStream) types.push(part.type);
    for (const type of ["text-delta", "tool-input-start", "tool-call", "tool-result", "finish"]) expect(types).toContain(type);
    expect(types).not.toContain("error");
  }); // biome-ignore format: one line

  test("a chat's next turn goes on with its conversation, an edited one with a fork, another one by itself", async () => {
    const { model, opened } = open("Hello.", "I see.", "Well.");
    const user = (content: string) => ({ role: "user", content }) as const;
    const first = await generateText({ model, messages: [user("Hi")] });
    const second = await generateText({ model, messages: [user("Hi"), ...first.response.messages, user("And then?")] });
    expect(second.text).toBe("I see.");
    expect(opened).toHaveLength(1);
    const edited = await generateText({ model, messages: [user("Hi"), ...first.response.messages, user("Or so?")] });
    expect(edited.text).toBe("I see.");
    expect(edited.usage.inputTokenDetails.cacheReadTokens).toBeGreaterThan(0);
    expect(opened).toHaveLength(1); // a fork is the conversation's own
    await generateText({ model, messages: [user("Something else")] });
    expect(opened).toHaveLength(2);
  }); // biome-ignore format: tables

  test("calls at once with the same beginning do not meet", async () => {
    const { model } = open("Hello.", "I see.");
    const first = await generateText({ model, prompt: "Hi" });
    const messages = [{ role: "user", content: "Hi" } as const, ...first.response.messages];
    const next = (content: string) =>
      generateText({ model, messages: [...messages, { role: "user", content }] });
    const both = await Promise.all([next("One"), next("Two"), next("Three")]);
    expect(both.map(({ text }) => text)).toEqual(["I see.", "I see.", "I see."]);
  });

  test("what it cannot read is refused by name", async () => {
    const { model } = open("Hello.");
    const image = { type: "image", image: new Uint8Array(4), mediaType: "image/png" } as const;
    const failing = generateText({ model, messages: [{ role: "user", content: [image] }], maxRetries: 0 });
    await expect(failing).rejects.toMatchObject({ code: "invalid-option" });
  });
}

function random({ generateText, Output, tool }: AiSdk): void {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTiny({ precision: "default" });
  });
  afterAll(() => runtime.dispose());

  test("structured output of random weights is as its schema says", async () => {
    const model = batonModel(runtime);
    for (let seed = 0; seed < 3; seed++) {
      const { output } = await generateText({ model, prompt: "Where?", output: Output.object({ schema: city }), temperature: 1, seed });
      expect(city.parse(output)).toEqual(output);
    }
    model.dispose();
  }); // biome-ignore format: one line

  test("a required tool is called by random weights with valid input", async () => {
    const model = batonModel(runtime);
    const weather = tool({ inputSchema: city, execute: async () => "Rain." });
    const { toolCalls, toolResults } = await generateText({ model, prompt: "How is it?", tools: { weather }, toolChoice: "required", temperature: 1, seed: 1 });
    expect(city.parse(toolCalls[0]?.input)).toEqual(toolCalls[0]?.input);
    expect(toolResults).toMatchObject([{ output: "Rain." }]);
    model.dispose();
  }); // biome-ignore format: one line
}
