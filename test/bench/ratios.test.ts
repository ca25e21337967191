import { expect, test } from "vitest";
import { chooseCases } from "../../bench/cases.ts";
import { ratiosOf } from "../../bench/ratios.ts";
import type { TakenSample } from "../../bench/rounds.ts";

/** A sample of some round whose steps take `ms` together. */
function sample(round: number, ms: number): TakenSample {
  return { round, stepMs: [ms / 4, (3 * ms) / 4], startedMs: [0, 0], tokens: [], dispatches: 1 };
}

const cases = chooseCases("prefill-128,prefill-2048,batch-8");
const [short, long, batch] = cases;
if (!short || !long || !batch) throw new Error("a case is missing");

test("rates are compared within rounds, and rounds that one side lacks are left out", () => {
  const taken = new Map([
    [short, [sample(0, 1000), sample(1, 9000), sample(2, 2000)]],
    [long, [sample(0, 20_000), sample(2, 32_000)]],
  ]);
  // 128 tokens in 1 s and 2048 in 20 s: 102.4 / 128; then 128 in 2 s and 2048 in 32 s: 64 / 64.
  expect(ratiosOf(taken)).toMatchObject([
    {
      one: "prefill-2048",
      other: "prefill-128",
      ratio: { samples: 2, median: 0.9, min: 0.8, max: 1 },
    },
  ]);
});

test("all sequences of a batch count, and only what was measured is compared", () => {
  const taken = new Map([
    [short, [sample(0, 1000)]],
    [batch, [sample(0, 2000)]],
  ]);
  // 8 sequences of 16 tokens in 2 s, 128 tokens in 1 s.
  expect(ratiosOf(taken)).toMatchObject([{ one: "batch-8", other: "prefill-128", ratio: { median: 0.5 } }]);
  expect(ratiosOf(new Map([[batch, [sample(0, 2000)]]]))).toEqual([]);
});
