import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, Route } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureBuild } from "../scripts/build.mjs";
import { catalogue, findModel } from "../src/loader/sources/catalogue.ts";
import { createNodePlatform } from "../src/node.ts";
import { buildPage, type Pages } from "./browser/bundle.ts";
import { launchChromium } from "./browser/chromium.ts";
import { PageServer } from "./browser/page_server.ts";
import { blocks, clone } from "./readme/examples.ts";

/** Runs what the README shows as a library in a page, as it stands there: bundled with the built package, on the default model. */

const LIMIT_MS = 600_000;
const MODEL = "/default-model";

const model = findModel(catalogue.default);
if (!model) throw new Error("The catalogue has no default model.");
const { bytes, sources } = model;

let browser: Browser;
let server: PageServer;
/** One for both, which keeps the model. */
let context: BrowserContext;

/** Runs the example that the address names, and says so in the title when it has ended. */
const runner = `
  const examples = { conversation: () => import("./conversation.ts"), agent: () => import("./agent.ts") };
  examples[location.hash.slice(1)]().then(
    () => { document.title = "done"; },
    (error) => { document.title = String(error); },
  );`;

/** The examples as files of a page in the package itself, where its name resolves by its exports: what an installed copy gets. */
async function buildExamples(): Promise<Pages> {
  const folder = mkdtempSync(join(clone, "readme_example.tmp-"));
  try {
    const [conversation = "", agent = ""] = blocks("ts");
    writeFileSync(join(folder, "conversation.ts"), conversation);
    writeFileSync(join(folder, "agent.ts"), agent);
    writeFileSync(join(folder, "runner.ts"), runner);
    writeFileSync(
      join(folder, "index.html"),
      '<!doctype html><script type="module" src="/runner.ts"></script>',
    );
    return await buildPage(folder, "production");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the hub says of the file, and where it sends those who want all of it: here to the page's own server. */
async function answerAsHub(route: Route): Promise<void> {
  const shared = { "access-control-allow-origin": "*", "access-control-expose-headers": "*", etag: '"1"' };
  if (route.request().headers().range === "bytes=0-0")
    return route.fulfill({
      status: 206,
      headers: { ...shared, "content-range": `bytes 0-0/${bytes}` },
      body: "G",
    });
  const location = new URL(MODEL, server.url).href;
  return route.fulfill({ status: 302, headers: { ...shared, location } });
}

beforeAll(async () => {
  await ensureBuild();
  const source = await createNodePlatform().resolveModel(catalogue.default, {});
  const content = Buffer.from(await new Response(await source.stream()).arrayBuffer());
  server = await PageServer.start(await buildExamples(), new Uint8Array());
  server.onOther = ({ url }, response) => {
    if (url !== MODEL) return false;
    response.writeHead(200, { "content-length": bytes, "access-control-allow-origin": "*" }).end(content);
    return true;
  };
  browser = await launchChromium();
  context = await browser.newContext();
  const paths = sources.flatMap((one) => (one.kind === "hub" ? [one.path] : []));
  await context.route((url) => paths.some((path) => url.pathname.endsWith(`/${path}`)), answerAsHub);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** What the example says on the console, in order. */
async function run(example: "conversation" | "agent"): Promise<unknown[]> {
  const said: Promise<unknown>[] = [];
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "log") said.push(...message.args().map((value) => value.jsonValue()));
  });
  const start = performance.now();
  await page.goto(`${server.url}#${example}`);
  await page.waitForFunction(() => document.title !== "", undefined, { timeout: LIMIT_MS });
  console.log(`${example}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  expect(await page.title()).toBe("done");
  const values = await Promise.all(said);
  await page.close();
  return values;
}

test("its conversation answers in a page", async () => {
  const said = await run("conversation");
  expect(said.at(-1)).toMatch(/^\d+ tokens, first after \d+ ms$/);
  expect(said.slice(0, -1).join("")).toMatch(/[a-z]{3}/i);
});

test("its agent calls its tool in a page, with the model that the browser has kept", async () => {
  const before = server.requests.filter((path) => path === MODEL);
  const said = await run("agent");
  expect(said).toContainEqual(expect.objectContaining({ type: "tool-result" }));
  expect(said.at(-1)).toMatchObject({ type: "done" });
  expect(server.requests.filter((path) => path === MODEL)).toEqual(before);
});
