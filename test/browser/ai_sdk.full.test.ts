import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../harness/tiny_model.ts";
import type { Steps } from "./ai_sdk/page.ts";
import { bundlePage } from "./bundle.ts";
import { launchChromium } from "./chromium.ts";
import { PageServer } from "./page_server.ts";

/** The unmodified `ai` package on Baton in a page, in a real Chromium. */

let browser: Browser;
let server: PageServer;
let page: Page;
const faults: string[] = [];

declare const steps: Steps;

beforeAll(async () => {
  const pages = await bundlePage(resolve("test/browser/ai_sdk"));
  server = await PageServer.start(pages, writeTinyModel({ vocabTokens: 600 }));
  browser = await launchChromium();
  page = await browser.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(server.url);
  await page.waitForFunction(() => "steps" in globalThis);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const place = { city: expect.stringMatching(/^(Oslo|Rome)$/), days: expect.toBeOneOf([1, 2, 3]) };

describe.each(["ai 6", "ai 7"])("%s in a page", (version) => {
  test("generateText answers", async () => {
    const { text, finishReason, tokens } = await page.evaluate((given) => steps.generate(given), version);
    expect(text).not.toBe("");
    expect(finishReason).toBe("length");
    expect(tokens).toBe(8);
  });

  test("streamText streams a tool's call, its result, and what the model says to it", async () => {
    const seen = await page.evaluate((given) => steps.streamWithTool(given), version);
    expect(seen.types).toEqual(
      expect.arrayContaining(["tool-input-start", "tool-call", "tool-result", "text-delta", "finish"]),
    );
    expect(seen.input).toEqual(place);
    expect(seen.output).toMatch(/^Rain in (Oslo|Rome)\.$/);
    expect(seen.text).not.toBe("");
    expect(seen.cached).toBeGreaterThan(0);
  });

  test("structured output is as its schema says", async () => {
    expect(await page.evaluate((given) => steps.object(given), version)).toEqual(place);
  });
});

test("nothing in the page is left uncaught", () => {
  expect(faults).toEqual([]);
});
