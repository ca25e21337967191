import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DemoPage } from "./demo_page.ts";
import { answers, ask, begin, loadFile, setAnswers, untilAnswered, untilSaid, view } from "./page_steps.ts";

/** The chat of the built page. A small random model answers noise, which suffices. */

let demo: DemoPage;
let page: Page;

beforeAll(async () => {
  demo = await DemoPage.open();
  page = await demo.page({ viewport: { width: 1280, height: 900 } });
  await page.goto(demo.url);
  await loadFile(page, demo.model);
  await view(page, "Chat");
});

afterAll(async () => {
  await demo?.close();
});

test("streams an answer and says what it took", async () => {
  await setAnswers(page, { mostTokens: 12 });
  await ask(page, "Hello there");
  const numbers = await page.locator(".numbers").last().textContent();
  expect(numbers).toMatch(/12 tokens/);
  expect(numbers).toMatch(/from the cache0 tokens/);
});

test("prefills only what is new of a second turn", async () => {
  await ask(page, "And now?");
  expect(await page.locator(".numbers").last().textContent()).toMatch(/from the cache[1-9]\d* tokens/);
});

test("branches by an edited question, and goes back to the branch before", async () => {
  const before = await answers(page);
  await page.getByRole("button", { name: "Edit" }).nth(1).click();
  await page.getByLabel("Edit the question").fill("Something else?");
  await page.getByRole("button", { name: "Send as a new branch" }).click();
  await expect.poll(() => answers(page)).toHaveLength(2);
  await untilAnswered(page);
  expect(await page.locator(".numbers").last().textContent()).toMatch(/from the cache[1-9]\d* tokens/);
  await page.getByRole("button", { name: "Previous branch" }).click();
  expect(await answers(page)).toEqual(before);
  await page.getByRole("button", { name: "Next branch" }).click();
  expect(await answers(page)).toHaveLength(2);
});

test("answers again, and branches from an earlier turn", async () => {
  await page.getByRole("button", { name: "Answer again" }).last().click();
  await page.getByText("3 / 3").waitFor();
  await untilAnswered(page);
  await page.getByRole("button", { name: "Branch here" }).first().click();
  expect(await answers(page)).toHaveLength(1);
  await ask(page, "A branch of its own");
  expect(await page.locator(".branches").last().textContent()).toContain("4 / 4");
});

test("can be stopped, and goes on", async () => {
  await page.getByRole("button", { name: "New chat" }).click();
  // What the model draws may end at once; its likeliest tokens go on here.
  await setAnswers(page, { mostTokens: 4000, temperature: 0 });
  await begin(page, "Go on for long");
  await untilSaid(page, 1);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await untilAnswered(page);
  expect((await answers(page)).at(-1)).toMatch(/Stopped\.$/);
  await setAnswers(page, { mostTokens: 8 });
  await ask(page, "Once more");
  expect(await answers(page)).toHaveLength(2);
});

test("shows what a model writes as text, whatever it is", async () => {
  await page.getByRole("button", { name: "New chat" }).click();
  expect(await answers(page)).toEqual([]);
  await ask(page, "<img src=x onerror=alert(1)> **bold**");
  expect(await page.locator(".question").textContent()).toBe("<img src=x onerror=alert(1)> **bold**");
  expect(await page.locator(".turn img").count()).toBe(0);
});

test("nothing went wrong unseen", () => {
  expect(demo.faults).toEqual([]);
});
