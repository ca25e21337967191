import { copyFileSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cell } from "../../src/metrics/replay_cell.ts";
import { DemoPage, loadTiny, seriousFaults } from "./demo_page.ts";

/** The built page as a visitor uses it. A small random model answers noise, which suffices. */

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

const view = (name: string) => page.getByRole("link", { name, exact: true }).click();
const answers = () => page.locator(".answer").allTextContents();
const ended = () => page.getByRole("button", { name: "Send", exact: true }).waitFor();

async function ask(question: string, options: { readonly wait?: boolean } = {}): Promise<void> {
  await page.getByLabel("Your question").fill(question);
  await page.getByLabel("Your question").press("Enter");
  await page.locator(".answer").last().waitFor();
  if (options.wait !== false) await ended();
}

async function setMostTokens(count: number): Promise<void> {
  await page.locator(".settings summary").click();
  await page.getByLabel(/^Most tokens of an answer/).fill(String(count));
  await page.locator(".settings summary").click();
}

test("the page says what it is, and offers a model", async () => {
  await expect.poll(() => page.title()).toBe("Chat · Baton");
  expect(await page.locator(".brand p").textContent()).toMatch(/^Small language models on your own GPU/);
  expect(await page.getByRole("button", { name: /^Load SmolLM2/ }).isVisible()).toBe(true);
});

test("a model is loaded from a file, and the page says on what it runs", async () => {
  await loadTiny(page, demo.model);
  expect(await page.locator(".model-bar").textContent()).toMatch(/^tiny\.gguf on /);
  expect(await page.locator(".notice").textContent()).toMatch(/software adapter/);
  await page
    .getByText(/\(software: the processor/)
    .first()
    .click();
  expect(await page.getByRole("rowheader", { name: "maxBufferSize" }).isVisible()).toBe(true);
});

describe("a chat", () => {
  test("streams an answer and says what it took", async () => {
    await view("Chat");
    await setMostTokens(12);
    await ask("Hello there");
    const numbers = await page.locator(".numbers").last().textContent();
    expect(numbers).toMatch(/12 tokens/);
    expect(numbers).toMatch(/from the cache0 tokens/);
  });

  test("prefills only what is new of a second turn", async () => {
    await ask("And now?");
    expect(await page.locator(".numbers").last().textContent()).toMatch(/from the cache[1-9]\d* tokens/);
  });

  test("can be stopped, and goes on", async () => {
    await setMostTokens(4000);
    await ask("Go on for long", { wait: false });
    await page.locator(".answer").last().locator(".markdown").getByText(/\S/).first().waitFor();
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await ended();
    expect((await answers()).at(-1)).toMatch(/Stopped\.$/);
    await setMostTokens(8);
    await ask("Once more");
    expect(await answers()).toHaveLength(4);
  });

  test("branches by an edited question, and goes back to the branch before", async () => {
    const before = await answers();
    await page.getByRole("button", { name: "Edit" }).nth(1).click();
    await page.getByLabel("Edit the question").fill("Something else?");
    await page.getByRole("button", { name: "Send as a new branch" }).click();
    await expect.poll(answers).toHaveLength(2);
    await ended();
    expect(await page.locator(".numbers").last().textContent()).toMatch(/from the cache[1-9]\d* tokens/);
    await page.getByRole("button", { name: "Previous branch" }).click();
    expect(await answers()).toEqual(before);
    await page.getByRole("button", { name: "Next branch" }).click();
    expect(await answers()).toHaveLength(2);
  });

  test("answers again, and branches from an earlier turn", async () => {
    await page.getByRole("button", { name: "Answer again" }).last().click();
    await page.getByText("3 / 3").waitFor();
    await ended();
    await page.getByRole("button", { name: "Branch here" }).first().click();
    expect(await answers()).toHaveLength(1);
    await ask("A branch of its own");
    expect(await page.locator(".branches").last().textContent()).toContain("4 / 4");
  });

  test("shows what a model writes as text, whatever it is", async () => {
    await page.getByRole("button", { name: "New chat" }).click();
    expect(await answers()).toEqual([]);
    await ask("<img src=x onerror=alert(1)> **bold**");
    expect(await page.locator(".question").textContent()).toBe("<img src=x onerror=alert(1)> **bold**");
    expect(await page.locator(".turn img").count()).toBe(0);
  });
});

describe("a fleet of agents", () => {
  test("runs on a prefiller and a decoder, and calls tools", async () => {
    await view("Fleet");
    expect(await page.getByLabel("Policy").inputValue()).toBe("conserve");
    for (const tool of ["Notes", "JavaScript"]) await page.getByLabel(tool, { exact: true }).check();
    await page.getByLabel("Most tokens of an agent").fill("90");
    await page.getByRole("button", { name: "Start the fleet" }).click();
    await page.getByRole("button", { name: "Stop the fleet" }).waitFor();
    // All begin with the same instructions and tools.
    await page
      .locator(".block-map")
      .getByText(/in use, [1-9]\d* shared$/)
      .first()
      .waitFor({ timeout: 300_000 });
    await demo.shoot(page, "fleet-running");
    await page.getByRole("button", { name: "Start the fleet" }).waitFor({ timeout: 400_000 });
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
    await page.getByRole("button", { name: "Start the fleet" }).click();
    await page.getByRole("button", { name: "Stop the fleet" }).click();
    await page.getByRole("button", { name: "Start the fleet" }).waitFor();
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
      for (const name of ["Chat", "Fleet", "Devices and model"]) {
        await view(name);
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
  await page.goto(`${demo.url}#devices`);
  await page.getByLabel(/^A file of the Hugging Face Hub/).fill("no address");
  await page.getByRole("button", { name: "Load", exact: true }).last().click();
  await page.getByText(/^This is neither an address/).waitFor();
  await page.getByLabel(/^A file of the Hugging Face Hub/).fill(demo.modelUrl);
  await page.getByRole("button", { name: "Load", exact: true }).last().click();
  await page.getByRole("heading", { name: "What is loaded" }).waitFor();
});

test("kernels are measured when asked to", async () => {
  await page.getByRole("button", { name: "Measure which kernels are best here" }).click();
  await page.getByRole("button", { name: "Stop measuring" }).waitFor();
  await page.getByText(/^Measured in .* choices differ from the table's/).waitFor({ timeout: 60_000 });
});

describe("what goes wrong", () => {
  const load = async (address: string) => {
    await view("Devices and model");
    await page.getByLabel(/^A file of the Hugging Face Hub/).fill(address);
    await page.getByRole("button", { name: "Load", exact: true }).last().click();
  };

  test("a download that fails is told of in plain words, with a way on", async () => {
    await load(`${demo.url}none.gguf`);
    await page.getByRole("heading", { name: "The model cannot be downloaded" }).waitFor();
    await page
      .getByText(/no such file/)
      .first()
      .waitFor();
    expect(await page.getByRole("button", { name: "Try again" }).isVisible()).toBe(true);
  });

  test("who is offline is told so, and can load what was loaded before", async () => {
    await page.context().setOffline(true);
    await page.getByText(/^You are offline\. Models that are here/).waitFor();
    await load(demo.modelUrl);
    await page.getByRole("heading", { name: "What is loaded" }).waitFor();
    await page.context().setOffline(false);
  });

  test("a file that is no model is refused in plain words, with a way on", async () => {
    await page.goto(`${demo.url}#devices`);
    const buffer = Buffer.from("This is no model, and long enough to hold a header. ".repeat(20));
    await page.locator("#model-file").setInputFiles({ name: "no.gguf", mimeType: "", buffer });
    await page.getByRole("heading", { name: "This file cannot be used" }).waitFor();
    await view("Chat");
    expect(await page.getByRole("button", { name: "Open a file instead" }).isVisible()).toBe(true);
    expect(await seriousFaults(page)).toEqual([]);
  });

  test("a browser without WebGPU is told so", async () => {
    const other = await demo.page();
    await other.addInitScript("delete Navigator.prototype.gpu");
    await other.goto(demo.url);
    expect(await other.getByRole("alert").textContent()).toMatch(/no WebGPU/);
    expect(await seriousFaults(other)).toEqual([]);
    await other.context().close();
  });
});

test("nothing went wrong unseen", () => {
  expect(demo.faults).toEqual([]);
});
