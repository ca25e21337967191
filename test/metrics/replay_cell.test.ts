import { expect, test } from "vitest";
import { cellOf } from "../../src/metrics/replay_cell.ts";

const record = { transfers: 1, movedBytes: 100, error: undefined };
const quick = { pauseMs: 0, arrivedMs: 0, tokenMs: [100, 110, 120], endedMs: 120 };
const given = { load: 1, ratePerSecond: 2, seed: 1, slo: { ttftMs: 500, tbtMs: 50 } };
const replayed = { policy: "conserve", totalMs: 2000, steps: [], copies: [], occupancy: [] };

test("a conversation that is cut off keeps no SLO, and its times are what they came to", () => {
  const conversations = [
    { ...record, id: "a", turns: [quick] },
    {
      ...record,
      id: "b",
      cutMs: 2000,
      turns: [quick, { pauseMs: 80, arrivedMs: 200, tokenMs: [], endedMs: 2000 }],
    },
  ];
  const cell = cellOf({ ...replayed, conversations }, given);
  expect(cell).toMatchObject({
    conversations: 2,
    cut: 1,
    failed: 0,
    sloShare: 0.5,
    goodput: 1,
    handoffs: 2,
    handoffBytes: 200,
  });
  expect(cell.laterTtftMs.p50).toBe(1800);
  // From its arrival, the pause taken out.
  expect(cell.ttfetMs.p99).toBeCloseTo(100 + (1920 - 100) * 0.99, 0);
});

test("one that failed counts as nothing but that", () => {
  const conversations = [
    { ...record, id: "a", turns: [quick] },
    { ...record, id: "b", turns: [], error: "no room" },
  ];
  const cell = cellOf({ ...replayed, conversations }, given);
  expect(cell).toMatchObject({ failed: 1, cut: 0, sloShare: 0.5 });
  expect(cell.firstTtftMs.p50).toBe(100);
});
