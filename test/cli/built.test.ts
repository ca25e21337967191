import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestFolder } from "./files.ts";

/** The program as users have it: bundled, in a process of its own, with real pipes. */

// Inside node_modules, so that what the bundle imports is found from there.
const dist = mkdtempSync(resolve("node_modules", ".baton-cli-test-"));
const folder = new TestFolder();
const model = folder.model();
const ids = Array.from({ length: 64 }, (_, index) => (index * 37 + 11) % 600);
const file = folder.json(
  "entries.json",
  Array.from({ length: 4 }, () => ({ ids })),
);

beforeAll(() => build({ build: { outDir: dist, sourcemap: false }, logLevel: "silent" }));
afterAll(() => rmSync(dist, { recursive: true, force: true }));

/** Dawn prints these for every device and has no switch for it. */
const DAWN_CHATTER = /^Warning: maxDynamic.*\n/gm;

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly errors: string;
}

/** Resolves when the process has ended, which it has to do by itself. */
function baton(args: readonly string[], { env = {}, readOut = true } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [resolve(dist, "cli.js"), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let errors = "";
  if (readOut) child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  else child.stdout.destroy();
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  return new Promise((done) => {
    child.on("close", (status) => done({ status, out, errors: errors.replaceAll(DAWN_CHATTER, "") }));
  });
}

test("the process ends by itself after an answer", async () => {
  const { status, out, errors } = await baton([
    "run",
    "--model",
    model,
    "--max-tokens",
    "3",
    "--quiet",
    "Hello",
  ]);
  expect({ status, errors }).toEqual({ status: 0, errors: "" });
  expect(out).toMatch(/.\n$/);
});

test("devices ends by itself", async () => {
  const { status, out } = await baton(["devices"]);
  expect(status).toBe(0);
  expect(out).toContain("Baton uses");
});

test("output larger than a pipe's buffer is whole", async () => {
  const { status, out } = await baton(["eval", file, "--model", model, "--top", "600", "--json"]);
  expect(status).toBe(0);
  expect(out.length).toBeGreaterThan(1 << 21);
  expect(JSON.parse(out).results).toHaveLength(4);
});

test("a reader that goes away ends the program without a word", async () => {
  const args = ["eval", file, "--model", model, "--json", "--quiet"];
  expect(await baton(args, { readOut: false })).toEqual({ status: 0, out: "", errors: "" });
});

test("an adapter that BATON_ADAPTER asks for in vain is one line, without a stack", async () => {
  const { status, out, errors } = await baton(["run", "--model", model, "Hello"], {
    env: { BATON_ADAPTER: "nonexistent" },
  });
  expect({ status, out }).toEqual({ status: 1, out: "" });
  expect(errors).toMatch(/^error \(no-adapter\): .*"nonexistent".*\n$/);
});

test("a process that failed after the GPU was opened ends by itself", async () => {
  const args = ["run", "--model", model, "--kv-mib", "0.1", "--quiet", "word ".repeat(3000)];
  const { status, errors } = await baton(args);
  expect(status).toBe(1);
  expect(errors).toMatch(/^error \(prompt-too-long\): .*\n$/);
});
