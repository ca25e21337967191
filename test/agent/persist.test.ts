import { expect, test } from "vitest";
import type { AgentEvent } from "../../src/index.ts";
import { createAgent, memoryConversationStore, tool } from "../../src/index.ts";
import { codeOf, openFakeChat } from "../runtime/fake_chat.ts";

const add = tool({
  name: "add",
  parameters: { type: "object" },
  execute: ({ a, b }) => Number(a) + Number(b),
});
const call = JSON.stringify({ name: "add", arguments: { a: 2, b: 3 } });

function open(store = memoryConversationStore()) {
  const chat = openFakeChat();
  chat.answerWith(call, "It is 5.", call, "Still 5.");
  return createAgent(chat, { tools: [add], persist: { key: "agent", store, saveAfterMs: 3_600_000 } });
}

async function eventsOf(events: AsyncIterable<AgentEvent>): Promise<readonly AgentEvent[]> {
  const all: AgentEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test("an agent goes on from where it was saved, with its tools", async () => {
  const store = memoryConversationStore();
  const agent = open(store);
  expect(await agent.open()).toEqual({ kind: "new" });
  await eventsOf(agent.send("How much is it?"));
  agent.dispose(); // saves it at once
  while ((await store.list()).length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const again = open(store);
  expect(again.messages).toEqual([]);
  expect(await again.open()).toEqual({ kind: "restored" });
  expect(again.messages).toEqual(agent.messages);
  const events = await eventsOf(again.send("And now?"));
  expect(events.map(({ type }) => type)).toContain("tool-result");
  const usage = events.find((event) => event.type === "usage");
  expect(usage?.usage.cachedTokens).toBeGreaterThan(0);
});

test("an agent that is not saved says so, and one cannot be saved that cannot be restored", async () => {
  const chat = openFakeChat();
  expect(await createAgent(chat).open()).toBeUndefined();
  const store = memoryConversationStore();
  const { conversation } = chat;
  expect(await codeOf(createAgent({ conversation }, { persist: { key: "a", store } }).open())).toBe(
    "invalid-option",
  );
  expect(() => createAgent(chat, { persist: "../up" })).toThrow(/persist/);
});
