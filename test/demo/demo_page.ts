import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { build } from "vite";
import { findChromium } from "../../scripts/chromium.mjs";
import { serve } from "../../scripts/demo.mjs";
import { softwareFlags } from "../browser/browser.ts";
import { type TinyModelOptions, writeTinyModel } from "../harness/tiny_model.ts";

/** The demo page as it is built and served, in a Chromium of its own, on SwiftShader. */

const FLAGS = ["--enable-unsafe-webgpu", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"];
/** Chrome says this of every page that asks for an adapter, and of requests that fail, as some are meant to. */
const EXPECTED = /WebGPU is experimental on this platform|Failed to load resource/;

export interface DemoPageOptions {
  /** A small one when absent. */
  readonly model?: TinyModelOptions;
  /** A program that runs before the script of the runtime's worker. */
  readonly inWorker?: string;
}

export class DemoPage {
  readonly #origin: string;
  /** A small random model. */
  readonly model: string;
  /** What went wrong in any page: errors on the console, exceptions, rejections that nobody handled. */
  readonly faults: string[] = [];
  readonly screenshots: string;
  readonly #browser: Browser;
  readonly #server: ReturnType<typeof serve>;
  readonly #folder: string;

  private constructor(browser: Browser, server: ReturnType<typeof serve>, folder: string, model: string) {
    this.#browser = browser;
    this.#server = server;
    this.#folder = folder;
    this.model = model;
    this.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.screenshots = process.env.BATON_DEMO_SCREENSHOTS ?? join(tmpdir(), "baton-demo-screenshots");
    mkdirSync(this.screenshots, { recursive: true });
  }

  static async open({ model: shape, inWorker }: DemoPageOptions = {}): Promise<DemoPage> {
    const found = findChromium();
    if (!found) throw new Error("There is no Chromium to test in: `npm run test:full` fetches one.");
    const folder = mkdtempSync(join(tmpdir(), "baton-demo-"));
    const outDir = join(folder, "page");
    await build({ configFile: resolve("vite.demo.config.ts"), logLevel: "error", build: { outDir } });
    if (inWorker !== undefined) putBefore(join(outDir, "assets"), inWorker);
    const model = join(folder, "tiny.gguf");
    writeFileSync(model, writeTinyModel(shape ?? { vocabTokens: 600 }));
    const server = serve(folder);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { path: executablePath, env } = found;
    const args = [...FLAGS, ...softwareFlags];
    const given = Object.entries({ ...process.env, ...env }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const browser = await chromium.launch({ executablePath, args, env: Object.fromEntries(given) });
    return new DemoPage(browser, server, folder, model);
  }

  /** Below the server's root, as it may be anywhere. */
  get url(): string {
    return `${this.#origin}/page/`;
  }

  get modelUrl(): string {
    return `${this.#origin}/tiny.gguf`;
  }

  async page(options: BrowserContextOptions = {}): Promise<Page> {
    // Where the system names none, Chromium makes up a language that `Intl` refuses.
    return this.tab(await this.#browser.newContext({ locale: "en-US", ...options }));
  }

  /** Another page beside those that the context has. */
  async tab(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) this.faults.push(message.text());
    });
    page.on("pageerror", (error) => this.faults.push(String(error.stack ?? error)));
    return page;
  }

  /** What Chromium writes down of its tasks while `work` runs. */
  async traced(page: Page, work: () => Promise<void>): Promise<readonly TraceEvent[]> {
    await this.#browser.startTracing(page, { categories: ["toplevel"] });
    await work();
    const trace = await this.#browser.stopTracing();
    return JSON.parse(trace.toString()).traceEvents;
  }

  async shoot(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: join(this.screenshots, `${name}.png`), fullPage: true });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Of Chromium. Times in microseconds: `ts` when it began, `tdur` how long its thread ran in it. */
export interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Before the one script of the runtime's worker. */
function putBefore(assets: string, program: string): void {
  const [name, ...others] = readdirSync(assets).filter((file) => /^worker-.*\.js$/.test(file));
  if (name === undefined || others.length > 0) throw new Error("The page has not one worker's script.");
  const path = join(assets, name);
  writeFileSync(path, `${program}\n${readFileSync(path, "utf8")}`);
}

interface AxeResult {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

const axe = readFileSync(resolve("node_modules/axe-core/axe.min.js"), "utf8");

/** What axe finds serious or critical, in a line each. */
export async function seriousFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const violations: readonly AxeResult[] = await page.evaluate(
    "axe.run().then(({ violations }) => violations)",
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary = "" }) => `${id}: ${html} ${failureSummary}`),
    );
}
