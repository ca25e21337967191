import fc from "fast-check";
import { expect, test } from "vitest";
import { LogHistogram } from "../../src/metrics/log_histogram.ts";

test("quantiles are within a bucket of the sorted values'", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (values) => {
        const histogram = new LogHistogram();
        for (const value of values) histogram.add(value);
        const sorted = values.toSorted((a, b) => a - b);
        for (const q of [0.05, 0.5, 0.95, 1]) {
          const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
          expect(Math.abs(histogram.quantile(q) / exact - 1)).toBeLessThan(0.011);
        }
        expect(histogram.count).toBe(values.length);
        expect(histogram.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 3);
      },
    ),
  );
});

test("no values have no quantile, and equal ones count as often as they are said to", () => {
  expect(new LogHistogram().quantile(0.5)).toBeNaN();
  const histogram = new LogHistogram();
  histogram.add(10, 99);
  histogram.add(1000);
  expect(histogram.quantile(0.5)).toBeCloseTo(10, 0);
  expect(histogram.quantile(1) / 1000).toBeCloseTo(1, 1);
});
