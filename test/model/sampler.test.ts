import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleToken } from "../../src/model/sampler.ts";
import { needsLogits } from "../../src/protocol/sampling.ts";
import type { TokenSampling } from "../../src/protocol/step.ts";
import { normals, seededRandom } from "../harness/random.ts";
import { greedySampling } from "../harness/runners.ts";
import { chiSquareDeviations, tokenProbabilities } from "../reference/sampling.ts";

const DRAWS = 8000;

function draws(logits: Float32Array, sampling: TokenSampling): number[] {
  const counts = new Array<number>(logits.length).fill(0);
  for (let position = 0; position < DRAWS; position++) {
    const token = sampleToken(logits.slice(), sampling, position);
    if (token === undefined) throw new Error("no token");
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts;
}

const drawn: TokenSampling = { ...greedySampling, temperature: 1, seed: 5 };

describe("tokens drawn on the CPU have exactly the frequencies of", () => {
  test.each<[string, Partial<TokenSampling>]>([
    ["a low temperature", { temperature: 0.5 }],
    ["a high temperature", { temperature: 2 }],
    ["top-k", { topK: 5 }],
    ["top-k beyond the vocabulary", { topK: 1000 }],
    ["top-p", { topP: 0.7 }],
    ["a top-p that leaves one token", { topP: 1e-6 }],
    ["min-p", { minP: 0.2 }],
    ["top-k, then top-p of what it left", { topK: 4, topP: 0.8 }],
    ["top-p, then min-p of what it left", { topP: 0.75, minP: 0.4 }],
    ["top-k, top-p and min-p", { topK: 9, topP: 0.9, minP: 0.15, temperature: 1.5 }],
    ["a repetition penalty", { repetitionPenalty: 1.8, promptTokens: [0, 3, 3], completionTokens: [5] }],
    ["a presence penalty", { presencePenalty: 1.5, promptTokens: [1], completionTokens: [2, 2, 4] }],
    ["a frequency penalty", { frequencyPenalty: 0.7, promptTokens: [1], completionTokens: [2, 2, 2, 4] }],
    [
      "all penalties and then top-k",
      {
        repetitionPenalty: 1.3,
        presencePenalty: 0.5,
        frequencyPenalty: -0.4,
        promptTokens: [0, 1, 7],
        completionTokens: [1, 2, 2],
        topK: 6,
        temperature: 0.8,
      },
    ],
  ])("%s", (_, options) => {
    const logits = normals(seededRandom(2), 20, 1.5);
    const sampling = { ...drawn, ...options };
    const deviations = chiSquareDeviations(draws(logits, sampling), tokenProbabilities(logits, sampling));
    expect(deviations).toBeLessThan(4);
  });
});

describe("a token chosen on the CPU", () => {
  const sampling = fc.record({
    temperature: fc.constantFrom(0, 0.3, 1, 3),
    topK: fc.nat(30),
    topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.nat(),
  });
  const logitsOf = (seed: number) => normals(seededRandom(seed), 25, 2);

  test("is one that the reference leaves a probability", () => {
    fc.assert(
      fc.property(sampling, fc.nat(), fc.nat(9999), (options, seed, position) => {
        const all = { ...greedySampling, ...options };
        const logits = logitsOf(seed);
        const token = sampleToken(logits.slice(), all, position) ?? -1;
        if (options.temperature === 0) expect(logits[token]).toBe(Math.max(...logits));
        else expect(tokenProbabilities(logits, all)[token]).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });

  test("depends on the seed, on the position and on nothing else", () => {
    const logits = logitsOf(1);
    const run = (seed: number, from: number) =>
      Array.from({ length: 50 }, (_, n) => sampleToken(logits.slice(), { ...drawn, seed }, from + n));
    expect(run(7, 100)).toEqual(run(7, 100));
    expect(run(7, 100)).not.toEqual(run(8, 100));
    expect(run(7, 100)).not.toEqual(run(7, 101));
  });

  test("is the lowest id among equals, and never one whose logit is NaN or minus infinity", () => {
    const { NaN: nan, NEGATIVE_INFINITY: never } = Number;
    expect(sampleToken(Float32Array.of(nan, 1, 3, 3, 2), greedySampling, 0)).toBe(2);
    expect(sampleToken(Float32Array.of(never, -5, nan), greedySampling, 0)).toBe(1);
    const seen = new Set(
      Array.from({ length: 200 }, (_, position) =>
        sampleToken(Float32Array.of(never, 0, nan, 0, never), { ...drawn, topK: 5 }, position),
      ),
    );
    expect(seen).toEqual(new Set([1, 3]));
  });

  test.each([0, 1])("is none when no logit is a number (temperature %d)", (temperature) => {
    const logits = new Float32Array(9).fill(Number.NaN);
    expect(sampleToken(logits, { ...greedySampling, temperature, topK: 3 }, 0)).toBeUndefined();
    logits.fill(Number.NEGATIVE_INFINITY);
    expect(sampleToken(logits, { ...greedySampling, temperature, topK: 3 }, 0)).toBeUndefined();
  });
});

test("only penalties and truncated draws need the logits on the CPU", () => {
  const needs = (options: Partial<TokenSampling>) => needsLogits({ ...greedySampling, ...options });
  expect(needs({})).toBe(false);
  expect(needs({ temperature: 1 })).toBe(false);
  expect(needs({ topK: 5, topP: 0.5, minP: 0.1 })).toBe(false);
  expect(needs({ temperature: 1, topK: 5 })).toBe(true);
  expect(needs({ temperature: 1, topP: 0.9 })).toBe(true);
  expect(needs({ temperature: 1, minP: 0.1 })).toBe(true);
  expect(needs({ repetitionPenalty: 1.1 })).toBe(true);
  expect(needs({ presencePenalty: -1 })).toBe(true);
  expect(needs({ frequencyPenalty: 1 })).toBe(true);
});
