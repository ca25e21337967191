import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chooseCases, engineCases } from "../../bench/cases.ts";
import type { EngineReport } from "../../bench/report.ts";
import type { Spread } from "../../bench/spread.ts";
import { bench } from "./run_bench.ts";

const SAMPLES = 2;
// A start takes a build: see built.full.test.ts.
const tiny = ["engine", "--weights", "random", "--shape", "tiny", "--starts", "0"];
/** One of each kind, and those that are compared and profiled. */
const only = "prefill-32,prefill-128,prefill-2048,decode-context-128,batch-8";
const cases = chooseCases(only);
/** Warm-ups and samples. */
const STEPS = cases.reduce((sum, { everyRounds }) => sum + 1 + Math.ceil(SAMPLES / everyRounds), 0);

let folder = "";
let report: EngineReport;
let progress = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-bench-"));
  const { status, stdout, stderr } = await bench(
    ...[...tiny, "--only", only, "--samples", `${SAMPLES}`],
    ...["--json", "--trace", join(folder, "trace.json")],
  );
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  report = JSON.parse(stdout);
  progress = stderr;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function expectSpread(spread: Spread | undefined, samples: number) {
  expect(spread?.samples).toBe(samples);
  const { min = 0, median = 0, max = 0 } = spread ?? {};
  expect(min).toBeGreaterThan(0);
  expect(median).toBeGreaterThanOrEqual(min);
  expect(max).toBeGreaterThanOrEqual(median);
}

test("every measurement has its spread, and decode its TBT of every step", () => {
  expect(report.results.map(({ id }) => id)).toEqual(cases.map(({ id }) => id));
  for (const {
    group,
    tokens,
    everyRounds,
    tokensPerSecond,
    tbtMs,
    dispatchesPerStep,
    shareOf,
  } of report.results) {
    expectSpread(tokensPerSecond, Math.ceil(SAMPLES / everyRounds));
    expect(dispatchesPerStep).toBeGreaterThan(0);
    expect(Math.min(shareOf.copy, shareOf.float)).toBeGreaterThan(0);
    if (group === "prefill") expect(tbtMs).toBeUndefined();
    else expectSpread(tbtMs, SAMPLES * tokens);
  }
});

test("prompts, contexts and batches are measured up to the sizes that agents reach", () => {
  const ids = engineCases.map(({ id }) => id);
  const of = (name: string, sizes: readonly number[]) => sizes.map((size) => `${name}-${size}`);
  expect(ids).toEqual([
    ...of("prefill", [32, 128, 512, 2048]),
    ...of("decode-context", [0, 128, 512, 2048]),
    ...of("batch", [2, 4, 8, 16]),
  ]);
});

test("each probe of the device is sampled once a round, and each ratio paired by round", () => {
  expect(Object.keys(report.probes)).toEqual(expect.arrayContaining(["copy", "float", "int8"]));
  for (const probe of Object.values(report.probes)) expectSpread(probe, SAMPLES);
  expect(report.ratios.map(({ one, other }) => `${one} ${other}`)).toEqual([
    "prefill-2048 prefill-128",
    "batch-8 prefill-128",
    "batch-8 decode-context-128",
  ]);
  for (const { one, ratio } of report.ratios) expectSpread(ratio, one === "prefill-2048" ? 1 : SAMPLES);
});

test("a profile names every stage, and its dispatches are those of the step", () => {
  const profiled = ["prefill-128", "decode-context-128", "batch-8"];
  expect(report.profiles?.map(({ id }) => id)).toEqual(profiled);
  for (const { id, tokens, dispatches, stages, onePassMs, sumMs, wallMs } of report.profiles ?? []) {
    expect(tokens).toBe({ "prefill-128": 128, "decode-context-128": 1, "batch-8": 8 }[id]);
    expect(stages.reduce((sum, stage) => sum + stage.dispatches, 0)).toBe(dispatches);
    expect(stages.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 2);
    expect(stages.every(({ kernels }) => kernels.length > 0)).toBe(true);
    expect(Math.min(onePassMs.min, sumMs.min)).toBeGreaterThan(0);
    expect(wallMs.median).toBeGreaterThan(onePassMs.min);
  }
});

test("--trace leaves every step of the samples, and the profiled ones dispatch by dispatch", () => {
  const { traceEvents } = JSON.parse(readFileSync(join(folder, "trace.json"), "utf8"));
  const count = (cat: string) => traceEvents.filter((event: { cat?: string }) => event.cat === cat).length;
  const decoded = report.results.filter(({ group }) => group !== "prefill");
  expect(count("steps")).toBeGreaterThan(decoded.length * SAMPLES * 16);
  const dispatches = (report.profiles ?? []).reduce(
    (sum, one) => sum + one.sumMs.samples * (one.dispatches + 1),
    0,
  );
  expect(count("gpu")).toBe(dispatches);
});

test("the report says what was measured, where, and how", () => {
  const { machine, adapter, model, gpuBytes } = report;
  expect(report).toMatchObject({ benchmark: "engine", precision: "default", seed: 0, samples: SAMPLES });
  expect(machine.node).toBe(process.versions.node);
  expect(machine.dawn).toMatch(/^\d+\.\d+/);
  expect(machine.baton).toMatch(/^\d+\.\d+/);
  expect([adapter.name, machine.os, machine.cpu]).not.toContain("");
  expect(typeof adapter.software).toBe("boolean");
  expect(model).toMatchObject({ name: "tiny", weights: "random", architecture: "llama", layers: 2 });
  expect(gpuBytes.all).toBeGreaterThan(gpuBytes.weights + gpuBytes.kv);
  expect(gpuBytes.peak).toBeGreaterThanOrEqual(gpuBytes.all);
  const { residentBytes = 0, heapAndBufferBytes = 0 } = report.hostPeaks ?? {};
  expect(heapAndBufferBytes).toBeGreaterThan(1e6);
  expect(residentBytes).toBeGreaterThan(heapAndBufferBytes);
  expect(report.firstToken).toBeUndefined();
  expect(report.tunedProducts).toBe(0);
  expect(Math.min(gpuBytes.weights, gpuBytes.kv, report.loadMs)).toBeGreaterThan(0);
  expect(new Date(report.takenAt).toISOString()).toBe(report.takenAt);
});

test("a decode step takes as many dispatches as decode was measured with", () => {
  const decode = report.results.find(({ id }) => id === "decode-context-128");
  expect(report.dispatchesPerDecodeStep).toBe(decode?.dispatchesPerStep);
});

test("progress goes to stderr, and to nowhere with --quiet", async () => {
  expect(progress).toContain(`measuring: ${STEPS} of`);
  const { status, stderr } = await bench(...tiny, "--samples", "1", "--only", "prefill-32", "--quiet");
  expect(status).toBe(0);
  expect(stderr).toBe("");
});

test("--compare shows new over old of what both have, and what else differs", async () => {
  const old = join(folder, "old.json");
  const kept = report.results.filter(({ id }) => id === "prefill-32");
  writeFileSync(old, JSON.stringify({ ...report, precision: "exact", results: kept }));
  const args = [...tiny, "--samples", "1", "--only", "prefill-32,decode-context-0", "--compare", old];
  const { stdout } = await bench(...args, "--json");
  const { results, comparison }: EngineReport = JSON.parse(stdout);
  const [before, now] = [kept, results].map(([first]) => first?.tokensPerSecond.median ?? 0);
  expect(comparison?.ratios).toEqual({ "prefill-32": Number(((now ?? 0) / (before ?? 1)).toPrecision(4)) });
  expect(comparison).toMatchObject({ takenAt: report.takenAt, differs: ["precision"] });
  expect(Object.keys(comparison?.probes ?? {})).toEqual(Object.keys(report.probes));

  const table = await bench(...args);
  expect(table.stdout).toMatch(/new \/ old/);
  expect(table.stdout).toMatch(/prefill-32 .*\d\.\d\dx\n/);
  expect(table.stdout).toMatch(/decode-context-0 .* new\n/);
  expect(table.stdout).toMatch(/It differs in precision\. The adapter itself, new over old: copy \d\.\d\dx/);
});

test("a pool that does not hold all contexts is refused, with the size that does", async () => {
  const { status, stderr } = await bench(...tiny, "--kv-mib", "0.1");
  expect(status).toBe(1);
  expect(stderr).toMatch(/error \(kv-full\): .* Give --kv-mib \d+, or measure less with --only\.\n/);
});

const refused: readonly (readonly [string, readonly string[]])[] = [
  [`The option --samples is 0; it has to be a whole number in [1, 1000].`, ["--samples", "0"]],
  [`The option --samples is "many"; it has to be a number.`, ["--samples", "many"]],
  [`The option --seed is -1;`, ["--seed", "-1"]],
  [`The option --weights is "none"; it has to be file or random.`, ["--weights", "none"]],
  [`The option --shape is "huge"; it has to be one of tiny,`, ["--weights", "random", "--shape", "huge"]],
  [`The option --shape is "tiny"; it has to be given with --weights random.`, ["--shape", "tiny"]],
  [`The option --model is "a.gguf"; it has to be left out`, ["--weights", "random", "--model", "a.gguf"]],
  [`The option --only is "sleep"; it has to be some of prefill, decode, batch,`, ["--only", "prefill,sleep"]],
  [
    `The option --profile is "sleep"; it has to be some of prefill, prefill-32,`,
    ["--only", "prefill", "--profile", "sleep"],
  ],
  [
    `The option --profile is "decode"; it has to be some of prefill,`,
    ["--only", "prefill", "--profile", "decode"],
  ],
  [`The option --starts is -1; it has to be a whole number in [0, 100].`, ["--starts", "-1"]],
  [`The option --in is "cloud"; it has to be node or page.`, ["--in", "cloud"]],
  [`The option --tuned is true; it has to be left out`, ["--in", "page", "--tuned"]],
  [`The option --starts is 1; it has to be 0`, ["--in", "page", "--starts", "1"]],
  [`The option --precision is "double"; it has to be`, ["--precision", "double"]],
  [`The option kvMiB is -1; it has to be`, ["--kv-mib", "-1"]],
  [`There is no file missing.json.`, ["--compare", "missing.json"]],
  [`package.json is not a report of`, ["--compare", "package.json"]],
];

test.each(refused)("refused in a plain sentence: %s", async (sentence, args) => {
  const { status, stdout, stderr } = await bench("engine", ...args);
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain(`: ${sentence}`);
  expect(stderr.split("\n")).toHaveLength(2);
});

test("show prints a kept report as it was printed, and refuses what it cannot print", async () => {
  const kept = join(folder, "kept.json");
  writeFileSync(kept, JSON.stringify(report));
  const { status, stdout } = await bench("show", kept);
  expect(status).toBe(0);
  for (const { id } of report.results) expect(stdout).toMatch(new RegExp(`^${id} .*%`, "m"));
  for (const { meaning } of report.ratios) expect(stdout).toContain(meaning);
  for (const { stage } of report.profiles?.[0]?.stages ?? [])
    expect(stdout).toMatch(new RegExp(`^${stage} `, "m"));
  const { probes: _, ...older } = report;
  writeFileSync(kept, JSON.stringify(older));
  const refusal = await bench("show", kept);
  expect([refusal.status, refusal.stdout]).toEqual([1, ""]);
  expect(refusal.stderr).toContain("is a report of an older version");
});

test("an unknown benchmark and an unknown option are refused", async () => {
  for (const args of [["engines"], ["engine", "--fast"]]) {
    const { status, stdout, stderr } = await bench(...args);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: unknown (command|option)/);
  }
});

test("--help needs no device and no model", async () => {
  const { status, stdout } = await bench("engine", "--help");
  expect(status).toBe(0);
  for (const text of ["--weights", "smollm2-135m", "decode-context-512"]) expect(stdout).toContain(text);
});
