import { expect, test } from "vitest";
import { conversationTimes, keepsSlo } from "../../src/metrics/conversation_metrics.ts";

const turns = [
  { pauseMs: 0, arrivedMs: 1000, tokenMs: [1200, 1210, 1240], endedMs: 1240 },
  { pauseMs: 500, arrivedMs: 1740, tokenMs: [1790, 1800], endedMs: 1800 },
  { pauseMs: 300, arrivedMs: 2100, tokenMs: [2130, 2150, 2190], endedMs: 2190 },
];

test("a conversation's times in every reading", () => {
  expect(conversationTimes(turns)).toEqual({
    ttfetMs: 330,
    ttfetWithPausesMs: 1130,
    firstTtftMs: 200,
    laterTtftMs: [50, 30],
    lastTurnTbtMs: 30,
    tbtMs: [10, 30, 10, 20, 40],
    totalMs: 1190,
  });
});

test("with one turn of one token all readings of the first token are one, and there is no TBT", () => {
  const times = conversationTimes([{ pauseMs: 0, arrivedMs: 5, tokenMs: [9], endedMs: 9 }]);
  expect(times).toMatchObject({
    ttfetMs: 4,
    ttfetWithPausesMs: 4,
    firstTtftMs: 4,
    laterTtftMs: [],
    tbtMs: [],
  });
  expect(times?.lastTurnTbtMs).toBeUndefined();
});

test("a conversation of which a turn got no token has no times", () => {
  expect(conversationTimes([])).toBeUndefined();
  expect(conversationTimes([{ pauseMs: 0, arrivedMs: 0, tokenMs: [], endedMs: 1 }])).toBeUndefined();
});

test.each([
  [{ ttftMs: 200, tbtMs: 22 }, true],
  [{ ttftMs: 199, tbtMs: 22 }, false],
  [{ ttftMs: 200, tbtMs: 21 }, false],
])("keeps %j: %s", (slo, kept) => {
  const times = conversationTimes(turns);
  expect(times && keepsSlo(times, slo)).toBe(kept);
});
