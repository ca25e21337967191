import { expect, test } from "vitest";
import type { AgentEvent, AgentOptions, AgentSendOptions } from "../../src/index.ts";
import { createAgent, type Tool, tool } from "../../src/index.ts";
import { codeOf, openFakeChat } from "../runtime/fake_chat.ts";

const call = (name: string, given: object = {}) => JSON.stringify({ name, arguments: given });

const add = tool({
  name: "add",
  description: "Adds two numbers.",
  parameters: {
    type: "object",
    properties: { a: { type: "number" }, b: { type: "number" } },
    required: ["a", "b"],
  },
  execute: ({ a, b }) => Number(a) + Number(b),
});

function named(name: string, execute: Parameters<typeof tool>[0]["execute"]): Tool {
  return tool({ name, parameters: { type: "object" }, execute });
}

function open(answers: readonly string[], options: AgentOptions = {}) {
  const chat = openFakeChat();
  chat.answerWith(...answers);
  return { chat, agent: createAgent(chat, { tools: [add], ...options }) };
}

async function eventsOf(events: AsyncIterable<AgentEvent>) {
  const all: AgentEvent[] = [];
  for await (const event of events) all.push(event);
  const of = <Type extends AgentEvent["type"]>(type: Type) =>
    all.filter((event): event is Extract<AgentEvent, { type: Type }> => event.type === type);
  const text = of("text").map((part) => part.text).join(""); // biome-ignore format: one line
  return {
    all,
    text,
    results: of("tool-result"),
    calls: of("tool-call"),
    done: of("done")[0],
    usages: of("usage"),
  };
}

const ask = (agent: ReturnType<typeof open>["agent"], options?: AgentSendOptions) =>
  eventsOf(agent.send("How much is it?", options));

test("an agent calls its tool, hears the result and answers", async () => {
  const { agent } = open([call("add", { a: 2, b: 3 }), "It is 5."]);
  const { calls, results, text, done, usages, all } = await ask(agent);
  expect(calls).toMatchObject([{ id: "call-1", name: "add", arguments: { a: 2, b: 3 } }]);
  expect(results).toMatchObject([{ id: "call-1", name: "add", result: 5 }]);
  expect(text).toBe("It is 5.");
  expect(done).toMatchObject({ finishReason: "end", steps: 2 });
  expect(usages.map(({ step }) => step)).toEqual([1, 2]);
  expect(all.at(-1)?.type).toBe("done");
  const { firstTokenMs = 0, firstEffectiveTokenMs = 0, totalMs = 0 } = done?.timings ?? {};
  expect(firstTokenMs).toBeGreaterThan(0);
  expect(firstEffectiveTokenMs).toBeGreaterThan(firstTokenMs);
  expect(totalMs).toBeGreaterThanOrEqual(firstEffectiveTokenMs);
  expect(agent.messages.map(({ role, content }) => [role, content])).toEqual([
    ["user", "How much is it?"],
    ["assistant", ""],
    ["tool", "5"],
    ["assistant", "It is 5."],
  ]);
});

test("what the model wrote is not prefilled again", async () => {
  const { agent, chat } = open([call("add", { a: 2, b: 3 }), "It is 5."]);
  const { usages } = await ask(agent);
  const [first, second] = usages.map(({ usage }) => usage);
  expect(second?.cachedTokens).toBeGreaterThanOrEqual(
    (first?.promptTokens ?? 0) + (first?.completionTokens ?? 0) - 1,
  );
  expect(chat.scheduler.snapshot().conversations).toHaveLength(1);
});

test("calls side by side run at once, and each has its result", async () => {
  let running = 0;
  let most = 0;
  const slow = named("slow", async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running -= 1;
    return "so";
  });
  const { agent } = open([`${call("slow")}\n${call("add", { a: 1, b: 1 })}\n${call("slow")}`, "Done."], { tools: [slow, add] });
  const { results } = await ask(agent);
  expect(results.map(({ id, name }) => [id, name])).toEqual([["call-1", "slow"], ["call-2", "add"], ["call-3", "slow"]]);
  expect(most).toBe(2);
}); // biome-ignore format: tables

test("an error in a tool, a wrong argument and an unknown tool are results that the model sees", async () => {
  const fails = named("fails", () => {
    throw new Error("no network");
  });
  const answer = [
    call("fails"),
    call("add", { a: "two" }),
    call("multiply"),
    '{"name": "add", "arguments": [1]}',
  ];
  const { agent } = open([answer.join("\n"), "I see."], { tools: [fails, add] });
  const { results, done } = await ask(agent);
  expect(results.map(({ error }) => error)).toEqual([
    "no network",
    expect.stringContaining("do not fit"),
    expect.stringContaining("There are: fails, add"),
    expect.stringContaining("JSON object"),
  ]);
  const told = agent.messages.filter(({ role }) => role === "tool").map(({ content }) => content);
  expect(told).toHaveLength(4);
  for (const content of told) expect(content).toMatch(/^Error: /);
  expect(done?.finishReason).toBe("end");
});

test("a tool that takes too long is left behind, and told so by its signal", async () => {
  let signalled = false;
  const hangs = named("hangs", (_, { signal }) => {
    signal.addEventListener("abort", () => {
      signalled = true;
    });
    return new Promise(() => {});
  });
  const { agent } = open([call("hangs"), "Pity."], { tools: [hangs], toolTimeoutMs: 20 });
  const { results, done } = await ask(agent);
  expect(results).toMatchObject([{ error: "It took longer than 20 ms." }]);
  expect(signalled).toBe(true);
  expect(done?.finishReason).toBe("end");
});

test("the signal stops tools that run; what they left unanswered the model hears of with the next request", async () => {
  const controller = new AbortController();
  const hangs = named("hangs", () => {
    controller.abort();
    return new Promise(() => {});
  });
  const { agent } = open([call("hangs"), "Well."], { tools: [hangs] });
  const { done } = await ask(agent, { signal: controller.signal });
  expect(done).toMatchObject({ finishReason: "abort", steps: 1 });
  const next = await ask(agent);
  expect(next.text).toBe("Well.");
  expect(agent.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user", "assistant"]);
});

test("leaving the loop while a tool runs aborts its signal", async () => {
  const state: { signal?: AbortSignal } = {};
  const hangs = named("hangs", (_, { signal }) => {
    state.signal = signal;
    return new Promise(() => {});
  });
  const quick = named("quick", () => "so");
  const { agent } = open([`${call("quick")}\n${call("hangs")}`, "Well."], { tools: [hangs, quick] });
  for await (const event of agent.send("Go.")) if (event.type === "tool-result") break;
  expect(state.signal?.aborted).toBe(true);
});

test("the last step that is allowed calls no tools", async () => {
  const { agent, chat } = open([call("add", { a: 1, b: 1 })], { maxSteps: 3 });
  const { done, results, text } = await ask(agent);
  expect(results).toHaveLength(2);
  expect(done).toMatchObject({ steps: 3, finishReason: "end" });
  expect(text).toBe(call("add", { a: 1, b: 1 })); // what it says then is text, whatever it is
  expect(chat.scheduler.snapshot().conversations).toHaveLength(1);
});

test("a budget of tokens counts all answers", async () => {
  const { agent } = open([call("add", { a: 1, b: 1 }), "one two three four five six seven eight"]);
  const whole = await ask(agent);
  const [first] = whole.usages;
  const maxTokens = (first?.usage.completionTokens ?? 0) + 2;
  const { agent: other } = open([call("add", { a: 1, b: 1 }), "one two three four five six seven eight"]);
  const { done } = await ask(other, { maxTokens });
  expect(done).toMatchObject({ finishReason: "budget", usage: { completionTokens: maxTokens } });
});

test("a fork goes on by itself", async () => {
  const { agent } = open([call("add", { a: 2, b: 3 }), "It is 5.", "Again."]);
  await ask(agent);
  const fork = await agent.fork();
  await eventsOf(fork.send("And now?"));
  expect(agent.messages).toHaveLength(4);
  expect(fork.messages).toHaveLength(6);
  fork.dispose();
  expect((await eventsOf(agent.send("And now?"))).text).toBe("Again.");
});

test("several agents at once each get their own", async () => {
  const chat = openFakeChat();
  chat.answerWith(call("add", { a: 2, b: 3 }), "It is 5.");
  const agents = Array.from({ length: 6 }, () => createAgent(chat, { tools: [add] }));
  const all = await Promise.all(agents.map((agent) => ask(agent)));
  for (const { text, results } of all) {
    expect(results).toMatchObject([{ result: 5 }]);
    expect(text).toBe("It is 5.");
  }
});

test("long results are cut for the model, and not for the caller", async () => {
  const long = named("long", () => "x".repeat(100));
  const { agent } = open([call("long"), "I see."], { tools: [long], maxResultCharacters: 10 });
  const { results } = await ask(agent);
  expect(results[0]?.result).toHaveLength(100);
  expect(agent.messages[2]?.content).toBe(`${"x".repeat(10)}… (cut)`);
});

test("the model is told of tools in the system message, and of results in the user's", async () => {
  const { agent, chat } = open([call("add", { a: 2, b: 3 }), "It is 5."], { system: "Be brief." });
  await ask(agent);
  const read = chat.tokenizer.decode(chat.scheduler.history("c1"));
  expect(read).toContain("Be brief.");
  expect(read).toContain('{"name":"add","description":"Adds two numbers."');
  expect(read).toContain("The tool add gave:\n5");
});

test.each([
  ["maxSteps", { maxSteps: 0 }],
  ["toolTimeoutMs", { toolTimeoutMs: -1 }],
  ["tools", { tools: [{ name: "x" }] }],
  ["constrained", { constrained: "yes" }],
  ["system", { system: 5 }],
])("a wrong %s is refused at once", (option, options) => {
  const chat = openFakeChat();
  expect(() => createAgent(chat, options as AgentOptions)).toThrow(expect.objectContaining({ code: "invalid-option", fields: expect.objectContaining({ option: expect.stringContaining(option) }) })); // biome-ignore format: one line
});

test("a choice of a tool that there is not is refused, and the agent goes on", async () => {
  const { agent } = open(["Well."]);
  expect(await codeOf(ask(agent, { toolChoice: { tool: "subtract" } }))).toBe("invalid-option");
  expect(await codeOf(eventsOf(agent.send("  ")))).toBe("empty-prompt");
  expect((await ask(agent)).text).toBe("Well.");
});
