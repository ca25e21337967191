import { describe, expect, test } from "vitest";
import { sweepsOf } from "../../bench/paper.ts";
import { BASE, POLICIES, pointOf } from "../../bench/paper_points.ts";
import { estimateOf, sweepsHtml } from "../../bench/sweep_figures.ts";
import { simulatePoint } from "../../src/simulator/grid_point.ts";

describe("an estimate", () => {
  test("is the mean with its 95% confidence interval by Student's t", () => {
    // Of 1, 2, 3: a standard error of 1 / √3, and t is 4.303 at two degrees of freedom.
    const { mean, low, high } = estimateOf([1, 2, 3]);
    expect(mean).toBe(2);
    expect(high - mean).toBeCloseTo(4.303 / Math.sqrt(3), 6);
    expect(mean - low).toBeCloseTo(high - mean, 12);
  });

  test("of one value is that alone, and has no width where values agree", () => {
    expect(estimateOf([5])).toEqual({ mean: 5, low: 5, high: 5 });
    expect(estimateOf([5, 5, 5])).toEqual({ mean: 5, low: 5, high: 5 });
  });
});

test("the page has what each policy came to, by the values of an assumption", () => {
  const setting = { ...BASE, length: 0.03 };
  const points = [0.3, 0.9].map((load) =>
    simulatePoint(pointOf("load", { ...setting, load }, { conversations: 6, seeds: 2 })),
  );
  const [load] = sweepsOf(points).filter(({ name }) => name === "load");
  if (load === undefined) throw new Error("There is no sweep of the load.");
  expect(load.values.map(([label]) => label)).toEqual(["0.3", "0.5"]);
  const html = sweepsHtml("a < b", "in numbers: 1 < 2", [load], POLICIES);
  expect(html).toContain("<h1>a &lt; b</h1>");
  expect(html).toContain("in numbers: 1 &lt; 2");
  const json = /id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
  const [sweep] = JSON.parse(json);
  expect(sweep.figures[0].series.map(({ policy }: { policy: string }) => policy)).toEqual(POLICIES);
  const { mean, low, high } = sweep.figures[0].series[0];
  const expected = points.map(({ cells }) => {
    const own = cells.filter(({ policy }) => policy === POLICIES[0]);
    return own.reduce((sum, { ttfetMs }) => sum + ttfetMs.p95, 0) / own.length;
  });
  for (const at of [0, 1]) {
    expect(mean[at]).toBeCloseTo(expected[at] ?? Number.NaN, 6);
    expect(low[at]).toBeLessThanOrEqual(mean[at]);
    expect(high[at]).toBeGreaterThanOrEqual(mean[at]);
  }
});
