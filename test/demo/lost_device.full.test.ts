import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DemoPage, seriousFaults } from "./demo_page.ts";
import { destroyDevice, deviceCount, deviceHook, giveDevices } from "./device_hook.ts";
import {
  ask,
  begin,
  loadFile,
  setAnswers,
  startFleet,
  untilAnswered,
  untilFleetEnded,
  untilLoaded,
  untilSaid,
  view,
} from "./page_steps.ts";

/** What becomes of answers on the built page when a GPU device that they run on is destroyed, and what the page says of it. */

let demo: DemoPage;
let page: Page;

beforeAll(async () => {
  demo = await DemoPage.open({ inWorker: deviceHook });
});

beforeEach(async () => {
  page = await demo.page({ viewport: { width: 1280, height: 900 } });
  await page.goto(demo.url);
  await loadFile(page, demo.model);
});

afterEach(async () => {
  await page.context().close();
  expect(demo.faults).toEqual([]);
});

afterAll(async () => {
  await demo?.close();
});

const LOST = /^The GPU was lost \(.*\)\. It is being opened again; answers go on where they stopped\.$/;
const BACK = /^The GPU was lost and is back \(.*\)\. Answers went on where they had stopped\.$/;
const GONE = /^The GPU was lost \(.*\) and could not be opened again\./;
/** So many that the answer is still under way when its beginning has been seen, on a fast machine too. */
const TOKENS = 240;
/** How long the runtime tries, and some. */
const TRIES_MS = 60_000;

describe("the device of a chat", () => {
  const QUESTION = "What is there to say of rivers?";

  beforeEach(async () => {
    await view(page, "Chat");
    await setAnswers(page, { mostTokens: TOKENS, temperature: 0 });
  });

  /** As the model wrote it, which screen readers are told. */
  const lastAnswer = () => page.locator(".chat [aria-live]").textContent();
  const lastNumbers = () => page.locator(".numbers").last().textContent();

  test("an answer goes on to its end, the same as without the loss, and the page tells of both", async () => {
    await ask(page, QUESTION);
    const undisturbed = await lastAnswer();
    expect(undisturbed?.length).toBeGreaterThan(TOKENS);
    await page.getByRole("button", { name: "New chat" }).click();
    await begin(page, QUESTION);
    await untilSaid(page, 30);
    await destroyDevice(page, 0);
    await page.getByText(LOST).waitFor();
    expect(await page.getByRole("button", { name: "Stop", exact: true }).isVisible()).toBe(true);
    await giveDevices(page);
    await page.getByText(BACK).waitFor();
    await untilAnswered(page);
    expect(await lastNumbers()).toContain(`answer${TOKENS} tokens`);
    expect(await lastAnswer()).toBe(undisturbed);
    expect(await deviceCount(page)).toBe(1);
    expect(await seriousFaults(page)).toEqual([]);
    await ask(page, "And then?");
    await page.getByRole("button", { name: "Hide this" }).click();
    expect(await page.getByText(BACK).count()).toBe(0);
  });

  test("a device that cannot be had again ends the answer, and the model can be loaded again", async () => {
    await begin(page, QUESTION);
    await untilSaid(page, 30);
    await destroyDevice(page, 0);
    await page.getByText(LOST).waitFor();
    await page.getByText(GONE).waitFor({ timeout: TRIES_MS });
    await page.getByText(/Nothing can be answered until a model is loaded\.$/).waitFor();
    await page.getByRole("heading", { name: "The GPU was lost" }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole("button", { name: "Load the model again" }).first().click();
    await untilLoaded(page);
    expect(await page.getByText(GONE).count()).toBe(0);
    await ask(page, QUESTION);
    expect(await lastNumbers()).toContain(`answer${TOKENS} tokens`);
  });
});

describe("a device of a fleet", () => {
  /** What each agent called, with the results, and what it said. */
  const tales = () =>
    page
      .locator(".agent")
      .evaluateAll((agents) =>
        agents.map((agent) =>
          Array.from(agent.querySelectorAll(".call, .said"), ({ textContent }) => textContent),
        ),
      );
  const states = () => page.locator(".agent .quiet").allTextContents();
  const timeline = (text: RegExp) => page.getByRole("img", { name: text }).waitFor({ timeout: 120_000 });
  const DONE = Array(4).fill("is done");

  beforeEach(async () => {
    await view(page, "Fleet");
    await page.getByLabel("Most tokens of an agent").fill("120");
  });

  for (const [index, role] of ["prefiller-1", "decoder-2"].entries()) {
    test(`the agents go on when the ${role} is lost, as without the loss`, async () => {
      await startFleet(page);
      await untilFleetEnded(page);
      const undisturbed = await tales();
      expect(undisturbed.filter(({ length }) => length > 0)).toHaveLength(4);
      await startFleet(page);
      expect(await deviceCount(page)).toBe(2);
      await timeline(new RegExp(`${role} ran \\d`));
      await destroyDevice(page, index);
      await page.getByText(LOST).waitFor();
      expect(await page.getByText(LOST).textContent()).toContain(`(${role})`);
      expect(await page.getByRole("button", { name: "Stop the fleet" }).isVisible()).toBe(true);
      await giveDevices(page);
      await untilFleetEnded(page);
      await page.getByText(BACK).waitFor();
      expect(await states()).toEqual(DONE);
      expect(await tales()).toEqual(undisturbed);
      expect(await deviceCount(page)).toBe(2);
    });
  }

  test("the agents go on without a decoder that cannot be had again", async () => {
    await startFleet(page);
    await timeline(/decoder-2 ran \d/);
    await destroyDevice(page, 1);
    await page.getByText(GONE).waitFor({ timeout: TRIES_MS });
    await page.getByText(/The other devices go on without it\.$/).waitFor();
    await untilFleetEnded(page);
    expect(await states()).toEqual(DONE);
  });
});
