import { expect, test } from "vitest";
import { divergence, loadReference, type ReferenceCase, type ScoredResult, score } from "./scoring.ts";
import { loadTiny, tinyNames } from "./tiny_reference.ts";

const logs = (...pairs: [number, number][]) => pairs.map(([id, p]) => [id, Math.log(p)] as const);

/** The result of an engine that agrees with the reference in everything; the first position's top can be replaced. */
function perfect(reference: ReferenceCase): ScoredResult {
  const before = Array.from({ length: reference.from }, () => []);
  return {
    ids: reference.ids,
    logprobs: [null, ...reference.logprobs],
    top: [...before, ...reference.top],
    generated: { ids: reference.greedy.ids, text: reference.greedy.text },
  };
}

const small: ReferenceCase = {
  name: "small",
  ids: [5, 6],
  from: 0,
  top: [logs([1, 0.5], [2, 0.3]), logs([3, 0.6], [4, 0.2])],
  logprobs: [-1],
  greedy: { ids: [7, 8, 9, 2], margins: [2, 0.2, 3, 1], text: "x" },
};

const generating = (...ids: number[]): ScoredResult => ({ ...perfect(small), generated: { ids, text: "" } });

test("equal distributions have no divergence", () => {
  expect(divergence(logs([1, 0.5], [2, 0.3]), logs([1, 0.5], [2, 0.3], [9, 0.1]))).toEqual({
    kl: expect.closeTo(0, 12),
    missing: 0,
  });
});

test("divergence counts the listed tokens and one bucket for all the others", () => {
  const expected = 0.5 * Math.log(0.5 / 0.4) + 0.3 * Math.log(0.3 / 0.35) + 0.2 * Math.log(0.2 / 0.25);
  const { kl } = divergence(logs([1, 0.5], [2, 0.3]), logs([1, 0.4], [2, 0.35], [3, 0.1]));
  expect(kl).toBeCloseTo(expected, 12);
});

test("order and surplus tokens of our list do not matter", () => {
  const reference = logs([1, 0.5], [2, 0.3]);
  const { kl } = divergence(reference, logs([9, 0.05], [2, 0.35], [8, 0.05], [1, 0.4]));
  expect(kl).toBeCloseTo(divergence(reference, logs([1, 0.4], [2, 0.35])).kl, 12);
});

test("a token of the reference that our list lacks is counted and makes the divergence large", () => {
  const { kl, missing } = divergence(logs([1, 0.9], [2, 0.001]), logs([1, 0.9], [3, 0.05]));
  expect(missing).toBe(1);
  expect(kl).toBeGreaterThan(0.01);
});

test("a distribution whose remaining mass is rounding noise stays finite", () => {
  const { kl } = divergence(logs([1, 1 - 1e-8]), logs([1, 1]));
  expect(Math.abs(kl)).toBeLessThan(1e-6);
});

test("NaN in our values is not taken for agreement", () => {
  const result = { ...perfect(small), top: [[[1, Number.NaN]], small.top[1] ?? []] } as ScoredResult;
  expect(score([small], [result]).meanKl).toBeNaN();
});

test("mean, greatest divergence and its place are reported over positions", () => {
  const result = { ...perfect(small), top: [small.top[0] ?? [], logs([4, 0.5], [3, 0.3])] };
  const found = score([small], [result]);
  const kl = 0.6 * Math.log(0.6 / 0.3) + 0.2 * Math.log(0.2 / 0.5);
  expect(found).toMatchObject({ positions: 2, maxKlAt: "small:1", top1Agreement: 0.5, missing: 0 });
  expect(found.maxKl).toBeCloseTo(kl, 12);
  expect(found.meanKl).toBeCloseTo(kl / 2, 12);
  expect(found.top1Disagreements).toEqual([
    { name: "small", at: 1, expected: 3, actual: 4, margin: expect.closeTo(Math.log(3), 12) },
  ]);
});

test("errors of the given tokens' log-probabilities are averaged", () => {
  expect(score([small], [{ ...perfect(small), logprobs: [null, -1.5] }]).meanLogprobError).toBeCloseTo(
    0.5,
    12,
  );
});

test("greedy text that parts at a clear margin is a mismatch", () => {
  expect(score([small], [generating(7, 8, 1, 1)])).toMatchObject({
    greedySteps: 3,
    greedyMismatches: [{ name: "small", at: 2, expected: 9, actual: 1, margin: 3 }],
  });
});

test("greedy text may part where the margin is small, and nothing after it is compared", () => {
  expect(score([small], [generating(7, 1, 1, 1)])).toMatchObject({ greedySteps: 2, greedyMismatches: [] });
});

test("greedy text is compared beyond a small margin while it stays the same", () => {
  expect(score([small], [generating(7, 8, 9, 5)]).greedyMismatches).toMatchObject([{ at: 3 }]);
});

test("fewer greedy tokens than the reference's are compared as far as they go", () => {
  expect(score([small], [generating(7, 8)])).toMatchObject({ greedySteps: 2, greedyMismatches: [] });
});

test("a result of other ids is refused", () => {
  expect(() => score([small], [{ ...perfect(small), ids: [5, 7] }])).toThrow(/small/);
  expect(() => score([small], [])).toThrow(/1 cases/);
});

test("the SmolLM2 reference holds what it should, and agrees with itself", () => {
  const { cases, chats, model } = loadReference();
  expect(model.sha256).toMatch(/^b179c952/);
  expect(chats.length).toBeGreaterThanOrEqual(5);
  for (const { ids, from, top, logprobs, greedy } of cases) {
    expect(top).toHaveLength(ids.length - from);
    expect(logprobs).toHaveLength(ids.length - 1);
    expect(greedy.margins).toHaveLength(greedy.ids.length);
    for (const row of top) {
      const mass = row.reduce((sum, [, logprob]) => sum + Math.exp(logprob), 0);
      expect(row).toHaveLength(32);
      expect(mass).toBeLessThan(1 + 1e-6);
      expect(mass).toBeGreaterThan(0.1);
    }
  }
  const found = score(cases, cases.map(perfect));
  expect(found.positions).toBeGreaterThanOrEqual(1800);
  expect(found).toMatchObject({ top1Agreement: 1, missing: 0, meanLogprobError: 0, greedyMismatches: [] });
  expect(found.greedySteps).toBeGreaterThan(1000);
  expect(Math.abs(found.maxKl)).toBeLessThan(1e-8);
});

test("the log-probabilities of the given tokens are those of the top lists", () => {
  for (const { ids, from, top, logprobs } of loadReference().cases)
    for (const [offset, row] of top.entries()) {
      const at = from + offset;
      const listed = row.find(([id]) => id === ids[at + 1]);
      if (listed) expect(logprobs[at]).toBeCloseTo(listed[1], 6);
    }
});

test("every tiny checkpoint comes with finite logits of its vocabulary", () => {
  expect(tinyNames().length).toBeGreaterThanOrEqual(7);
  for (const { sequences, vocab } of tinyNames().map(loadTiny))
    for (const { ids, positions, logits } of sequences) {
      expect(positions.at(-1)).toBe(ids.length - 1);
      for (const row of logits) {
        expect(row).toHaveLength(vocab);
        expect(row.every(Number.isFinite)).toBe(true);
      }
    }
});
