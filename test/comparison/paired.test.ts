import { expect, test } from "vitest";
import { p95Of, sumOf } from "../../src/comparison/measures.ts";
import { pairedRatio } from "../../src/comparison/paired.ts";
import { quantile } from "../../src/metrics/summary.ts";
import { Draws } from "../../src/workload/random.ts";

const sum = sumOf((value: number) => value);

test("a measure of groups that count several times is that of all their values written out", () => {
  const draws = new Draws(5);
  for (let round = 0; round < 200; round++) {
    const groups = Array.from({ length: draws.integer(1, 8) }, () =>
      Array.from({ length: draws.integer(0, 6) }, () =>
        Array.from({ length: draws.integer(0, 4) }, () => draws.integer(0, 20)),
      ),
    );
    const times = Uint32Array.from(groups, () => draws.integer(0, 3));
    const all = groups.flatMap((group, at) =>
      Array.from({ length: times[at] ?? 0 }, () => group.flat()).flat(),
    );
    const p95 = p95Of((values: readonly number[]) => values)(groups)(times);
    const sorted = all.toSorted((a, b) => a - b);
    if (all.length === 0) expect(p95).toBeNaN();
    else expect(p95).toBeCloseTo(quantile(sorted, 0.95), 9);
    const total = sumOf((values: readonly number[]) => values.reduce((one, value) => one + value, 0));
    expect(total(groups)(times)).toBe(all.reduce((one, value) => one + value, 0));
  }
});

test("what is always a tenth more is so in every resample", () => {
  const draws = new Draws(7);
  const run = Array.from({ length: 95 }, () => {
    const other = 1 + draws.uniform();
    return { one: 1.1 * other, other };
  });
  expect(pairedRatio([run, run.slice(0, 30)], sum)).toEqual({ ratio: 1.1, low: 1.1, high: 1.1 });
});

test("the interval holds the truth, and is narrower for pairs that belong together than for others", () => {
  const draws = new Draws(3);
  const common = Array.from({ length: 400 }, () => draws.logNormal(100, 1));
  const paired = common.map((value) => ({ one: value * (0.9 + 0.2 * draws.uniform()), other: value }));
  const unpaired = paired.map(({ one }, at) => ({ one, other: common[(at + 200) % 400] ?? 0 }));
  const [close, wide] = [pairedRatio([paired], sum), pairedRatio([unpaired], sum)];
  expect(close.low).toBeLessThan(1);
  expect(close.high).toBeGreaterThan(1);
  expect(close.high - close.low).toBeLessThan((wide.high - wide.low) / 3);
});
