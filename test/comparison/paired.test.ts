import { expect, test } from "vitest";
import { pairedRatio } from "../../src/comparison/paired.ts";
import { Draws } from "../../src/workload/random.ts";

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

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
