import { expect, test } from "vitest";
import {
  type ConversationStore,
  conversationStorage,
  memoryConversationStore,
  type OpenConversationOptions,
  openConversation,
  type StorageError,
} from "../../src/index.ts";
import { FakeOrigin } from "../platform/browser/fake_origin.ts";
import { codeOf, collect, openFakeChat } from "../runtime/fake_chat.ts";

const soon = { saveAfterMs: 1 };

function openIn(store: ConversationStore, options: OpenConversationOptions = {}, chat = openFakeChat()) {
  return openConversation(chat, "main", { store, ...options });
}

/** A store whose writes can be made to fail, and which counts those that did not. */
function watched(store = memoryConversationStore()) {
  const state = { writes: 0, fault: undefined as Error | undefined };
  const write: ConversationStore["write"] = async (name, bytes) => {
    if (state.fault) throw state.fault;
    await store.write(name, bytes);
    state.writes += 1;
  };
  return { ...store, write, state };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("a conversation goes on in another runtime without prefilling what was saved", async () => {
  const store = watched();
  const first = await openIn(store, { ...soon, system: "Be brief." });
  expect(first.beginning).toEqual({ kind: "new" });
  const { usage } = await collect(first.send("Hello there"));
  await until(() => store.state.writes === 1);
  const again = await openIn(store);
  expect(again.beginning).toEqual({ kind: "restored" });
  expect(again.messages).toEqual(first.messages);
  const [here, there] = [await collect(first.send("And now?")), await collect(again.send("And now?"))];
  expect(there.text).toBe(here.text);
  expect(there.usage).toEqual(here.usage);
  expect(there.usage.cachedTokens).toBe(usage.promptTokens + usage.completionTokens - 1);
});

test("it is saved once after turns that follow each other at once, and not again while nothing is new", async () => {
  const store = watched();
  const conversation = await openIn(store, { saveAfterMs: 200 });
  for (const text of ["One", "Two", "Three"]) await collect(conversation.send(text));
  expect(store.state.writes).toBe(0);
  await until(() => store.state.writes === 1);
  expect(await conversation.save()).toBe(true);
  expect(store.state.writes).toBe(1);
  conversation.rollback(2);
  await conversation.save();
  expect((await openIn(store)).messages).toHaveLength(2);
});

test("what is not saved yet is saved when it is disposed", async () => {
  const store = watched();
  const chat = openFakeChat();
  const conversation = await openIn(store, {}, chat);
  await collect(conversation.send("Hello"));
  conversation.dispose();
  expect(await codeOf(collect(conversation.send("More")))).toBe("disposed");
  await until(() => store.state.writes === 1 && chat.blocksUsed() === 0);
});

test("two that are open under one key replace each other's whole, and what was saved last stays", async () => {
  const store = memoryConversationStore();
  const [one, other] = [await openIn(store), await openIn(store)];
  await collect(one.send("One"));
  await collect(other.send("Other"));
  await Promise.all([one.save(), other.save()]);
  await collect(other.send("Last"));
  await other.save();
  expect((await openIn(store)).messages).toEqual(other.messages);
});

test("a store without room breaks nothing, and is told", async () => {
  const store = watched();
  const errors: StorageError[] = [];
  const conversation = await openIn(store, { onError: (error) => errors.push(error) });
  store.state.fault = new DOMException("no room", "QuotaExceededError");
  await collect(conversation.send("Hello"));
  expect(await conversation.save()).toBe(false);
  store.state.fault = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  expect(await conversation.save()).toBe(false);
  store.state.fault = new Error("the disk is gone");
  expect(await conversation.save()).toBe(false);
  expect(errors.map(({ name, code }) => `${name} ${code}`)).toEqual([
    "StorageError storage-full",
    "StorageError storage-full",
    "StorageError storage-failed",
  ]);
  store.state.fault = undefined;
  expect((await collect(conversation.send("Again"))).text).toBe("Well then.");
  expect(await conversation.save()).toBe(true);
});

test("what cannot be restored is put aside, and a new conversation begins", async () => {
  const store = memoryConversationStore();
  const conversation = await openIn(store);
  await collect(conversation.send("Hello"));
  await conversation.save();
  const [{ name = "" } = {}] = await store.list();
  const saved = (await store.read(name)) as Uint8Array<ArrayBuffer>;
  const damaged = saved.slice();
  damaged[damaged.length - 40] = 1 + (damaged.at(-40) ?? 0);
  await store.write(name, damaged);
  await expectPutAside(store, "artefact-damaged");
  await store.write(name, saved.slice(0, 50));
  await expectPutAside(store, "artefact-damaged");
  const text = new TextDecoder("latin1").decode(saved).replace('"version":1', '"version":9');
  await store.write(
    name,
    Uint8Array.from(text, (character) => character.charCodeAt(0)),
  );
  await expectPutAside(store, "artefact-version");
  await store.write(name, saved);
  await expectPutAside(store, "artefact-model", openFakeChat({}, "auto", "1"));
  const unreadable = {
    ...store,
    read: () => Promise.reject(new DOMException("a browser's own words", "NotReadableError")),
  };
  await store.write(name, saved);
  await expectPutAside(unreadable, "storage-failed");
});

async function expectPutAside(store: ConversationStore, code: string, chat = openFakeChat()) {
  const storage = conversationStorage(store);
  const conversation = await openIn(store, {}, chat);
  expect(conversation.beginning).toMatchObject({ kind: "put-aside", error: { code } });
  expect(conversation.messages).toEqual([]);
  await collect(conversation.send("Anew"));
  expect(await conversation.save()).toBe(true);
  expect((await storage.list()).map(({ key, aside }) => [key, aside]).toSorted()).toEqual([
    ["main", false],
    ["main", true],
  ]);
}

test("what is saved is listed, removed and cleared", async () => {
  const store = memoryConversationStore();
  const storage = conversationStorage(store);
  for (const key of ["a", "b-2", "c_3"]) {
    const conversation = await openConversation(openFakeChat(), key, { store });
    await collect(conversation.send("Hello"));
    await conversation.save();
  }
  expect((await storage.list()).map(({ key }) => key).toSorted()).toEqual(["a", "b-2", "c_3"]);
  expect((await storage.list()).every(({ bytes, aside }) => bytes > 0 && !aside)).toBe(true);
  expect([await storage.remove("a"), await storage.remove("a")]).toEqual([true, false]);
  await storage.clear();
  expect(await storage.list()).toEqual([]);
});

test("keys are plain words, and options are checked", async () => {
  const store = memoryConversationStore();
  for (const key of ["", "../up", "a b", "a/b", "a.b", "x".repeat(101)])
    expect(await codeOf(openConversation(openFakeChat(), key, { store }))).toBe("invalid-option");
  expect(await codeOf(openIn(store, { saveAfterMs: -1 }))).toBe("invalid-option");
  expect(await codeOf(conversationStorage(store).remove("../up"))).toBe("invalid-option");
});

test("where nothing can be kept the conversation works, and that is told once", async () => {
  const codes: string[] = [];
  const conversation = await openConversation(openFakeChat(), "main", {
    onError: ({ code }) => codes.push(code),
  });
  for (const text of ["One", "Two"]) {
    await collect(conversation.send(text));
    expect(await conversation.save()).toBe(false);
  }
  expect(codes).toEqual(["storage-missing"]);
  expect(await conversationStorage().list()).toEqual([]);
});

test("files of the origin keep conversations, and what a tab has only begun is nothing", async () => {
  const origin = FakeOrigin.install();
  const conversation = await openConversation(openFakeChat(), "main");
  await collect(conversation.send("Hello"));
  expect(await conversation.save()).toBe(true);
  expect(Object.keys(origin.files)).toEqual(["baton-conversations/main.kv"]);
  const again = await openConversation(openFakeChat(), "main");
  expect(again.messages).toEqual(conversation.messages);
  const other = await openConversation(openFakeChat({}, "auto", "1"), "main");
  expect(other.beginning).toMatchObject({ kind: "put-aside", error: { code: "artefact-model" } });
  expect(Object.keys(origin.files)).toEqual(["baton-conversations/main.aside.kv"]);
  const folder = await origin.root.getDirectoryHandle("baton-conversations");
  await folder.getFileHandle("main.kv", { create: true });
  expect((await openConversation(openFakeChat(), "main")).beginning).toEqual({ kind: "new" });
  origin.quota = 100;
  await collect(again.send("And now?"));
  expect(await again.save()).toBe(false);
  expect(await conversationStorage().remove("main")).toBe(true);
});
