import { expect, test } from "vitest";
import { generateWorkload, type WorkloadShape } from "../../src/workload/generate.ts";
import { totalsOf } from "../../src/workload/workload.ts";

const shape: WorkloadShape = {
  turns: { min: 1, max: 6 },
  firstTokens: { median: 300, sigma: 0.5, min: 64, max: 1024 },
  laterTokens: { median: 40, sigma: 0.6, min: 8, max: 256 },
  outputTokens: { median: 24, sigma: 0.5, min: 4, max: 96 },
  pauseMs: { median: 300, sigma: 0.8, min: 20, max: 3000 },
};
const generate = (seed: number, ratePerSecond: number) =>
  generateWorkload({ seed, conversations: 2000, arrivals: { kind: "poisson", ratePerSecond }, shape });

test("the same seed gives the same conversations, at another rate too, and another seed gives others", () => {
  const [slow, fast] = [generate(1, 2), generate(1, 4)];
  expect(generate(1, 2)).toEqual(slow);
  expect(fast.map(({ turns }) => turns)).toEqual(slow.map(({ turns }) => turns));
  expect(fast.map(({ arrivalMs }) => arrivalMs * 2)).toEqual(
    slow.map(({ arrivalMs }) => expect.closeTo(arrivalMs, 5)),
  );
  expect(generate(2, 2)).not.toEqual(slow);
});

test("conversations come at the rate, and their turns are what the shape says", () => {
  const workload = generate(3, 5);
  const seconds = (workload.at(-1)?.arrivalMs ?? 0) / 1000;
  expect(2000 / seconds).toBeGreaterThan(4.6);
  expect(2000 / seconds).toBeLessThan(5.4);
  const firsts = workload.map(({ turns }) => turns[0]?.inputTokens ?? 0).toSorted((a, b) => a - b);
  expect(firsts[0]).toBeGreaterThanOrEqual(64);
  expect(firsts.at(-1)).toBeLessThanOrEqual(1024);
  expect(firsts[1000]).toBeGreaterThan(280);
  expect(firsts[1000]).toBeLessThan(320);
  const counts = new Set(workload.map(({ turns }) => turns.length));
  expect([...counts].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(workload.every(({ turns }) => turns[0]?.delayMs === 0)).toBe(true);
});

test("totals add everything up", () => {
  const turn = { inputTokens: 10, outputTokens: 3, delayMs: 0 };
  const workload = [
    { id: "a", arrivalMs: 0, turns: [turn, { ...turn, inputTokens: 4 }] },
    { id: "b", arrivalMs: 5, turns: [turn] },
  ];
  expect(totalsOf(workload)).toEqual({
    conversations: 2,
    turns: 3,
    inputTokens: 24,
    outputTokens: 9,
    firstTurnTokens: 20,
    longestTokens: 20,
  });
});

test("totals of very many conversations are added up too", () => {
  const turns = [{ inputTokens: 10, outputTokens: 3, delayMs: 0 }];
  const workload = Array.from({ length: 300_000 }, () => ({ id: "a", arrivalMs: 0, turns }));
  expect(totalsOf(workload)).toMatchObject({ turns: 300_000, longestTokens: 13 });
});
