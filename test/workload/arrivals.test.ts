import fc from "fast-check";
import { expect, test } from "vitest";
import { InputError } from "../../src/errors.ts";
import { type Arrivals, arrivalTimes } from "../../src/workload/arrivals.ts";
import { generateWorkload } from "../../src/workload/generate.ts";
import { shapes } from "../../src/workload/shapes.ts";

const COUNT = 40_000;

function gapsOf(arrivals: Arrivals, seed: number): { readonly mean: number; readonly variation: number } {
  const times = arrivalTimes(arrivals, COUNT, seed);
  const gaps = times.map((ms, at) => ms - (times[at - 1] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / COUNT;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / COUNT;
  return { mean, variation: Math.sqrt(variance) / mean };
}

test("Poisson's gaps have the mean of the rate, and vary as much as they are long", () => {
  for (const seed of [1, 2, 3]) {
    const { mean, variation } = gapsOf({ kind: "poisson", ratePerSecond: 4 }, seed);
    expect(mean / 250).toBeCloseTo(1, 1);
    expect(variation).toBeCloseTo(1, 1);
  }
});

test.each([0.3, 0.7, 1, 1.5, 3, 5])("bursty gaps have the mean of the rate and vary by %d", (variation) => {
  for (const seed of [1, 2, 3]) {
    const gaps = gapsOf({ kind: "bursty", ratePerSecond: 0.5, variation }, seed);
    // The mean of n gaps has a standard error of variation / sqrt(n): 2.5% at most here.
    expect(Math.abs(gaps.mean / 2000 - 1)).toBeLessThan(0.08);
    expect(Math.abs(gaps.variation / variation - 1)).toBeLessThan(0.15);
  }
});

test("times ascend, are the same again, others for another seed, and twice as dense at twice the rate", () => {
  const seeds = fc.integer();
  const rates = fc.double({ min: 0.01, max: 1000, noNaN: true });
  const variations = fc.double({ min: 0.1, max: 5, noNaN: true });
  fc.assert(
    fc.property(seeds, rates, variations, (seed, ratePerSecond, variation) => {
      for (const kind of ["poisson", "bursty"] as const) {
        const at = (rate: number) => arrivalTimes({ kind, ratePerSecond: rate, variation }, 50, seed);
        const times = at(ratePerSecond);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(at(ratePerSecond)).toEqual(times);
        expect(arrivalTimes({ kind, ratePerSecond, variation }, 50, seed + 1)).not.toEqual(times);
        const twice = at(2 * ratePerSecond);
        for (const [index, ms] of times.entries()) expect((twice[index] ?? 0) * 2).toBeCloseTo(ms, 3);
      }
    }),
  );
});

test("conversations are the same however they arrive", () => {
  const workloadOf = (arrivals: Arrivals) =>
    generateWorkload({ seed: 9, conversations: 200, arrivals, shape: shapes.agents });
  const [poisson, ...others] = [
    workloadOf({ kind: "poisson", ratePerSecond: 1 }),
    workloadOf({ kind: "bursty", ratePerSecond: 7, variation: 3 }),
  ];
  const withoutTimes = (workload = poisson) => workload?.map(({ id, turns }) => ({ id, turns }));
  for (const other of others) expect(withoutTimes(other)).toEqual(withoutTimes());
});

test.each<[Arrivals, string]>([
  [{ kind: "poisson", ratePerSecond: 0 }, "ratePerSecond"],
  [{ kind: "bursty", ratePerSecond: Number.NaN, variation: 1 }, "ratePerSecond"],
  [{ kind: "bursty", ratePerSecond: 1, variation: 0 }, "variation"],
])("refuses %j", (arrivals, option) => {
  expect(() => arrivalTimes(arrivals, 3, 1)).toThrow(InputError);
  expect(() => arrivalTimes(arrivals, 3, 1)).toThrow(option);
});
