import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StepRecord } from "../../src/metrics/replay.ts";
import type { StepWork } from "../../src/metrics/step_work.ts";
import { stepWork } from "../../src/metrics/step_work.ts";
import { shapes } from "../../src/model/shapes.ts";
import { GREEDY } from "../../src/protocol/sampling.ts";
import { type FittedCosts, fitSteps, fittedCost } from "../../src/simulator/fitted.ts";
import { gpus } from "../../src/simulator/gpus.ts";
import { costsOf, rooflineCost } from "../../src/simulator/roofline.ts";

const none: StepWork = {
  prefillTokens: 0,
  prefillPairs: 0,
  prefillContextTokens: 0,
  decodes: 0,
  decodeContextTokens: 0,
  logitRows: 0,
};

test("a step's work is counted from its plan", () => {
  const sampling = { ...GREEDY, promptTokens: [], completionTokens: [] };
  const row = { sequence: "a", blocks: [0] };
  const work = stepWork({
    id: 1,
    rows: [
      { ...row, tokens: [1, 2, 3], position: 0, output: { kind: "none" } },
      { ...row, tokens: [4, 5], position: 10, output: { kind: "token", sampling } },
      { ...row, tokens: [6], position: 20, output: { kind: "token", sampling } },
    ],
  });
  expect(work).toEqual({
    prefillTokens: 5,
    prefillPairs: 1 + 2 + 3 + 11 + 12,
    prefillContextTokens: 3 + 12,
    decodes: 1,
    decodeContextTokens: 21,
    logitRows: 2,
  });
});

describe("the roofline", () => {
  const qwen = shapes["qwen3-0.6b"];
  const a40 = gpus.a40;
  if (!qwen || !a40) throw new Error("absent");
  const model = costsOf("qwen3-0.6b", qwen, 2);
  const cost = rooflineCost(a40.rates, model);

  test("knows the model: its published number of parameters, and its KV", () => {
    // 0.44 billion without embedding, 0.6 with it, as Qwen says.
    expect(model.tokenWeights / 1e9).toBeCloseTo(0.44, 2);
    expect((model.tokenWeights + model.logitWeights) / 1e9).toBeCloseTo(0.596, 2);
    expect(model.kvBytesPerToken).toBe(28 * 8 * 128 * 2 * 2);
  });

  test("a decode reads the weights: bytes over bandwidth, and the overhead", () => {
    const ms = cost({ ...none, decodes: 1, decodeContextTokens: 100, logitRows: 1 });
    const bytes = model.weightBytes + 101 * model.kvBytesPerToken;
    expect(ms).toBeCloseTo(2 + bytes / (696e6 * 0.75), 6);
  });

  test("a long prompt multiplies: operations over the peak, attention's among them", () => {
    const tokens = 8192;
    const pairs = (tokens * (tokens + 1)) / 2;
    const ms = cost({
      ...none,
      prefillTokens: tokens,
      prefillPairs: pairs,
      prefillContextTokens: tokens,
      logitRows: 1,
    });
    const ops = 2 * (model.tokenWeights * tokens + model.logitWeights) + model.opsPerPair * pairs;
    expect(ms).toBeCloseTo(2 + ops / (149.7e9 * 0.5), 6);
  });

  test("more work never takes less", () => {
    const work = fc.record({
      prefillTokens: fc.nat(4096),
      prefillPairs: fc.nat(1e8),
      prefillContextTokens: fc.nat(1e6),
      decodes: fc.nat(256),
      decodeContextTokens: fc.nat(1e7),
      logitRows: fc.nat(256),
    });
    fc.assert(
      fc.property(work, work, (one, more) => {
        const sum = Object.fromEntries(
          Object.entries(one).map(([key, value]) => [key, value + more[key as keyof StepWork]]),
        );
        return cost(sum as unknown as StepWork) >= cost(one);
      }),
    );
  });
});

describe("costs that are fitted to steps", () => {
  const truth: FittedCosts = {
    stepMs: 9,
    prefillTokenMs: 2.4,
    paddedTokenMs: 1.5,
    tileTokens: 8,
    prefillPairMs: 0.001,
    decodeMs: 4,
    decodeContextTokenMs: 0.002,
    logitRowMs: 0,
  };
  const cost = fittedCost(truth);
  const steps = (noise: number): readonly StepRecord[] =>
    Array.from({ length: 400 }, (_, at) => {
      const prefillTokens = at % 3 === 0 ? 16 * (1 + (at % 13)) : 0;
      const decodes = at % 5;
      const work: StepWork = {
        prefillTokens,
        prefillPairs: prefillTokens * ((at * 37) % 800),
        prefillContextTokens: prefillTokens,
        decodes,
        decodeContextTokens: decodes * ((at * 53) % 2000),
        logitRows: decodes + (at % 2),
      };
      const ms = cost(work) * (1 + noise * Math.sin(at * 12.9898));
      return { device: "d", startMs: 0, endMs: ms, ...work };
    });

  test("are those that made them", () => {
    const fitted = fitSteps(steps(0), 8);
    for (const [term, value] of Object.entries(truth))
      expect(fitted[term as keyof FittedCosts]).toBeCloseTo(value, 2);
  });

  test("foretell steps that are noisy to a few in a hundred", () => {
    const fitted = fittedCost(fitSteps(steps(0.2), 8));
    const errors = steps(0).map((step) => Math.abs(fitted(step) / cost(step) - 1));
    expect(errors.reduce((sum, one) => sum + one, 0) / errors.length).toBeLessThan(0.05);
  });

  test("keep the whole time of noisy steps, and are not moved by one that was far too short", () => {
    const noisy = steps(0.4);
    const short = noisy.map((step, at) => (at === 3 ? { ...step, endMs: 1 } : step));
    const timeOf = (all: readonly StepRecord[]) => all.reduce((sum, { endMs }) => sum + endMs, 0);
    for (const given of [noisy, short]) {
      const fitted = fittedCost(fitSteps(given, 8));
      const foretold = noisy.reduce((sum, step) => sum + fitted(step), 0);
      expect(Math.abs(foretold / timeOf(noisy) - 1)).toBeLessThan(0.03);
    }
  });

  test("are refused where nothing took any time", () => {
    expect(() => fitSteps([])).toThrow(RangeError);
  });
});
