import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundlePage } from "./bundle.ts";
import { launchChromium } from "./chromium.ts";
import { PageServer } from "./page_server.ts";
import { RangedFile } from "./ranged_file.ts";
import type { Steps } from "./storage/page.ts";
import { catalogued, model } from "./storage/scene.ts";

/** What a browser without files of the origin keeps of models: a real Chromium from which these are taken. */

let browser: Browser;
let server: PageServer;
let page: Page;
const file = new RangedFile(model);

declare const steps: Steps;

async function load() {
  const request = catalogued(new URL("/hub/tiny.gguf", server.url).href);
  return page.evaluate((given) => steps.load(given), request);
}

async function reload(): Promise<void> {
  await page.goto(server.url);
  await page.waitForFunction(() => "steps" in globalThis);
}

beforeAll(async () => {
  server = await PageServer.start(await bundlePage(resolve("test/browser/storage")), model);
  server.onOther = file.answer;
  browser = await launchChromium();
  page = await browser.newPage();
  await page.addInitScript(() => Reflect.deleteProperty(FileSystemFileHandle.prototype, "createWritable"));
  await reload();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test("a model is kept in the cache, and listed and counted there", async () => {
  expect(await load()).toMatchObject({ loaded: true, isKept: true });
  await reload();
  expect(await load()).toMatchObject({ loaded: true, isKept: true });
  expect(file.sent).toHaveLength(1);
  const listed = await page.evaluate(() => steps.list());
  expect(listed).toMatchObject([
    { name: "tiny", bytes: model.length, totalBytes: model.length, whole: true },
  ]);
  expect((await page.evaluate(() => steps.usage())).usedBytes).toBeGreaterThanOrEqual(model.length);
});

test("what is listed counts where the browser does not say what it keeps", async () => {
  await page.evaluate(() => Reflect.deleteProperty(StorageManager.prototype, "estimate"));
  const usage = await page.evaluate(() => steps.usage());
  expect(usage).toMatchObject({ usedBytes: model.length, quotaBytes: undefined });
});

test("it is removed by its name, and then fetched again", async () => {
  await reload();
  expect(await page.evaluate(() => steps.remove("other"))).toBe(false);
  expect(await page.evaluate(() => steps.remove("tiny"))).toBe(true);
  expect(await page.evaluate(() => steps.list())).toEqual([]);
  expect((await page.evaluate(() => steps.usage())).usedBytes).toBeLessThan(model.length);
  await load();
  expect(file.sent).toHaveLength(2);
  await page.evaluate(() => steps.clear());
  expect(await page.evaluate(() => steps.list())).toEqual([]);
});
