import { expect, test } from "vitest";
import { costOf } from "../../bench/copy_cost.ts";
import type { HandoffReport } from "../../bench/handoff.ts";
import { linkMs, throttled } from "../../bench/throttled_runner.ts";
import { FakeRunner } from "../harness/fake_runner.ts";
import { bench } from "./run_bench.ts";

const small = ["--model", "tiny", "--kv-mib", "8", "--samples", "2", "--others", "2"];

test("the report has copies alone, handoffs with an idle and a busy decoder, and links", async () => {
  const { status, stdout, stderr } = await bench("handoff", ...small, "--prompts", "64,300", "--links", "50", "--json"); // biome-ignore format: one command
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  const report: HandoffReport = JSON.parse(stdout);
  expect(report).toMatchObject({
    benchmark: "handoff",
    model: "tiny, random weights",
    others: 2,
    bar: 1.2,
    devices: [{ role: "prefiller" }, { role: "decoder" }],
  });
  expect(report.copies.map(({ blocks }) => blocks)).toEqual([1, 2, 4, 8, 16, 32]);
  for (const { ms } of report.copies) expect(ms).toMatchObject({ samples: 2 });
  const cells = report.results.map(({ decoder, promptTokens }) => [decoder, promptTokens]);
  expect(cells).toEqual([["idle", 64], ["idle", 300], ["busy", 64], ["busy", 300]]); // biome-ignore format: a list
  for (const { promptTokens, samples, blocks, lastBlocks, ...result } of report.results) {
    expect(samples).toBe(2);
    expect(blocks).toBe(Math.ceil(promptTokens / 16));
    // 300 tokens run in chunks of 256 and 44.
    expect(lastBlocks).toBe(promptTokens === 300 ? 3 : 4);
    expect(result.transfers).toMatchObject({ min: 1, max: 1 });
    expect(result.bytesRatio.min).toBeGreaterThanOrEqual(1);
    expect(result.bytesRatio.max).toBeLessThanOrEqual(1.02);
    expect(result.visibleMs.p50).toBeGreaterThan(0);
    expect(result.copyMs.min).toBeGreaterThan(0);
    expect(result.met).toBe(result.ratio <= 1.2);
  }
  const [link] = report.links;
  expect(link).toMatchObject({ mibPerSecond: 50, promptTokens: 300 });
  expect(link?.lastChunkMs).toBeCloseTo(((link?.wholeMs ?? 0) * 3) / 19, 6);
  // The link alone takes the last chunk so long.
  expect(link?.visibleMs.min).toBeGreaterThan(0);
});

test("the table has a row for each length, idle and busy", async () => {
  const { status, stdout } = await bench("handoff", ...small, "--prompts", "40", "--links", "none", "--quiet"); // biome-ignore format: one command
  expect(status).toBe(0);
  for (const text of ["copy alone", "3 of 3", "idle", "busy", "own / copy"]) expect(stdout).toContain(text);
});

test("copies over a link come one after the other, each as late as the link's rate says", async () => {
  const runner = throttled(new FakeRunner({ blocks: 4 }), 1);
  const startMs = performance.now();
  const [one, two] = await Promise.all([runner.exportBlocks([0]), runner.exportBlocks([1, 2])]);
  const ms = linkMs(one.byteLength + two.byteLength, 1);
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(ms);
  expect(linkMs(2 ** 20, 10)).toBe(100);
});

test("what a copy costs is a fixed part and one by its bytes", () => {
  const copies = [1, 4, 16].map((mib) => {
    const median = 0.5 + 2 * mib;
    return { blocks: mib, bytes: mib * 2 ** 20, ms: { samples: 1, median, min: median, max: median } };
  });
  const { fixedMs, msPerMiB, mibPerSecond } = costOf(copies);
  expect([fixedMs, msPerMiB, mibPerSecond]).toEqual([0.5, 2, 500]);
});

test.each([
  [["--devices", "one"], "--devices"],
  [["--prompts", "1"], "--prompts"],
  [["--links", "0"], "--links"],
  [["--samples", "0"], "--samples"],
])("refuses %j", async (args, option) => {
  const { status, stderr } = await bench("handoff", ...args);
  expect(status).not.toBe(0);
  expect(stderr).toContain("error (invalid-option)");
  expect(stderr).toContain(option);
});
