import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DemoPage, seriousFaults } from "./demo_page.ts";
import { ask, loadFile, openAddress, setAnswers, untilLoaded, view } from "./page_steps.ts";

/** What the built page says when something goes wrong, in plain words, and the ways on that it offers. */

let demo: DemoPage;
let page: Page;

beforeAll(async () => {
  demo = await DemoPage.open();
});

// Each with what a browser keeps of its own.
beforeEach(async () => {
  page = await demo.page({ viewport: { width: 1280, height: 900 } });
  await page.goto(demo.url);
});

afterEach(async () => {
  await page.context().close();
  expect(demo.faults).toEqual([]);
});

afterAll(async () => {
  await demo?.close();
});

const heading = (name: string) => page.getByRole("heading", { name, exact: true });
const button = (name: string | RegExp) => page.getByRole("button", { name });

describe("a model that cannot be had", () => {
  test("a download that fails", async () => {
    await openAddress(page, `${demo.url}none.gguf`);
    await heading("The model cannot be downloaded").waitFor();
    await page
      .getByText(/no such file/)
      .first()
      .waitFor();
    expect(await button("Try again").isVisible()).toBe(true);
  });

  test("a file that is no model", async () => {
    await view(page, "Devices and model");
    const buffer = Buffer.from("This is no model, and long enough to hold a header. ".repeat(20));
    await page.locator("#model-file").setInputFiles({ name: "no.gguf", mimeType: "", buffer });
    await heading("This file cannot be used").waitFor();
    await view(page, "Chat");
    expect(await button("Open a file instead").isVisible()).toBe(true);
    expect(await seriousFaults(page)).toEqual([]);
  });
});

describe("without a connection", () => {
  const notice = () => page.getByText(/^You are offline\. Models that are here/);

  test("a model that was loaded before is loaded", async () => {
    await openAddress(page, demo.modelUrl);
    await untilLoaded(page);
    await page.context().setOffline(true);
    await notice().waitFor();
    await openAddress(page, demo.modelUrl);
    await untilLoaded(page);
    await page.context().setOffline(false);
    await notice().waitFor({ state: "detached" });
  });

  test("another one waits for the connection", async () => {
    await page.context().setOffline(true);
    await openAddress(page, demo.modelUrl);
    await heading("You are offline").waitFor();
    expect(await button("Open a file instead").isVisible()).toBe(true);
    await page.context().setOffline(false);
    await button("Try again").click();
    await untilLoaded(page);
  });
});

describe("without a GPU", () => {
  test("a software adapter is used, and what that means is said", async () => {
    await loadFile(page, demo.model);
    const notice = page.locator(".notice");
    expect(await notice.textContent()).toMatch(/^No GPU: this is a software adapter\..*turn on/);
    await view(page, "Chat");
    expect(await notice.isVisible()).toBe(true);
  });

  test("a browser that gives no adapter", async () => {
    await page.addInitScript("GPU.prototype.requestAdapter = async () => null");
    await page.goto(`${demo.url}?#devices`);
    await page
      .getByText(/^The browser has WebGPU and gives no adapter\. Turn on graphics acceleration/)
      .waitFor();
  });

  test("a browser without WebGPU", async () => {
    await page.addInitScript("delete Navigator.prototype.gpu");
    await page.goto(`${demo.url}?#chat`);
    expect(await page.getByRole("alert").textContent()).toMatch(
      /no WebGPU, which Baton needs.*Use Chrome or Edge/,
    );
    expect(await seriousFaults(page)).toEqual([]);
  });
});

describe("without room for the model's file", () => {
  const noRoom = () => page.getByText("The browser has no room to keep this model.");

  /** What the browser gives the origin altogether from now on; as much as usual when absent. It ends with the session. */
  async function limitStorage(bytes?: number): Promise<void> {
    const session = await page.context().newCDPSession(page);
    const { origin } = new URL(demo.url);
    await session.send("Storage.overrideQuotaForOrigin", {
      origin,
      ...(bytes !== undefined && { quotaSize: bytes }),
    });
  }

  const used = () => page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);

  test("it runs without being kept, and is kept once there is room", async () => {
    await limitStorage(10_000);
    await openAddress(page, demo.modelUrl);
    await untilLoaded(page);
    await noRoom().waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    expect(await button(/^Clear .* kept/).count()).toBe(0);
    await view(page, "Chat");
    await setAnswers(page, { mostTokens: 4 });
    await ask(page, "Hello?");
    expect(await page.locator(".numbers").last().textContent()).toMatch(/4 tokens/);
    await limitStorage();
    await button("There is room now: load it again").click();
    await noRoom().waitFor({ state: "detached" });
    await view(page, "Devices and model");
    await page.getByText(/^1 downloaded model kept/).waitFor();
  });

  test("models that are kept can be cleared for it", async () => {
    await openAddress(page, demo.modelUrl);
    await untilLoaded(page);
    await limitStorage((await used()) + 10_000);
    await openAddress(page, `${demo.modelUrl}?another`);
    await noRoom().waitFor();
    await button("Clear 1 kept model and load again").click();
    await noRoom().waitFor({ state: "detached" });
    await untilLoaded(page);
    await page.getByText(/^1 downloaded model kept/).waitFor();
  });
});
