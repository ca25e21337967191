import { expect, test } from "vitest";
import { summarize } from "../../src/metrics/summary.ts";
import {
  decodeTokensPerSecond,
  prefillTokensPerSecond,
  turnTimings,
} from "../../src/metrics/turn_metrics.ts";

test("a summary does not depend on the order and leaves its input alone", () => {
  const samples = [40, 10, 30, 20];
  expect(summarize(samples)).toEqual({ samples: 4, median: 25, p95: 38.5, min: 10, max: 40, mean: 25 });
  expect(samples).toEqual([40, 10, 30, 20]);
});

test("one sample is its own summary and no sample has none", () => {
  expect(summarize([7])).toEqual({ samples: 1, median: 7, p95: 7, min: 7, max: 7, mean: 7 });
  expect(summarize([])).toBeUndefined();
});

test("timings are differences of instants", () => {
  const timings = turnTimings({ arrivedMs: 100, tokenMs: [150, 160, 175], endedMs: 180 });
  expect(timings).toEqual({ ttftMs: 50, tbtMs: [10, 15], totalMs: 80 });
});

test("a turn without a token has no time to first token", () => {
  expect(turnTimings({ arrivedMs: 5, tokenMs: [], endedMs: 9 })).toEqual({
    ttftMs: null,
    tbtMs: [],
    totalMs: 4,
  });
});

test("prefill counts only tokens that were not cached, decode only the gaps", () => {
  const turn = {
    timings: { ttftMs: 500, tbtMs: [10, 30], totalMs: 540 },
    usage: { promptTokens: 120, cachedTokens: 20, completionTokens: 3 },
  };
  expect(prefillTokensPerSecond([turn, turn])).toBe(200);
  expect(decodeTokensPerSecond([turn])).toBe(50);
});

test("nothing measured is no rate", () => {
  const turn = {
    timings: { ttftMs: null, tbtMs: [], totalMs: 1 },
    usage: { promptTokens: 4, cachedTokens: 0, completionTokens: 0 },
  };
  expect([prefillTokensPerSecond([turn]), decodeTokensPerSecond([turn])]).toEqual([undefined, undefined]);
});
