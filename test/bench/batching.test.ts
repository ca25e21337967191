import { expect, test } from "vitest";
import type { BatchingReport } from "../../bench/batching.ts";
import { sharedTokens } from "../../bench/batching_run.ts";
import { bench } from "./run_bench.ts";

const small = ["--models", "tiny", "--kv-mib", "8", "--rounds", "2", "--context", "20", "--tokens", "8"];

test("the report has both placements, with the device's own rate beside the scheduler's", async () => {
  const { status, stdout, stderr } = await bench("batching", ...small, "--json");
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  const report: BatchingReport = JSON.parse(stdout);
  expect(report).toMatchObject({ benchmark: "batching", conversations: 8, contextTokens: 20, bar: 0.9 });
  expect(report.results.map(({ placement, policy }) => [placement, policy])).toEqual([
    ["one-device", "baton"],
    ["decoder", "conserve"],
  ]);
  for (const { scheduled, direct, ratio, cpuRatio, rowsPerStep, met, model } of report.results) {
    expect(model).toBe("tiny, random weights");
    for (const one of [scheduled, direct, ratio, cpuRatio]) expect(one.samples).toBe(2);
    expect(Math.min(scheduled.min, direct.min)).toBeGreaterThan(0);
    // Turns that begin at the same moment share all steps but the first ones.
    expect(rowsPerStep).toBeGreaterThanOrEqual(64 / 11);
    expect(met).toBe(ratio.median >= 0.9);
  }
});

test("counted are whole steps that all conversations share, from the end of the first of them on", () => {
  const steps = [["a"], ["a", "b"], ["a", "b"], ["a", "b"], ["b"]].map((sequences) => ({ sequences }));
  expect(sharedTokens(steps, 2)).toBe(4);
  expect(sharedTokens([], 2)).toBe(0);
});

test("the table has a row for each model and placement", async () => {
  const { status, stdout } = await bench("batching", ...small, "--placements", "one-device", "--conversations", "2", "--quiet"); // biome-ignore format: one command
  expect(status).toBe(0);
  for (const text of ["tiny, random weights", "one-device (baton)", "rows a step"])
    expect(stdout).toContain(text);
});

test.each([
  [["--placements", "both"], "--placements"],
  [["--models", ""], "--models"],
  [["--tokens", "2"], "--tokens"],
  [["--rounds", "0"], "--rounds"],
])("refuses %j", async (args, option) => {
  const { status, stderr } = await bench("batching", ...args);
  expect(status).not.toBe(0);
  expect(stderr).toContain("error (invalid-option)");
  expect(stderr).toContain(option);
});
