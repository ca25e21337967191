import { expect, test } from "vitest";
import { bench } from "./run_bench.ts";

test("events, rows and turns a second are reported for each shape, with what the events were", async () => {
  const { status, stdout } = await bench("scheduler", "--conversations", "20", "--seconds", "0.01", "--rounds", "2", "--quiet", "--json"); // biome-ignore format: one line of a shell
  expect(status).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ benchmark: "scheduler", policy: "baton", conversations: 20, drafts: false });
  expect(report.results).toHaveLength(3);
  for (const { eventsPerSecond, rowsPerSecond, turnsPerSecond, byKind } of report.results) {
    expect([eventsPerSecond.samples, rowsPerSecond.samples, turnsPerSecond.samples]).toEqual([2, 2, 2]);
    expect(eventsPerSecond.min).toBeGreaterThan(0);
    const shares: number[] = Object.values(byKind);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 2);
  }
});

test("one shape under another policy, with drafts, for people", async () => {
  const { status, stdout } = await bench("scheduler", "--conversations", "20", "--devices", "2", "--rows", "5", "--policy", "conserve", "--drafts", "--seconds", "0.01", "--rounds", "1"); // biome-ignore format: one line of a shell
  expect(status).toBe(0);
  expect(stdout).toContain("20 conversations under conserve, with drafts");
  expect(stdout).toMatch(/2 x 5 +\d+ \(\d+–\d+\)/);
  expect(stdout).toMatch(/2 x 5: turn-arrived/);
});

test("a policy that is none is refused by name", async () => {
  const { status, stderr } = await bench("scheduler", "--policy", "none");
  expect(status).not.toBe(0);
  expect(stderr).toContain("--policy");
});
