import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { bundlePage } from "./bundle.ts";
import { launchChromium } from "./chromium.ts";
import { PageServer } from "./page_server.ts";
import { RangedFile } from "./ranged_file.ts";
import type { LoadRequest } from "./storage/load_request.ts";
import type { Steps } from "./storage/page.ts";
import { catalogued as cataloguedAt, model } from "./storage/scene.ts";

/** What a real Chromium keeps of models and conversations, over reloads, in tabs and workers. */

let pages: Map<string, string | Uint8Array>;
let browser: Browser;
let server: PageServer;
let file: RangedFile;
let page: Page;

declare const steps: Steps;

/** From the catalogue, whose only source is `path`. */
function catalogued(path = "/hub/tiny.gguf", sha256?: string): LoadRequest {
  return cataloguedAt(new URL(path, server.url).href, sha256);
}

const load = (request: LoadRequest) => page.evaluate((given) => steps.load(given), request);

async function open(): Promise<Page> {
  const opened = await page.context().newPage();
  await opened.goto(server.url);
  await opened.waitForFunction(() => "steps" in globalThis);
  return opened;
}

async function reload(): Promise<void> {
  await page.reload();
  await page.waitForFunction(() => "steps" in globalThis);
}

/** Until something is saved, which has to happen within `limitMs`. */
async function untilSaved(limitMs: number): Promise<void> {
  const startedMs = performance.now();
  while ((await page.evaluate(() => steps.saved())).length === 0) {
    if (performance.now() - startedMs > limitMs) throw new Error(`Nothing was saved within ${limitMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Bytes that the browser gives the origin from now on. */
async function limitStorage(bytes: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", {
    origin: new URL(server.url).origin,
    quotaSize: bytes,
  });
}

beforeAll(async () => {
  pages = await bundlePage(resolve("test/browser/storage"));
  browser = await launchChromium();
});

// An origin and a profile of its own for each.
beforeEach(async () => {
  server = await PageServer.start(pages, model);
  file = new RangedFile(model);
  server.onOther = file.answer;
  page = await (await browser.newContext()).newPage();
  await page.goto(server.url);
  await page.waitForFunction(() => "steps" in globalThis);
});

afterEach(async () => {
  await page.context().close();
  await server.stop();
});

afterAll(async () => {
  await browser?.close();
});

test("a model that was loaded once is loaded after a reload without a request", async () => {
  expect(await load(catalogued())).toMatchObject({ loaded: true, isKept: true });
  const answer = await page.evaluate(() => steps.answer());
  await reload();
  await page.evaluate(() => steps.goOffline());
  const again = await load(catalogued());
  expect(again).toMatchObject({ loaded: true, isKept: true });
  expect(again.phases).not.toContain("download");
  expect(await page.evaluate(() => steps.answer())).toBe(answer);
  expect(file.sent.map(({ bytes }) => bytes)).toEqual([model.length]);
});

test("a connection that breaks is continued by a range request", async () => {
  file.cutAfter = 500_000;
  expect(await load(catalogued())).toMatchObject({ loaded: true, isKept: true });
  const [first, second] = file.sent;
  expect(file.sent).toHaveLength(2);
  expect(second).toMatchObject({ range: `bytes=${first?.bytes}-`, status: 206 });
  expect((first?.bytes ?? 0) + (second?.bytes ?? 0)).toBe(model.length);
});

test("a download that was stopped is continued after a reload, and checked as a whole", async () => {
  file.stallAfter = 400_000;
  const stopped = await page.evaluate((request) => steps.stopAfter(request, 400_000), catalogued());
  expect(stopped).toBe("Error: stopped");
  const [partial] = await page.evaluate(() => steps.list());
  expect(partial).toMatchObject({ name: "tiny", whole: false, totalBytes: model.length });
  await reload();
  const loaded = await load(catalogued());
  expect(loaded).toMatchObject({ loaded: true, isKept: true });
  expect(loaded.phases).toContain("verify");
  expect(partial?.bytes).toBe(400_000);
  expect(file.sent[1]).toMatchObject({ range: "bytes=400000-", status: 206, bytes: model.length - 400_000 });
});

test("a tab that ends in the middle of a download leaves the parts that were whole", async () => {
  const part = 32 << 20;
  const large = new Uint8Array(part + 9_000_000).map((_, at) => (at * 7) >>> 3);
  const big = new RangedFile(large);
  server.onOther = big.answer;
  const sha256 = createHash("sha256").update(large).digest("hex");
  const { catalogue } = catalogued("/hub/big.gguf", sha256);
  const request = { model: "tiny", ...(catalogue && { catalogue: { ...catalogue, bytes: large.length } }) };
  big.stallAfter = part + 5_000_000;
  const ended = page.evaluate((given) => steps.stopAfter(given, Number.POSITIVE_INFINITY), request);
  void ended.catch(() => {}); // by the reload
  await expect
    .poll(() => page.evaluate(async () => (await steps.list())[0]?.bytes), { timeout: 9_000 })
    .toBe(part);
  await reload();
  expect(await page.evaluate(() => steps.list())).toMatchObject([{ bytes: part, whole: false }]);
  expect(await page.evaluate((given) => steps.loadInWorker(given), request)).toEqual({ bytes: large.length });
  expect(big.sent[1]).toMatchObject({ range: `bytes=${part}-`, status: 206, bytes: 9_000_000 });
  const { usedBytes } = await page.evaluate(() => steps.usage());
  expect(usedBytes).toBeLessThan(large.length + 1_000_000);
});

test("a URL's download is continued in the same version, and begun again in another", async () => {
  const url = { model: new URL("/a/tiny.gguf", server.url).href };
  file.stallAfter = 300_000;
  await page.evaluate((request) => steps.stopAfter(request, 300_000), url);
  file.etag = '"v2"';
  expect(await load(url)).toMatchObject({ loaded: true });
  expect(file.sent[1]).toMatchObject({ ifRange: '"v1"', status: 200 });
  await page.evaluate(() => steps.clear());
  file.stallAfter = 300_000;
  await page.evaluate((request) => steps.stopAfter(request, 300_000), url);
  expect(await load(url)).toMatchObject({ loaded: true });
  expect(file.sent[3]).toMatchObject({ ifRange: '"v2"', status: 206 });
  await page.evaluate(() => steps.goOffline());
  expect(await load(url)).toMatchObject({ loaded: true });
});

test("a wrong checksum keeps nothing", async () => {
  const wrong = await load(catalogued("/hub/tiny.gguf", "0".repeat(64)));
  expect(wrong).toMatchObject({ loaded: false, code: "ModelError wrong-checksum" });
  expect(await page.evaluate(() => steps.list())).toEqual([]);
});

test("a quota that is too small is said with what is needed and free, or the model runs without being kept", async () => {
  await limitStorage(200_000);
  const failed = await load({ ...catalogued(), whenFull: "fail" });
  expect(failed).toMatchObject({ loaded: false, code: "ModelError disk-full" });
  expect(failed.fields).toMatchObject({ neededBytes: model.length });
  expect(Number(failed.fields?.["freeBytes"])).toBeLessThanOrEqual(200_000);
  expect(file.sent).toEqual([]);
  expect(await load(catalogued())).toMatchObject({ loaded: true, isKept: false });
  expect(await page.evaluate(() => steps.answer())).not.toBe("");
  expect(await page.evaluate(() => steps.list())).toEqual([]);
});

test("a quota that is less than the browser said is found out while writing", async () => {
  await limitStorage(500_000);
  await page.evaluate(() => {
    navigator.storage.estimate = async () => ({ usage: 0, quota: 1e9 });
  });
  const failed = await load({ ...catalogued(), whenFull: "fail" });
  expect(failed).toMatchObject({ loaded: false, code: "ModelError disk-full" });
  expect(await load(catalogued())).toMatchObject({ loaded: true, isKept: false });
});

test("the page's own folder goes before the hub, where it has the file", async () => {
  const request = { ...catalogued(), modelsUrl: "models-here" };
  file.missing.add("/models-here/tiny.gguf");
  expect(await load(request)).toMatchObject({ loaded: true });
  expect(file.sent.map(({ path }) => path)).toEqual(["/hub/tiny.gguf"]);
  await page.evaluate(() => steps.clear());
  file.missing.clear();
  expect(await load(request)).toMatchObject({ loaded: true });
  expect(file.sent.map(({ path }) => path)).toEqual(["/hub/tiny.gguf", "/models-here/tiny.gguf"]);
});

test("two tabs and a worker that want the same model fetch it once", async () => {
  const other = await open();
  const request = catalogued();
  const [here, there, worker] = await Promise.all([
    load(request),
    other.evaluate((given) => steps.load(given), request),
    page.evaluate((given) => steps.loadInWorker(given), request),
  ]);
  expect([here.loaded, there.loaded]).toEqual([true, true]);
  expect(worker).toEqual({ bytes: model.length });
  expect(file.sent).toHaveLength(1);
});

test("models are listed, counted, removed and cleared", async () => {
  const url = new URL("/a/tiny.gguf", server.url).href;
  await load(catalogued());
  await load({ model: url });
  const listed = await page.evaluate(() => steps.list());
  expect(listed.map(({ name, bytes, whole }) => [name, bytes, whole])).toEqual([
    [url, model.length, true],
    ["tiny", model.length, true],
  ]);
  const usage = await page.evaluate(() => steps.usage());
  expect(usage.usedBytes).toBeGreaterThan(2 * model.length);
  expect(usage.quotaBytes).toBeGreaterThan(usage.usedBytes);
  expect(await page.evaluate((name) => steps.remove(name), url)).toBe(true);
  expect(await page.evaluate(() => steps.remove("other"))).toBe(false);
  expect(await page.evaluate(() => steps.list())).toHaveLength(1);
  await page.evaluate(() => steps.clear());
  expect(await page.evaluate(() => steps.list())).toEqual([]);
  expect((await page.evaluate(() => steps.usage())).usedBytes).toBeLessThan(model.length);
});

test("a conversation goes on after a reload, with the same answer and nothing prefilled again", async () => {
  await load(catalogued());
  expect(await page.evaluate(() => steps.open("main"))).toMatchObject({ beginning: "new" });
  const first = await page.evaluate(() => steps.say("Hello there, who are you?"));
  const expected = await page.evaluate(() => steps.sayInFork("And now?"));
  await untilSaved(20_000);
  await reload();
  await load(catalogued());
  const opened = await page.evaluate(() => steps.open("main"));
  expect(opened.beginning).toBe("restored");
  expect(opened.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant"]);
  const next = await page.evaluate(() => steps.say("And now?"));
  expect(next.text).toBe(expected.text);
  const { promptTokens, completionTokens } = first.usage;
  expect(next.usage.cachedTokens).toBe(promptTokens + completionTokens - 1);
  expect(next.usage).toEqual(expected.usage);
});

test("a page that is left at once has saved its conversation", async () => {
  await load(catalogued());
  await page.evaluate(() => steps.open("main"));
  await page.evaluate(() => steps.say("Hello"));
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await untilSaved(900);
  await reload();
  await load(catalogued());
  expect(await page.evaluate(() => steps.open("main"))).toMatchObject({ beginning: "restored" });
});

test("a saved conversation that is damaged is put aside, and a full store breaks nothing", async () => {
  await load(catalogued());
  await page.evaluate(() => steps.open("main"));
  await page.evaluate(() => steps.say("Hello"));
  expect(await page.evaluate(() => steps.save())).toEqual({ saved: true, errors: [] });
  await page.evaluate(() => steps.damage("main"));
  const opened = await page.evaluate(() => steps.open("main"));
  expect(opened).toMatchObject({ beginning: "put-aside", messages: [{ role: "system" }] });
  await limitStorage(1_000);
  expect((await page.evaluate(() => steps.say("Hello"))).text).not.toBe("");
  const full = { saved: false, errors: ["storage-full"] };
  expect(await page.evaluate(() => steps.save())).toEqual(full);
  const saved = await page.evaluate(() => steps.saved());
  expect(saved.map(({ key, aside }) => [key, aside])).toEqual([["main", true]]);
  expect(await page.evaluate(() => steps.removeSaved("main"))).toBe(true);
  expect(await page.evaluate(() => steps.saved())).toEqual([]);
});

test("an agent goes on after a reload", async () => {
  await load(catalogued());
  expect(await page.evaluate(() => steps.askAgent("Hello"))).toMatchObject({ beginning: "new", known: 0 });
  await untilSaved(20_000);
  await reload();
  await load(catalogued());
  const again = await page.evaluate(() => steps.askAgent("And now?"));
  expect(again).toMatchObject({ beginning: "restored", known: 2 });
  expect(again.cachedTokens).toBeGreaterThan(0);
  await page.evaluate(() => steps.clearSaved());
  expect(await page.evaluate(() => steps.saved())).toEqual([]);
});
