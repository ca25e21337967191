import { describe, expect, test } from "vitest";
import { linkOf } from "../../bench/fidelity_run.ts";
import { meansOf, tokensPerJouleRange } from "../../bench/paper.ts";
import { ASSUMPTIONS, BASE, POLICIES, paperPoints, pointOf, tracePoint } from "../../bench/paper_points.ts";
import { verdictOf } from "../../bench/policy_map.ts";
import { scaleOf } from "../../bench/simulator_scale.ts";
import { simulatePoint } from "../../src/simulator/grid_point.ts";
import { sampleWorkload } from "../workload/mooncake_sample.ts";

const size = { conversations: 8, seeds: 2 };
const small = pointOf("load", { ...BASE, length: 0.03 }, size);

describe("a point of a sweep", () => {
  const result = simulatePoint(small);

  test("has every policy and seed, with energy", () => {
    expect(result.cells).toHaveLength(POLICIES.length * size.seeds);
    for (const policy of POLICIES) {
      const means = meansOf(result, policy);
      expect(means.ttfetP95Ms).toBeGreaterThan(0);
      expect(means.joulesPerToken).toBeGreaterThan(0);
      expect(means.joulesPerTokenByUtilisation).toBeGreaterThan(0);
    }
    expect(result.comparisons.map(({ policy }) => policy).toSorted()).toEqual(POLICIES.filter((one) => one !== "conserve").toSorted()); // biome-ignore format: one check
  });

  test("says what its energy comes to where the models' constants are off", () => {
    const [least, most] = tokensPerJouleRange(result, "conserve", "ampd");
    const [conserve, ampd] = [meansOf(result, "conserve"), meansOf(result, "ampd")];
    for (const gain of [
      ampd.joulesPerToken / conserve.joulesPerToken - 1,
      ampd.joulesPerTokenByUtilisation / conserve.joulesPerTokenByUtilisation - 1,
    ]) {
      expect(gain).toBeGreaterThanOrEqual(least - 1e-9);
      expect(gain).toBeLessThanOrEqual(most + 1e-9);
    }
    expect(most).toBeGreaterThan(least);
    const [cell] = result.cells;
    const [given, , doubled] = cell?.joulesPerToken ?? [];
    expect(given?.byPhase).toBe(cell?.energy?.byPhase.joulesPerToken);
    expect(doubled?.byPhase).toBeGreaterThan(given?.byPhase ?? Number.NaN);
  });

  test("is the same again, and another at another load", () => {
    expect(simulatePoint(small)).toEqual(result);
    expect(simulatePoint({ ...small, load: 0.2 }).ratePerSecond).toBeCloseTo((result.ratePerSecond * 0.2) / BASE.load, 6); // biome-ignore format: one check
  });

  test("is judged: who is best, and whether baton is behind", () => {
    const { best, goodput, beside } = verdictOf(simulatePoint({ ...small, subject: "baton" }));
    expect(goodput[best]).toBe(Math.max(...Object.values(goodput).filter(Number.isFinite)));
    expect(beside?.ratio).toBeGreaterThan(0);
  });
});

test("a trace takes the place of generated conversations, at the rate that the SLOs say", () => {
  const trace = sampleWorkload(3, 12);
  const result = simulatePoint({ ...tracePoint(trace, "llama-3.2-1b", 8), policies: ["baton", "conserve"] });
  // All of the trace: eight would come for less than twice as long as one takes.
  expect(result.cells.map(({ policy, conversations }) => [policy, conversations])).toEqual([["baton", 12], ["conserve", 12]]); // biome-ignore format: one check
  expect(result.ratePerSecond).toBeGreaterThan(0);
});

test("conversations keep coming for twice as long as one takes alone", () => {
  const chat = { turns: { min: 3, max: 3 }, firstTokens: fixed(200), laterTokens: fixed(20), outputTokens: fixed(20), pauseMs: fixed(5000) }; // biome-ignore format: one record
  const at = (load: number) => simulatePoint({ ...small, shape: chat, load, policies: ["conserve"] });
  const { conversations, ratePerSecond, cells } = at(2e-4);
  // Two pauses of five seconds, and little beside them.
  expect(conversations / ratePerSecond).toBeGreaterThan(20);
  expect(conversations / ratePerSecond).toBeLessThan(22);
  expect(cells.map((cell) => cell.conversations)).toEqual(cells.map(() => conversations));
  expect([at(1e-6), at(1)].map((result) => result.conversations)).toEqual([8, 160]);
});

function fixed(value: number) {
  return { median: value, sigma: 0, min: value, max: value };
}

test("the paper's setting is swept one assumption at a time, around a base that is among the values of each", () => {
  const points = paperPoints(size);
  expect(points).toHaveLength(ASSUMPTIONS.reduce((sum, { values }) => sum + values.length, 0));
  for (const { name, values } of ASSUMPTIONS) {
    const isBase = (value: object) => Object.entries(value).every(([key, one]) => BASE[key as keyof typeof BASE] === one); // biome-ignore format: one check
    expect([name, values.some(isBase)]).toEqual([name, true]);
  }
});

test("a link takes half of a copy on the way out, and half on the way in", () => {
  const { bytesPerMs, latencyMs } = linkOf({ fixedMs: 0.5, msPerMiB: 2, mibPerSecond: 500 });
  // A copy of 3 MiB: 0.5 + 3 * 2 ms.
  expect(2 * (latencyMs + (3 * 2 ** 20) / bytesPerMs)).toBeCloseTo(6.5, 9);
});

test("a fleet of dozens is simulated to its end, without keeping a turn", () => {
  const result = scaleOf(24, 100, "baton");
  expect(result.turns).toBeGreaterThan(500);
  expect(result.tokens / result.turns).toBeGreaterThan(100);
  expect(result.tokens / result.turns).toBeLessThan(160);
});
