import { copyFileSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cell } from "../../src/metrics/replay_cell.ts";
import { DemoPage, seriousFaults } from "./demo_page.ts";
import { loadFile, openAddress, startFleet, untilFleetEnded, untilLoaded, view } from "./page_steps.ts";

/** The built page as a visitor uses it: all but the chat, and what goes wrong. A small random model answers noise, which suffices. */

let demo: DemoPage;
let page: Page;

beforeAll(async () => {
  demo = await DemoPage.open();
  page = await demo.page({ viewport: { width: 1280, height: 900 } });
  await page.goto(demo.url);
  console.log(`Screenshots are in ${demo.screenshots}`);
});

afterAll(async () => {
  await demo?.close();
});

test("the page says what it is, and offers a model", async () => {
  await expect.poll(() => page.title()).toBe("Chat · Baton");
  expect(await page.locator(".brand p").textContent()).toMatch(/^Small language models on your own GPU/);
  expect(await page.getByRole("button", { name: /^Load SmolLM2/ }).isVisible()).toBe(true);
});

test("a model is loaded from a file, and the page says on what it runs", async () => {
  await loadFile(page, demo.model);
  expect(await page.locator(".model-bar").textContent()).toMatch(/^tiny\.gguf on /);
  expect(await page.locator(".notice").textContent()).toMatch(/software adapter/);
  await page
    .getByText(/\(software: the processor/)
    .first()
    .click();
  expect(await page.getByRole("rowheader", { name: "maxBufferSize" }).isVisible()).toBe(true);
});

describe("a fleet of agents", () => {
  test("runs on a prefiller and a decoder, and calls tools", async () => {
    await view(page, "Fleet");
    expect(await page.getByLabel("Policy").inputValue()).toBe("conserve");
    for (const tool of ["Notes", "JavaScript"]) await page.getByLabel(tool, { exact: true }).check();
    await page.getByLabel("Most tokens of an agent").fill("90");
    await startFleet(page);
    // All begin with the same instructions and tools.
    await page
      .locator(".block-map")
      .getByText(/in use, [1-9]\d* shared$/)
      .first()
      .waitFor({ timeout: 300_000 });
    await demo.shoot(page, "fleet-running");
    await untilFleetEnded(page);
    expect(await page.locator(".agent").count()).toBe(4);
    expect(await page.locator(".agent .quiet").allTextContents()).toEqual(Array(4).fill("is done"));
    const devices = await page.getByRole("rowheader").allTextContents();
    expect(devices).toEqual(expect.arrayContaining(["prefiller-1", "decoder-2"]));
  }, 600_000);

  test("copies each conversation once under conserve, and shows it", async () => {
    expect(await page.getByText(/^4 handoffs, .* of KV copied/).isVisible()).toBe(true);
    const timeline = page.getByRole("img", { name: /^Timeline of steps/ });
    expect(await timeline.getAttribute("aria-label")).toMatch(/prefiller-1 ran \d+.*4 handoffs\.$/);
    const chart = page.getByRole("img", { name: /^Time to first token/ });
    expect(await chart.getAttribute("aria-label")).toMatch(/TTFT of each answer: \d+, median/);
  });

  test("changes its policy and devices", async () => {
    await page.getByLabel("Policy").selectOption("baton");
    await page.getByRole("combobox", { name: /^Devices/ }).selectOption("one");
    await page.getByLabel("Agents:").fill("2");
    await startFleet(page);
    await page.getByRole("button", { name: "Stop the fleet" }).click();
    await untilFleetEnded(page);
    expect(await page.locator(".agent").count()).toBe(2);
    expect(await page.getByRole("rowheader", { name: "device-1" }).isVisible()).toBe(true);
  });
});

describe("the comparison of policies", () => {
  const start = () => page.getByRole("button", { name: "Compare", exact: true });

  test("can be stopped", async () => {
    await page.locator(".compare summary").click();
    await start().click();
    await page.getByRole("progressbar", { name: /^Measuring the GPUs/ }).waitFor({ timeout: 400_000 });
    await page.getByRole("button", { name: "Stop comparing" }).click();
    await start().waitFor();
    // One is the runtime's.
    await expect.poll(() => page.workers().length).toBe(1);
  }, 600_000);

  test("replays the same conversations under each, and shows what they took", async () => {
    await page.getByLabel("Conversations:").fill("2");
    await page.getByLabel("They come at").fill("1.5");
    await page.getByLabel("collocated-sticky", { exact: true }).uncheck();
    await start().click();
    await page.getByRole("progressbar", { name: /^Measuring the GPUs: baton/ }).waitFor({ timeout: 400_000 });
    await expect.poll(() => page.workers().length).toBe(2);
    await page.getByText("The comparison is done.").waitFor({ timeout: 400_000 });
    await expect.poll(() => page.workers().length).toBe(1);
    const rows = page.getByRole("region", { name: "Policies compared: Times in ms" }).getByRole("rowheader");
    expect(await rows.allTextContents()).toEqual(["baton", "conserve"]);
    expect(await seriousFaults(page)).toEqual([]);
    await demo.shoot(page, "compared");
  }, 600_000);

  test("gives its report as JSON and as a page with plots", async () => {
    const [json] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download as JSON" }).click(),
    ]);
    const report = JSON.parse(readFileSync(await json.path(), "utf8"));
    expect(report).toMatchObject({ benchmark: "agents", model: "tiny", loads: [{ load: 1.5 }] });
    expect(report.paces).toHaveLength(2);
    expect(report.cells.map(({ policy, failed }: Cell) => [policy, failed])).toEqual([["baton", 0], ["conserve", 0]]); // biome-ignore format: short
    const [html] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download as a page with plots" }).click(),
    ]);
    const other = await demo.page();
    // The browser keeps it under a name without an ending.
    copyFileSync(await html.path(), `${demo.screenshots}/policies.html`);
    await other.goto(pathToFileURL(`${demo.screenshots}/policies.html`).href);
    await other.locator("#timelines canvas").first().waitFor();
    await other.context().close();
  });
});

test("JavaScript of an agent runs without network and for a while only", async () => {
  const run = (code: string) =>
    page.evaluate(async (program) => {
      const frame = document.createElement("iframe");
      frame.setAttribute("sandbox", "allow-scripts");
      frame.src = "./sandbox.html";
      const { port1, port2 } = new MessageChannel();
      const answer = new Promise<unknown>((resolve) => {
        port1.onmessage = ({ data }) => data !== "started" && resolve(data);
        frame.onload = () => frame.contentWindow?.postMessage({ code: program }, "*", [port2]);
        setTimeout(() => resolve("nothing"), 3000);
      });
      document.body.append(frame);
      const got = await answer;
      frame.remove();
      return got;
    }, code);
  expect(await run("[1, 2, 3].map((n) => n * n)")).toEqual({ result: "[1,4,9]" });
  expect(await run("throw new Error('no')")).toEqual({ error: "Error: no" });
  expect(await run("for (;;);")).toBe("nothing");
  const before = demo.faults.length;
  expect(await run(`fetch(${JSON.stringify(demo.url)}).then(() => "reached", () => "refused")`)).toEqual({
    result: "refused",
  });
  // The browser tells the console of what the policy refuses, and of nothing else.
  const refused = demo.faults.splice(before);
  expect(refused.filter((fault) => !/Content Security Policy|CSP/.test(fault))).toEqual([]);
});

describe("for everybody", () => {
  for (const [colourScheme, width] of [
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
    ["dark", 360],
  ] as const) {
    // biome-ignore format: a table
    test(`axe finds nothing serious in ${colourScheme} at a width of ${width}, and nothing is cut off`, async () => {
      await page.emulateMedia({ colorScheme: colourScheme });
      await page.setViewportSize({ width, height: 800 });
      for (const name of ["Chat", "Fleet", "Devices and model"] as const) {
        await view(page, name);
        await page.getByRole("heading", { name, level: 2 }).waitFor();
        expect(await seriousFaults(page)).toEqual([]);
        const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect(over).toBeLessThanOrEqual(0);
        await demo.shoot(page, `${name.split(" ")[0]?.toLowerCase()}-${colourScheme}-${width}`);
      }
    });
  }

  test("everything can be reached with the keyboard", async () => {
    const other = await demo.page();
    await other.goto(demo.url);
    await other.getByRole("button", { name: /^Load SmolLM2/ }).waitFor();
    const reached: unknown[] = [];
    for (let presses = 0; presses < 9; presses++) {
      await other.keyboard.press("Tab");
      reached.push(
        await other.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"),
      );
    }
    expect(reached).toEqual([
      ...["Skip to the view", "Chat", "Fleet", "Devices and model"],
      ...["Load SmolLM2 135M Instruct, Q4_1 (98.4 MB)", "Open a GGUF file", "Other models"],
      ...["question", "Settings"],
    ]);
    await other.goto(`${demo.url}#devices`);
    await other.getByRole("button", { name: "Skip to the view" }).press("Enter");
    expect(await other.evaluate("document.activeElement.id")).toBe("view");
    await other.context().close();
  });
});

test("a model is loaded from an address", async () => {
  await openAddress(page, "no address");
  await page.getByText(/^This is neither an address/).waitFor();
  await openAddress(page, demo.modelUrl);
  await untilLoaded(page);
});

test("kernels are measured when asked to", async () => {
  await page.getByRole("button", { name: "Measure which kernels are best here" }).click();
  await page.getByRole("button", { name: "Stop measuring" }).waitFor();
  await page.getByText(/^Measured in .* choices differ from the table's/).waitFor({ timeout: 60_000 });
});

test("nothing went wrong unseen", () => {
  expect(demo.faults).toEqual([]);
});
