import { expect, test } from "vitest";
import {
  changed,
  emptyTree,
  isSaid,
  leafOf,
  messagesOf,
  pathTo,
  siblingsOf,
  turnOf,
  withTurn,
} from "../../src/demo/chat/tree.ts";
import { comparisonFor } from "../../src/demo/compare/compare.ts";
import { addressOf, models } from "../../src/demo/engine.ts";
import { ownersOf } from "../../src/demo/fleet/block_map.tsx";
import { FleetLog } from "../../src/demo/fleet/log.ts";
import { tasksFor } from "../../src/demo/fleet/prompts.ts";
import { formatBytes, formatWait } from "../../src/demo/format.ts";
import { isKept, progressBook } from "../../src/demo/progress.ts";
import { viewOf } from "../../src/demo/route.ts";
import { noNews, withEvent } from "../../src/demo/shell/device_news.ts";
import { createStore } from "../../src/demo/store.ts";
import { proposedModel, suitedTo } from "../../src/demo/suited.ts";
import { troubleOf } from "../../src/demo/trouble.ts";
import { DeviceError, ModelError } from "../../src/index.ts";

const turn = (id: number, parent: number | undefined, answer = `answer ${id}`) =>
  ({ id, parent, question: `question ${id}`, answer, state: "done", pieces: 1 }) as const;

/** 1 - 2 - 3, and 4 in the place of 2. */
const tree = [turn(1, undefined), turn(2, 1), turn(3, 2), turn(4, 1)].reduce(withTurn, emptyTree);

test("a chat's tree has a path to each turn, and knows the branches beside it", () => {
  expect(pathTo(tree, 3).map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(pathTo(tree, 4).map(({ id }) => id)).toEqual([1, 4]);
  expect(siblingsOf(tree, turn(2, 1)).map(({ id }) => id)).toEqual([2, 4]);
  expect([leafOf(tree, 1), leafOf(tree, 2)]).toEqual([4, 3]);
});

test("what failed is no part of what the model is told", () => {
  const failed = changed(tree, 2, { state: "failed", answer: "" });
  const path = pathTo(failed, 3);
  expect(isSaid(turnOf(failed, 2) ?? turn(0, undefined))).toBe(false);
  expect(messagesOf("Be brief.", path).map(({ content }) => content)).toEqual([
    ...["Be brief.", "question 1", "answer 1", "question 3", "answer 3"],
  ]);
  expect(messagesOf(" ", path)[0]?.role).toBe("user");
});

test("troubles have words and a way on", () => {
  const failed = new ModelError("download-failed", "It cannot be fetched.");
  expect(troubleOf(failed, true)).toMatchObject({ title: "The model cannot be downloaded", ways: ["retry", "choose-file"] }); // biome-ignore format: a pair
  expect(troubleOf(failed, false).title).toBe("You are offline");
  expect(troubleOf(new DeviceError("no-adapter", "None."), true).text).toBe("None.");
  expect(troubleOf(new DOMException("full", "QuotaExceededError"), true).ways).toContain("clear-cache");
  expect(troubleOf(new Error("boom"), true)).toMatchObject({ detail: "boom", ways: ["retry", "reload"] });
});

test("an address is one of the web, or a file of the hub", () => {
  const hub = "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/resolve/main/Qwen3-0.6B-Q8_0.gguf";
  expect(addressOf(" Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf ")).toBe(hub);
  expect(addressOf(hub)).toBe(hub);
  expect(addressOf("a word")).toBeUndefined();
  expect(addressOf("https://")).toBeUndefined();
});

test("progress says how long is left once it has been going for a while", () => {
  const book = progressBook();
  const download = { phase: "download", total: 1000, unit: "bytes", label: "file" } as const;
  book.add({ ...download, done: 0 }, 0);
  expect(book.phases(500)[0]?.secondsLeft).toBeUndefined();
  book.add({ ...download, done: 250 }, 5000);
  expect(book.phases(5000)[0]?.secondsLeft).toBeCloseTo(15);
  book.add({ ...download, done: 10 }, 6000);
  expect(book.phases(6000)[0]).toMatchObject({ done: 10, secondsLeft: undefined });
});

test("progress says whether the browser keeps what is downloaded", () => {
  const book = progressBook();
  const download = { phase: "download", done: 0, total: 1000, unit: "bytes", label: "file" } as const;
  book.add(download, 0);
  expect(isKept(book.phases(0))).toBe(true);
  book.add({ ...download, kept: false }, 1);
  book.add({ ...download, phase: "load" }, 2);
  expect(isKept(book.phases(2))).toBe(false);
});

test("a device that was lost is being opened again, is back, or cannot be had", () => {
  const lost = { kind: "device-lost", atMs: 1, device: "d", recovering: true } as const;
  const fates = [lost, { ...lost, device: "p" }, { ...lost, recovering: false }].reduce(withEvent, noNews);
  expect([...fates]).toEqual([["d", "gone"], ["p", "lost"]]); // biome-ignore format: short
  expect(withEvent(fates, { kind: "device-joined", atMs: 2, device: "p" }).get("p")).toBe("back");
  expect(withEvent(fates, { kind: "kv-blocks", atMs: 3, pools: [] })).toBe(fates);
});

test("a fleet's log puts steps and copies onto its own clock, and copies into handoffs", () => {
  let now = 10_000;
  const log = new FleetLog(() => now);
  now = 10_100;
  const content = { device: "prefiller-1", step: 1, prefillTokens: 64, decodes: 0, draftTokens: 0, conversations: ["a"] }; // biome-ignore format: plain
  log.add({ kind: "step-began", atMs: 500, ...content });
  expect(log.running).toMatchObject([{ startMs: 100, endMs: undefined }]);
  log.add({ kind: "step-ended", atMs: 560, ms: 60, failed: false, ...content });
  expect(log.running).toEqual([]);
  expect(log.steps).toMatchObject([{ startMs: 100, endMs: 160, prefillTokens: 64 }]);
  const copy = {
    kind: "copy-ended",
    handoff: 7,
    conversation: "a",
    blocks: 2,
    bytes: 20,
    failed: false,
  } as const;
  log.add({ ...copy, device: "prefiller-1", direction: "export", atMs: 570, ms: 5 });
  expect(log.handoffs).toEqual([]);
  log.add({ ...copy, device: "decoder-2", direction: "import", atMs: 590, ms: 8 });
  expect(log.handoffs).toEqual([
    { handoff: 7, conversation: "a", from: "prefiller-1", to: "decoder-2", startMs: 165, endMs: 190, bytes: 20 }, // biome-ignore format: plain
  ]);
});

test("a block of several conversations is theirs together", () => {
  const owners = [
    { conversation: "a", blocks: [0, 1] },
    { conversation: "b", blocks: [0, 2] },
  ];
  const found = ownersOf({ devices: ["decoder-2"], blocks: 8, owners });
  expect([found.get(0), found.get(1), found.get(3)]).toEqual([["a", "b"], ["a"], undefined]);
});

test("a fleet has as many tasks as agents, with tools that it has", () => {
  expect(tasksFor(12, ["calculator"]).map(({ tool }) => tool)).toEqual(Array(12).fill("calculator"));
  expect(new Set(tasksFor(12, ["calculator"]).map(({ name }) => name)).size).toBe(12);
  expect(tasksFor(3, [])).toHaveLength(3);
});

test("a GPU is offered a larger model and long answers, a processor that plays one a small model and short answers", () => {
  const [gpu, software] = [{ software: false }, { software: true }];
  expect(proposedModel([gpu, software])).toBe("qwen3-0.6b");
  expect(proposedModel([software])).toBe("smollm2-135m-instruct");
  expect(proposedModel([])).toBe("smollm2-135m-instruct");
  const names = models.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining([suitedTo(gpu).model, suitedTo(software).model]));
  expect(suitedTo(software).answerTokens).toBeLessThan(suitedTo(gpu).answerTokens);
});

test("policies are compared by a workload and objectives that suit the adapter", () => {
  const settings = { policies: ["baton", "conserve"], conversations: 8, seeds: 2, load: 0.75 } as const;
  const [onGpu, onSoftware] = [false, true].map((software) => comparisonFor(settings, { software }));
  expect(onGpu).toMatchObject({ loads: [0.75], conversations: 8, seeds: 2, ttftSloMs: 1000 });
  expect(onSoftware).toMatchObject({ ttftSloMs: 10_000, shape: { turns: { max: 2 } } });
});

test("small parts of the page", () => {
  expect([formatBytes(999), formatBytes(98_362_432), formatBytes(2.5e9)]).toEqual(["999 bytes", "98.4 MB", "2.50 GB"]); // biome-ignore format: short
  expect([formatWait(0.2), formatWait(90), formatWait(4000)]).toEqual(["1 s", "2 min", "1 h 7 min"]);
  expect([viewOf("#fleet"), viewOf("#/devices"), viewOf(""), viewOf("#x")]).toEqual([
    ...["fleet", "devices", "chat", "chat"],
  ]);
  const store = createStore(1);
  const seen: number[] = [];
  const end = store.subscribe(() => seen.push(store.value));
  store.set(2);
  store.set(2);
  end();
  store.set(3);
  expect(seen).toEqual([2]);
});
