import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { DemoPage, seriousFaults } from "./demo_page.ts";
import {
  answers,
  ask,
  begin,
  loadFile,
  openFile,
  setAnswers,
  startFleet,
  untilAnswered,
  untilLoaded,
  untilSaid,
  view,
} from "./page_steps.ts";

/** Two tabs of the built page, of which one has a model at a time unless somebody wants two. */

let demo: DemoPage;
let first: Page;
let second: Page;

beforeAll(async () => {
  demo = await DemoPage.open();
});

beforeEach(async () => {
  first = await demo.page();
  second = await demo.tab(first.context());
  for (const page of [first, second]) await page.goto(demo.url);
  await loadFile(first, demo.model);
});

afterEach(async () => {
  await first.context().close();
  expect(demo.faults).toEqual([]);
});

afterAll(async () => {
  await demo?.close();
});

const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true });
const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

const IN_USE = "The model is in use in another tab";
const TAKEN = "The model is in use in another tab now";

async function chat(page: Page, mostTokens: number): Promise<void> {
  await view(page, "Chat");
  // A random model that draws its tokens may end at once.
  await setAnswers(page, { mostTokens, temperature: 0 });
}

test("a second tab asks before it loads a model, takes over, and gives it back", async () => {
  await chat(first, 8);
  await ask(first, "Hello?");
  const said = await answers(first);

  await openFile(second, demo.model);
  await heading(second, IN_USE).waitFor();
  expect(await second.locator(".model-bar").textContent()).toBe(`${IN_USE}.`);
  expect(await seriousFaults(second)).toEqual([]);
  await ask(first, "Still there?");

  await press(second, "Use it in this tab");
  await untilLoaded(second);
  await heading(first, TAKEN).waitFor();
  expect((await answers(first)).slice(0, 1)).toEqual(said);
  await chat(second, 8);
  await ask(second, "Hello from here");
  expect(await second.locator(".numbers").last().textContent()).toMatch(/8 tokens/);

  await press(first, "Take it back");
  await heading(second, TAKEN).waitFor();
  await untilLoaded(first);
  await ask(first, "And again?");
  expect(await answers(first)).toHaveLength(3);
});

test("an answer that is cut off so says why, and can be asked for again", async () => {
  await chat(first, 4000);
  await begin(first, "Go on for long");
  await untilSaid(first, 1);
  await openFile(second, demo.model);
  await press(second, "Use it in this tab");
  await heading(first, "The model was let go of meanwhile").waitFor();
  await untilLoaded(second);
  await press(first, "Take it back");
  await heading(second, TAKEN).waitFor();
  await untilLoaded(first);
  await setAnswers(first, { mostTokens: 4 });
  await press(first, "Try again");
  await untilAnswered(first);
  expect(await first.locator(".numbers").last().textContent()).toMatch(/4 tokens/);
});

test("both tabs have one where that is wanted", async () => {
  await openFile(second, demo.model);
  await press(second, "Load it in both tabs");
  await untilLoaded(second);
  for (const page of [first, second]) {
    await chat(page, 4);
    await ask(page, "Hello?");
    expect(await page.locator(".numbers").last().textContent()).toMatch(/4 tokens/);
  }
  // Other devices load it again, and nobody is asked again.
  await view(second, "Fleet");
  await startFleet(second);
});

test("a tab that is closed leaves the model to the others", async () => {
  await first.close();
  await openFile(second, demo.model);
  await untilLoaded(second);
});
