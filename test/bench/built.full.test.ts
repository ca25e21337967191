import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineReport } from "../../bench/report.ts";
import { bench } from "./run_bench.ts";

/** What takes a build, processes of its own or a browser. */

// Inside node_modules, so that what the bundle imports is found from there.
const dist = mkdtempSync(resolve("node_modules", ".baton-bench-test-"));
const folder = mkdtempSync(join(tmpdir(), "baton-bench-"));
const tiny = ["engine", "--weights", "random", "--shape", "tiny", "--samples", "1"];

beforeAll(() => build({ build: { outDir: dist, sourcemap: false }, logLevel: "silent" }));
afterAll(() => {
  for (const made of [dist, folder]) rmSync(made, { recursive: true, force: true });
});

async function run(script: string, args: readonly string[]) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (text) => (out += text));
  child.stderr.on("data", (text) => (errors += text));
  const status = await new Promise<number | null>((done) => child.once("close", done));
  return { status, out, errors };
}

test("processes are started cold and warm, and each says how long its parts took", async () => {
  const args = [...tiny, "--only", "prefill-32", "--profile", "none", "--starts", "2", "--json"];
  const { status, out, errors } = await run(join(dist, "bench.js"), args);
  expect(errors).not.toContain("error");
  expect(status).toBe(0);
  const { firstToken }: EngineReport = JSON.parse(out);
  expect(firstToken?.promptTokens).toBe(48);
  for (const bytes of Object.values(firstToken?.memory ?? {})) {
    expect(bytes.samples).toBe(4);
    expect(bytes.min).toBeGreaterThan(1e6);
  }
  for (const start of [firstToken?.cold, firstToken?.warm]) {
    const parts = Object.entries(start?.parts ?? {});
    expect(parts.map(([name]) => name)).toEqual([
      "start and imports",
      "device and header",
      "load",
      "compile",
      "warm-up",
      "first token",
    ]);
    expect(parts.every(([, { samples, min }]) => samples === 2 && min >= 0)).toBe(true);
    const { min = 0, max = 0 } = start?.firstTokenMs ?? {};
    const sum = (of: "min" | "max") => parts.reduce((total, [, ms]) => total + ms[of], 0);
    expect(min).toBeGreaterThan(sum("min") * 0.99);
    expect(max).toBeLessThan(sum("max") * 1.01);
  }
});

test("bench/gpu writes one report of everything, and says what is not there", async () => {
  const out = join(folder, "gpu");
  const args = [
    "--out",
    out,
    "--dist",
    dist,
    "--shapes",
    "tiny,nowhere",
    "--samples",
    "1",
    "--conversations",
    "4",
  ];
  const tests = ["--tests", "test/kernels/sample.test.ts"];
  const { status } = await run(resolve("bench", "gpu.mjs"), [...args, ...tests]);
  expect(status).toBe(1);
  const { parts } = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
  expect(parts.map(({ part, state }: { part: string; state: string }) => `${part}: ${state}`)).toEqual([
    "devices: done",
    "engine tiny: done",
    "engine nowhere: failed",
    "kernels: done",
    "batching: done",
    "handoff: done",
    "agents on two devices: done",
  ]);
  const [, engine, nowhere, kernels, batching, handoff, agents] = parts;
  expect(engine.result).toMatchObject({ benchmark: "engine", model: { name: "tiny" } });
  expect(nowhere.note).toMatch(/^It ended with 1: .*--shape is "nowhere"/);
  expect(kernels.result).toMatchObject({ failed: 0, failedTests: [] });
  expect(kernels.result.passed).toBeGreaterThan(0);
  expect(batching.result).toMatchObject({ benchmark: "batching", rounds: 8 });
  expect(handoff.result).toMatchObject({ benchmark: "handoff", model: "tiny, random weights" });
  expect(agents.result).toMatchObject({ benchmark: "agents", model: "tiny, random weights" });
  const text = readFileSync(join(out, "report.md"), "utf8");
  for (const { part } of parts) expect(text).toContain(`| ${part} |`);
  expect(text).toMatch(/^decode-context-2048 .*%/m);
});

test("a page measures the same cases, with the same dispatches", async () => {
  const cases = ["--only", "prefill-32,decode-context-0", "--profile", "decode", "--json"];
  const inPage = await bench(...tiny, ...cases, "--in", "page");
  expect(inPage.stderr).not.toContain("error");
  const page: EngineReport = JSON.parse(inPage.stdout);
  const node: EngineReport = JSON.parse((await bench(...tiny, ...cases)).stdout);
  expect(page.browser).toMatch(/Chrom/);
  expect(page.adapter.name).not.toBe("");
  expect(page.hostPeaks).toBeUndefined();
  const dispatches = ({ results }: EngineReport) =>
    results.map(({ id, dispatchesPerStep }) => [id, dispatchesPerStep]);
  expect(dispatches(page)).toEqual(dispatches(node));
  expect(page.results.every(({ tokensPerSecond }) => tokensPerSecond.min > 0)).toBe(true);
  expect(page.gpuBytes).toMatchObject({ weights: node.gpuBytes.weights });
  const stages = ({ profiles = [] }: EngineReport) =>
    profiles.flatMap(({ stages }) => stages.map(({ stage }) => stage)).sort();
  expect(stages(page)).toEqual(stages(node));
});
