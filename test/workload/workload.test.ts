import { expect, test } from "vitest";
import { InputError } from "../../src/errors.ts";
import { generateWorkload, type WorkloadShape } from "../../src/workload/generate.ts";
import { parseTrace } from "../../src/workload/trace.ts";
import { totalsOf } from "../../src/workload/workload.ts";

const shape: WorkloadShape = {
  turns: { min: 1, max: 6 },
  firstTokens: { median: 300, sigma: 0.5, min: 64, max: 1024 },
  laterTokens: { median: 40, sigma: 0.6, min: 8, max: 256 },
  outputTokens: { median: 24, sigma: 0.5, min: 4, max: 96 },
  pauseMs: { median: 300, sigma: 0.8, min: 20, max: 3000 },
};
const generate = (seed: number, ratePerSecond: number) =>
  generateWorkload({ seed, conversations: 2000, ratePerSecond, shape });

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

test("a native trace has a line for each turn", () => {
  const lines = [
    { session_id: "b", timestamp: 1500, input_length: 20, output_length: 4 },
    { session_id: "a", timestamp: 1000, input_length: 100, output_length: 5 },
    { session_id: "a", delay: 250, input_length: 7, output_length: 6 },
  ];
  expect(parseTrace(lines.map((line) => JSON.stringify(line)).join("\n"), "t.jsonl")).toEqual([
    {
      id: "a",
      arrivalMs: 0,
      turns: [
        { inputTokens: 100, outputTokens: 5, delayMs: 0 },
        { inputTokens: 7, outputTokens: 6, delayMs: 250 },
      ],
    },
    { id: "b", arrivalMs: 500, turns: [{ inputTokens: 20, outputTokens: 4, delayMs: 0 }] },
  ]);
});

test("in Mooncake's form a request that begins with another one's prompt is that conversation's next turn", () => {
  const lines = [
    { timestamp: 0, input_length: 1000, output_length: 50, hash_ids: [1, 2] },
    { timestamp: 100, input_length: 600, output_length: 10, hash_ids: [7, 8] },
    { timestamp: 3000, input_length: 1300, output_length: 60, hash_ids: [1, 3, 4] },
    { timestamp: 9000, input_length: 2000, output_length: 60, hash_ids: [1, 3, 5, 6] },
    { timestamp: 9500, input_length: 500, output_length: 5, hash_ids: [9] },
  ];
  const parsed = parseTrace(lines.map((line) => JSON.stringify(line)).join("\n"), "t.jsonl");
  expect(parsed.map(({ turns }) => turns.map(({ inputTokens }) => inputTokens))).toEqual([
    [1000, 250, 640],
    [600],
    [500],
  ]);
  expect(parsed[0]?.turns.map(({ delayMs }) => delayMs)).toEqual([0, 3000, 6000]);
});

test.each([
  ["", "no line"],
  ["{", "no JSON object"],
  [`{"session_id":"a","timestamp":0,"input_length":0,"output_length":1}`, "input_length"],
  [`{"session_id":"a","timestamp":-1,"input_length":1,"output_length":1}`, "timestamp"],
  [`{"timestamp":1,"input_length":1,"output_length":1}`, "session_id"],
  [`{"hash_ids":3,"timestamp":1,"input_length":1,"output_length":1}`, "hash_ids"],
])("refuses %j", (text, why) => {
  expect(() => parseTrace(text, "t.jsonl")).toThrow(InputError);
  expect(() => parseTrace(text, "t.jsonl")).toThrow(why);
});
