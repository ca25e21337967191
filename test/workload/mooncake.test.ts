import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTrace } from "../../src/workload/trace.ts";
import type { WorkloadConversation } from "../../src/workload/workload.ts";
import { mooncakeRequests, plainLines, sampleWorkload } from "./mooncake_sample.ts";

const lines = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).join("\n");

/** Without ids, which such traces do not have, and from the first arrival on. */
function anonymous(workload: readonly WorkloadConversation[]) {
  const sorted = workload.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
  const beginMs = sorted[0]?.arrivalMs ?? 0;
  return sorted.map(({ arrivalMs, turns }) => ({ arrivalMs: arrivalMs - beginMs, turns }));
}

test("a request that begins with another one's prompt is that conversation's next turn", () => {
  const parsed = parseTrace(
    lines([
      { timestamp: 0, input_length: 1000, output_length: 50, hash_ids: [1, 2] },
      { timestamp: 100, input_length: 600, output_length: 10, hash_ids: [7, 8] },
      { timestamp: 3000, input_length: 1300, output_length: 60, hash_ids: [1, 3, 4] },
      { timestamp: 9000, input_length: 2000, output_length: 60, hash_ids: [1, 3, 5, 6] },
      { timestamp: 9500, input_length: 500, output_length: 5, hash_ids: [9] },
    ]),
    "t.jsonl",
  );
  expect(parsed.map(({ turns }) => turns.map(({ inputTokens }) => inputTokens))).toEqual([
    [1000, 250, 640],
    [600],
    [500],
  ]);
  expect(parsed[0]?.turns.map(({ delayMs }) => delayMs)).toEqual([0, 3000, 6000]);
});

test("conversations are found again by their blocks, with their turns and delays", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), (seed, conversations) => {
      const workload = sampleWorkload(seed, conversations);
      const text = plainLines(mooncakeRequests(workload));
      expect(anonymous(parseTrace(text, "t.jsonl"))).toEqual(anonymous(workload));
    }),
    { numRuns: 50 },
  );
});

test("ids of blocks count as a chain: the same block after others is another beginning", () => {
  const parsed = parseTrace(
    lines([
      { timestamp: 0, input_length: 1100, output_length: 1, hash_ids: [1, 5, 9] },
      { timestamp: 1, input_length: 1200, output_length: 1, hash_ids: [2, 5, 10] },
      { timestamp: 2, input_length: 1700, output_length: 1, hash_ids: [2, 5, 11, 12] },
      { timestamp: 3, input_length: 1500, output_length: 1, hash_ids: [1, 5, 13] },
    ]),
    "t.jsonl",
  );
  expect(parsed.map(({ turns }) => turns.map(({ inputTokens }) => inputTokens))).toEqual([
    [1100, 399],
    [1200, 499],
  ]);
});

test("a system prompt that all begin with makes no conversation of them", () => {
  const requests = Array.from({ length: 40 }, (_, at) => {
    return { timestamp: at, input_length: 600 + 10 * at, output_length: 1, hash_ids: [0, 100 + at] };
  });
  expect(parseTrace(lines(requests), "t.jsonl")).toHaveLength(40);
});

test("an answer that is asked for again begins another conversation", () => {
  const parsed = parseTrace(
    lines([
      { timestamp: 0, input_length: 1100, output_length: 90, hash_ids: [1, 2, 3] },
      { timestamp: 1, input_length: 1100, output_length: 80, hash_ids: [1, 2, 3] },
      { timestamp: 2, input_length: 1300, output_length: 70, hash_ids: [1, 2, 4] },
    ]),
    "t.jsonl",
  );
  expect(parsed.map(({ turns }) => turns.length)).toEqual([1, 2]);
});

test("where there is a session_id, it says whose turn it is, and a delay says when", () => {
  const workload = sampleWorkload(5, 30);
  const requests = mooncakeRequests(workload).map(({ timestamp, delay, ...rest }) =>
    delay === 0 ? { timestamp, ...rest } : { delay, ...rest },
  );
  const sorted = workload.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
  const parsed = parseTrace(lines(requests), "t.jsonl");
  expect(parsed.map(({ id, turns }) => ({ id, turns }))).toEqual(
    sorted.map(({ id, turns }) => ({ id, turns })),
  );
});

test("a session that goes on with a shorter prompt is another conversation from there", () => {
  const parsed = parseTrace(
    lines([
      { session_id: "a", timestamp: 10, input_length: 2000, output_length: 40, hash_ids: [1, 2, 3, 4] },
      { session_id: "a", timestamp: 20, input_length: 700, output_length: 40, hash_ids: [1, 5] },
      { session_id: "a", timestamp: 50, input_length: 800, output_length: 40, hash_ids: [1, 6] },
    ]),
    "t.jsonl",
  );
  expect(parsed).toEqual([
    { id: "a", arrivalMs: 0, turns: [{ inputTokens: 2000, outputTokens: 40, delayMs: 0 }] },
    {
      id: "a-2",
      arrivalMs: 10,
      turns: [
        { inputTokens: 700, outputTokens: 40, delayMs: 0 },
        { inputTokens: 60, outputTokens: 40, delayMs: 30 },
      ],
    },
  ]);
});

test("a prompt of many blocks costs a look-up for each", () => {
  const blocks = 20_000;
  const ids = Array.from({ length: blocks + 30 }, (_, at) => at);
  const requests = Array.from({ length: 30 }, (_, turn) => ({
    timestamp: turn,
    input_length: (blocks + turn) * 512,
    output_length: 1,
    hash_ids: ids.slice(0, blocks + turn),
  }));
  expect(parseTrace(lines(requests), "t.jsonl")[0]?.turns).toHaveLength(30);
});
