import { afterAll, beforeAll, expect, test } from "vitest";
import { createAgent, type Runtime, type ToolCallPart, tool } from "../../src/index.ts";
import { codeOf, collect } from "../runtime/fake_chat.ts";
import { openTiny } from "../runtime/tiny_runtime.ts";

/** Random weights write noise, so whatever is valid here the grammar has made so. */

let runtime: Runtime;

beforeAll(async () => {
  runtime = await openTiny({ precision: "default" });
});
afterAll(() => runtime.dispose());

const weather = {
  name: "weather",
  description: "The weather of a city.",
  parameters: {
    type: "object",
    properties: { city: { enum: ["Oslo", "Rome"] }, days: { type: "integer", minimum: 1, maximum: 3 } },
    required: ["city", "days"],
    additionalProperties: false,
  },
} as const;
const wait = {
  name: "wait",
  parameters: { type: "object", properties: {}, additionalProperties: false },
} as const;

async function callsOf(parts: AsyncIterable<{ readonly type: string }>): Promise<ToolCallPart[]> {
  const calls: ToolCallPart[] = [];
  for await (const part of parts) if (part.type === "tool-call") calls.push(part as ToolCallPart);
  return calls;
}

test("random weights call a tool with valid arguments when they have to", async () => {
  for (let seed = 0; seed < 5; seed++) {
    const conversation = runtime.conversation({ tools: [weather, wait] });
    const options = { toolChoice: { tool: "weather" }, temperature: 1, seed, maxTokens: 60 } as const;
    const [call] = await callsOf(conversation.send("How is it in Oslo?", options));
    expect(call?.name).toBe("weather");
    expect(call?.invalid).toBeUndefined();
    expect(["Oslo", "Rome"]).toContain(call?.arguments.city);
    expect([1, 2, 3]).toContain(call?.arguments.days);
    conversation.dispose();
  }
});

test("an agent on random weights gets through: a valid call, the result, an answer", async () => {
  let ran = 0;
  const tools = [
    tool({
      ...weather,
      execute: ({ city }) => {
        ran += 1;
        return `Rain in ${city}.`;
      },
    }),
  ];
  const agent = createAgent(runtime, { tools, constrained: true, maxSteps: 2, temperature: 1, seed: 3 });
  const events: { readonly type: string }[] = [];
  for await (const event of agent.send("How is it?", { toolChoice: "required", maxTokens: 200 }))
    events.push(event);
  expect(ran).toBeGreaterThan(0);
  expect(events.filter(({ type }) => type === "tool-result").length).toBe(ran);
  expect(events.at(-1)).toMatchObject({ type: "done", steps: 2 });
  agent.dispose();
});

test("a whole answer is JSON of the schema", async () => {
  const schema = {
    type: "object",
    properties: { city: { enum: ["Oslo", "Rome"] }, rain: { type: "boolean" } },
    required: ["city", "rain"],
    additionalProperties: false,
  } as const;
  for (let seed = 0; seed < 5; seed++) {
    const responseFormat = { type: "json", schema } as const;
    const options = { responseFormat, temperature: 1, seed, maxTokens: 100 };
    const { text, finishReason } = await collect(runtime.conversation().send("How is it?", options));
    expect(finishReason).toBe("end");
    const value = JSON.parse(text);
    expect(Object.keys(value)).toEqual(["city", "rain"]);
    expect(typeof value.rain).toBe("boolean");
  }
});

test("conversations without a grammar share steps with those that have one, and are the same as alone", async () => {
  const options = { temperature: 0, maxTokens: 24 } as const;
  const alone = await collect(runtime.conversation().send("Count.", options));
  const constrained = runtime.conversation({ tools: [weather] });
  const [together, calls] = await Promise.all([
    collect(runtime.conversation().send("Count.", options)),
    callsOf(
      constrained.send("How is it?", { toolChoice: "required", temperature: 1, seed: 1, maxTokens: 60 }),
    ),
  ]);
  expect(together.text).toBe(alone.text);
  expect(calls[0]?.name).toBe("weather");
});

test("a schema that no grammar can be made of is refused, and the conversation goes on", async () => {
  const conversation = runtime.conversation();
  const schema = { type: "nonsense" };
  const failing = collect(conversation.send("?", { responseFormat: { type: "json", schema } }));
  expect(await codeOf(failing)).toBe("invalid-schema");
  expect((await collect(conversation.send("?", { maxTokens: 2 }))).finishReason).toBe("length");
  for (const city of ["Oslo", "Rome"]) {
    const valid = { type: "json", schema: { enum: [city] } } as const;
    const { text } = await collect(conversation.send("?", { responseFormat: valid, temperature: 1 }));
    expect(text).toBe(JSON.stringify(city));
  }
});
