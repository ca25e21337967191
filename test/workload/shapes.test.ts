import fc from "fast-check";
import { expect, test } from "vitest";
import { InputError } from "../../src/errors.ts";
import { type Distribution, meanOf } from "../../src/workload/distribution.ts";
import { firstShareOf, generateWorkload, scaled, type WorkloadShape } from "../../src/workload/generate.ts";
import { type ShapeName, shapes } from "../../src/workload/shapes.ts";
import { totalsOf } from "../../src/workload/workload.ts";

const arrivals = { kind: "poisson", ratePerSecond: 1 } as const;
/** By default about 33,000 turns, so that a mean over all of them is right to 3% even where a draw varies by four times its mean. */
const workloadOf = (
  shape: WorkloadShape,
  seed = 1,
  conversations = Math.ceil(33_000 / meanOf(shape.turns)),
) => generateWorkload({ seed, conversations, arrivals, shape });

function drawsOf(shape: WorkloadShape) {
  const workload = workloadOf(shape);
  const later = workload.flatMap(({ turns }) => turns.slice(1));
  return {
    turns: workload.map(({ turns }) => turns.length),
    firstTokens: workload.map(({ turns }) => turns[0]?.inputTokens ?? 0),
    laterTokens: later.map(({ inputTokens }) => inputTokens),
    outputTokens: workload.flatMap(({ turns }) => turns).map(({ outputTokens }) => outputTokens),
    pauseMs: later.map(({ delayMs }) => delayMs),
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const quantile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

/** What the docstrings say: means, and 90th percentiles where a source gives them. */
const SAID: Readonly<Record<ShapeName, { readonly [key in keyof ReturnType<typeof drawsOf>]?: number }>> = {
  agents: {},
  "swe-agent": { turns: 34, firstTokens: 13_300, laterTokens: 1600, outputTokens: 128 },
  chat: { turns: 2, firstTokens: 69.5, laterTokens: 69.5, outputTokens: 214 },
  "tool-heavy": { turns: 34, firstTokens: 13_300, laterTokens: 1600, outputTokens: 128 },
};

for (const [name, shape] of Object.entries(shapes) as [ShapeName, WorkloadShape][]) {
  test(`what ${name} draws has the medians, means and bounds of its distributions`, () => {
    const draws = drawsOf(shape);
    for (const [field, values] of Object.entries(draws) as [keyof typeof draws, number[]][]) {
      const distribution = shape[field];
      expect(quantile(values, 0)).toBeGreaterThanOrEqual(distribution.min);
      expect(quantile(values, 1 - 1e-9)).toBeLessThanOrEqual(distribution.max);
      // A draw of σ = 3 varies by twice its mean even within bounds.
      expect(Math.abs(mean(values) / meanOf(distribution) - 1)).toBeLessThan(0.06);
      if ("median" in distribution && field !== "turns")
        expect(Math.abs(quantile(values, 0.5) / distribution.median - 1)).toBeLessThan(0.06);
      const said = SAID[name][field];
      if (said !== undefined) expect(Math.abs(mean(values) / said - 1)).toBeLessThan(0.05);
    }
  });

  test(`${name} has its share of first turns, or another one where it is given`, () => {
    const shareOf = (given: WorkloadShape) => {
      const { firstTurnTokens, inputTokens } = totalsOf(workloadOf(given));
      return firstTurnTokens / inputTokens;
    };
    expect(Math.abs(shareOf(shape) - firstShareOf(shape))).toBeLessThan(0.02);
    for (const firstShare of [0.1, 0.5, 0.7, 0.9])
      expect(Math.abs(shareOf({ ...shape, firstShare }) - firstShare)).toBeLessThan(0.02);
  });
}

test("agents draws what earlier measurements were taken with", () => {
  const workload = workloadOf(shapes.agents, 1, 2);
  const near = (ms: number) => expect.closeTo(ms, 6);
  expect(workload).toEqual([
    {
      id: "agent-1",
      arrivalMs: near(436.0230223235183),
      turns: [
        { inputTokens: 123, outputTokens: 32, delayMs: 0 },
        { inputTokens: 11, outputTokens: 4, delayMs: 20 },
        { inputTokens: 25, outputTokens: 8, delayMs: near(125.95453214821543) },
        { inputTokens: 13, outputTokens: 7, delayMs: near(330.4122220028783) },
      ],
    },
    {
      id: "agent-2",
      arrivalMs: near(1781.785085911048),
      turns: [
        { inputTokens: 157, outputTokens: 9, delayMs: 0 },
        { inputTokens: 7, outputTokens: 11, delayMs: near(58.72386315285707) },
        { inputTokens: 45, outputTokens: 8, delayMs: near(162.89954085745197) },
      ],
    },
  ]);
});

test("percentiles are those of the sources", () => {
  const { turns, pauseMs, laterTokens } = drawsOf(shapes["swe-agent"]);
  expect(quantile(turns, 0.9)).toBeGreaterThanOrEqual(54);
  expect(quantile(turns, 0.9)).toBeLessThanOrEqual(60);
  expect(Math.abs(quantile(pauseMs, 0.9) / 13_600 - 1)).toBeLessThan(0.08);
  // Without the answer before, of 252 tokens in the median.
  expect(quantile(laterTokens, 0.9)).toBeGreaterThan(3400);
  expect(quantile(laterTokens, 0.9)).toBeLessThan(5342);
});

test("first shares are what the docstrings say", () => {
  expect(firstShareOf(shapes.agents)).toBeCloseTo(0.79, 2);
  expect(firstShareOf(shapes["swe-agent"])).toBeCloseTo(0.2, 2);
});

test("a shape can be overridden field by field, and what is not stays as it was drawn", () => {
  const pauseMs: Distribution = { median: 5, sigma: 0, min: 0, max: 10 };
  const usual = workloadOf(shapes["swe-agent"], 3, 50);
  const other = workloadOf({ ...shapes["swe-agent"], pauseMs }, 3, 50);
  expect(other.flatMap(({ turns }) => turns.slice(1)).every(({ delayMs }) => delayMs === 5)).toBe(true);
  const withoutPauses = (workload: typeof usual) =>
    workload.map(({ turns }) => turns.map(({ delayMs: _, ...turn }) => turn));
  expect(withoutPauses(other)).toEqual(withoutPauses(usual));
});

test("another share leaves everything but later prompts as it is", () => {
  const usual = workloadOf(shapes["swe-agent"], 3, 50);
  const other = workloadOf({ ...shapes["swe-agent"], firstShare: 0.8 }, 3, 50);
  for (const [at, { turns, ...rest }] of usual.entries()) {
    expect(other[at]).toMatchObject(rest);
    expect(other[at]?.turns.map(({ inputTokens: _, ...turn }) => turn)).toEqual(
      turns.map(({ inputTokens: _, ...turn }) => turn),
    );
    expect(other[at]?.turns[0]).toEqual(turns[0]);
  }
});

test("scaled, all tokens are so many times as many, and turns and pauses stay", () => {
  const usual = workloadOf(shapes["swe-agent"], 3, 200);
  const small = workloadOf(scaled(shapes["swe-agent"], 1 / 16), 3, 200);
  const [all, few] = [totalsOf(usual), totalsOf(small)];
  expect(few.turns).toBe(all.turns);
  expect(few.inputTokens / all.inputTokens).toBeCloseTo(1 / 16, 2);
  expect(few.outputTokens / all.outputTokens).toBeCloseTo(1 / 16, 2);
  expect(small.flatMap(({ turns }) => turns.map(({ delayMs }) => delayMs))).toEqual(
    usual.flatMap(({ turns }) => turns.map(({ delayMs }) => delayMs)),
  );
});

test("the mean of a distribution counts what its bounds cut off", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 1000, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (median, sigma) => {
        const free = meanOf({ median, sigma, min: 0, max: Number.MAX_VALUE });
        expect(free / (median * Math.exp(sigma ** 2 / 2))).toBeCloseTo(1, 4);
        expect(meanOf({ median, sigma, min: 0, max: median })).toBeLessThanOrEqual(median * (1 + 1e-9));
        expect(meanOf({ median, sigma, min: median, max: median }) / median).toBeCloseTo(1, 6);
      },
    ),
  );
  expect(meanOf({ min: 1, max: 5 })).toBe(3);
});

test.each([0, -1, 1.5, Number.NaN])("refuses a first share of %d", (firstShare) => {
  expect(() => workloadOf({ ...shapes.chat, firstShare }, 1, 1)).toThrow(InputError);
});
