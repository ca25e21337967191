import { mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DemoPage } from "./demo_page.ts";
import {
  begin,
  loadFile,
  openFile,
  setAnswers,
  startFleet,
  untilAnswered,
  untilFleetEnded,
  untilLoaded,
  view,
} from "./page_steps.ts";

/**
 * The pictures of the page in docs/pictures, light and dark. They are taken where BATON_DEMO_PICTURES names a GGUF file of a model whose
 * answers are worth showing, such as the default model's; on a processor that takes a while:
 *
 *   BATON_TEST_FULL=1 BATON_DEMO_PICTURES=SmolLM2-135M-Instruct.Q4_1.gguf npx vitest run test/demo/pictures.full.test.ts
 */

const model = process.env.BATON_DEMO_PICTURES;
const FOLDER = resolve("docs/pictures");
const MOST_BYTES = 200_000;
const LONG_MS = 1_800_000;
/** A tenth of the default model's size. */
const SMALL = { layers: 6, hidden: 288, heads: 6, kvHeads: 2, ffn: 768, contextTokens: 4096 } as const;
const QUESTIONS = ["Explain what a GPU is in one sentence.", "Give me three tips for a good night's sleep."];

describe.runIf(model)("pictures", { timeout: LONG_MS }, () => {
  let demo: DemoPage;
  let page: Page;

  beforeAll(async () => {
    mkdirSync(FOLDER, { recursive: true });
    demo = await DemoPage.open({ model: SMALL });
    page = await demo.page({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
    await page.goto(demo.url);
  });

  afterAll(async () => {
    await demo?.close();
  });

  /** As the page is now, in both schemes of colours, from `top` on. */
  async function take(name: string, top: Locator): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await top.evaluate((element) => element.scrollIntoView({ block: "start" }));
      const path = join(FOLDER, `${name}-${colorScheme}.png`);
      await page.screenshot({ path });
      expect(statSync(path).size, path).toBeLessThan(MOST_BYTES);
    }
    await page.emulateMedia({ colorScheme: "light" });
  }

  const card = (name: string) => page.locator(".card", { has: page.getByRole("heading", { name }) });
  const whole = () => page.locator("#app");

  test("the chat", async () => {
    await openFile(page, model ?? "");
    await untilLoaded(page, LONG_MS);
    await view(page, "Chat");
    await setAnswers(page, { mostTokens: 120, temperature: 0 });
    for (const question of QUESTIONS) {
      await begin(page, question);
      await untilAnswered(page, LONG_MS);
    }
    await page.getByLabel("Your question").blur();
    await take("chat", whole());
  });

  test("the devices", async () => {
    await view(page, "Devices and model");
    await page.getByRole("heading", { name: "Adapters of this browser" }).waitFor();
    await take("devices", whole());
  });

  // What follows shows no answers, and takes a smaller model's time.
  test("the fleet in the middle of its run, with handoffs", async () => {
    await loadFile(page, demo.model);
    await view(page, "Fleet");
    await page.getByLabel("Agents:").fill("8");
    await page.getByLabel("Begin:").fill("0.5");
    await startFleet(page);
    await page.getByRole("img", { name: /^Timeline.*; [3-7] handoffs\.$/ }).waitFor({ timeout: LONG_MS });
    await take("fleet", card("Devices and queues"));
    await untilFleetEnded(page, LONG_MS);
  });

  test("the comparison of policies", async () => {
    await page.locator(".compare summary").click();
    await page.getByLabel("Conversations:").fill("8");
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await page.getByText("The comparison is done.").waitFor({ timeout: LONG_MS });
    await take("comparison", page.locator(".compare"));
  });
});
