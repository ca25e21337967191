import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { gzipSync } from "fflate";
import type { Browser } from "playwright-core";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage, type Pages } from "./browser/bundle.ts";
import { launchChromium } from "./browser/chromium.ts";
import { PageServer } from "./browser/page_server.ts";
import { served } from "./browser/served.ts";
import { writeTinyModel } from "./harness/tiny_model.ts";
import { ENTRY, esbuildOutputs, serveWithVite, withEsbuild, withWebpack } from "./package/bundlers.ts";
import { pageProgram } from "./package/page_program.ts";
import { Project } from "./package/project.ts";

/** The package as somebody gets it who installs it: packed, put into an empty project, bundled by what people use. */

const MOST_CORE_BYTES = 150_000;
const PAGE_LIMIT_MS = 120_000;

const model = writeTinyModel({ vocabTokens: 600 });
let project: Project;

beforeAll(() => {
  project = new Project();
  project.write("index.html", `<!doctype html><script type="module" src="/${ENTRY}"></script>`);
  project.write(ENTRY, pageProgram);
  project.write(`public${served.model}`, model);
  project.write(
    "src/main.ts",
    `import { createAgent, createRuntime, tool } from "baton-webgpu";
     const runtime = await createRuntime({ model: "smollm2-135m-instruct" });
     const add = tool({ name: "add", parameters: { type: "object" }, execute: ({ a, b }) => Number(a) + Number(b) });
     for await (const event of createAgent(runtime, { tools: [add] }).send("2 + 3?")) console.log(event);`,
  );
});
afterAll(() => project?.remove());

test("publint finds nothing", async () => {
  const { messages } = await publint({ pkgDir: project.installed, strict: true });
  expect(messages).toEqual([]);
});

test("the types are right for whoever imports modules", async () => {
  const packed = new Uint8Array(readFileSync(project.tarball));
  const analysis = await checkPackage(createPackageFromTarballData(packed));
  // The package is made of ES modules alone, which the oldest resolution and require() do not know.
  const modern = "problems" in analysis ? analysis.problems : [];
  const wrong = modern.filter(
    (problem) => !("resolutionKind" in problem && ["node10", "node16-cjs"].includes(problem.resolutionKind)),
  );
  expect(wrong).toEqual([]);
});

test("it holds no sources, tests or benchmarks", () => {
  const names = readdirSync(project.installed, { recursive: true, encoding: "utf8" });
  expect(names.filter((name) => /(^|\/)(src|test|bench)\b|bench\.js|first_token/.test(name))).toEqual([]);
  expect(names).toEqual(
    expect.arrayContaining(["dist/index.js", "dist/node.js", "dist/ai-sdk.js", "LICENSE"]),
  );
});

test.each([
  ["what a page loads at once", { main: "src/main.ts" }],
  // Tokenizer, templates and grammar come when they are needed.
  ["the engine, which its worker loads", { main: "baton-webgpu/worker" }],
])("%s is small, and asks for nothing of Node's", async (what, entries) => {
  const files = await esbuildOutputs(project.root, entries);
  const entry = files.find(({ path }) => path.endsWith("main.js"));
  const loaded = withStaticImports(entry?.path ?? "", files);
  const bytes = loaded.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
  console.log(`${what}: ${bytes} bytes gzipped in ${loaded.length} files`);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(MOST_CORE_BYTES);
});

test("Node imports it, and the AI SDK's model", () => {
  const program = `
    import { createAgent, createRuntime, tool } from "baton-webgpu";
    import { batonModel } from "baton-webgpu/ai-sdk";
    console.log([createAgent, createRuntime, tool, batonModel].map((one) => typeof one).join());`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: project.root,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(stdout.trim()).toBe("function,function,function,function");
});

describe("in a page the runtime answers from its worker, as", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  const bundlers: readonly (readonly [string, (root: string) => Promise<Pages>])[] = [
    ["Vite builds it", (root) => buildPage(root, "production")],
    ["Vite builds it for development", (root) => buildPage(root, "development")],
    ["webpack builds it", (root) => withWebpack(root, "production")],
    ["webpack builds it for development", (root) => withWebpack(root, "development")],
    ["esbuild bundles it, the worker as a second entry", withEsbuild],
  ];
  test.each(bundlers)("%s", async (_, bundle) => {
    const server = await PageServer.start(await bundle(project.root), model);
    try {
      await expectAnswer(browser, server.url);
    } finally {
      await server.stop();
    }
  });

  test("Vite's development server gives it", async () => {
    const server = await serveWithVite(project.root);
    try {
      await expectAnswer(browser, server.url);
    } finally {
      await server.stop();
    }
  });
});

/** The page at `url` reports an answer, of one worker, and the browser complains of nothing. */
async function expectAnswer(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("requestfailed", (request) => faults.push(request.url()));
  page.on("response", (response) => {
    if (response.status() >= 400 && !response.url().endsWith("/favicon.ico")) faults.push(response.url());
  });
  try {
    await page.goto(url);
    await page.waitForFunction(() => "report" in globalThis, undefined, { timeout: PAGE_LIMIT_MS });
    const report = await page.evaluate(() => (globalThis as { readonly report?: unknown }).report);
    expect(report).toEqual({
      text: expect.stringMatching(/./),
      workers: [expect.stringMatching(/^http/)],
    });
    expect(faults).toEqual([]);
  } finally {
    await page.close();
  }
}

interface Output {
  readonly path: string;
  readonly contents: Uint8Array;
  readonly text: string;
}

/** A file and all that the browser loads with it before it runs. */
function withStaticImports(path: string, files: readonly Output[]): readonly Output[] {
  const found = new Set<Output>();
  const visit = (name: string) => {
    const file = files.find((one) => one.path === name);
    if (file === undefined || found.has(file)) return;
    found.add(file);
    for (const [, specifier = ""] of file.text.matchAll(/(?:\bfrom|\bimport)\s*"(\.[^"]+)"/g))
      visit(resolve(name, "..", specifier));
  };
  visit(path);
  return [...found];
}
