import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createStopMatcher } from "../../src/text/stop_strings.ts";

function stream(stops: readonly string[], pushes: readonly string[]) {
  const matcher = createStopMatcher(stops);
  const shown = pushes.map((text) => matcher.push(text));
  return { shown, flushed: matcher.flush() };
}

describe("a stop string", () => {
  test("ends the text before it and drops what comes after", () => {
    const { shown, flushed } = stream(["STOP"], ["one STOP two", " three"]);
    expect(shown).toEqual([
      { text: "one ", stopped: true },
      { text: "", stopped: true },
    ]);
    expect(flushed).toBe("");
  });

  test("that is split over pushes is never shown, not even in part", () => {
    const { shown } = stream(["</s>"], ["a<", "/", "s", ">b"]);
    expect(shown.map(({ text }) => text)).toEqual(["a", "", "", ""]);
    expect(shown[3]?.stopped).toBe(true);
  });

  test("that does not come lets go of what was held back for it", () => {
    const { shown, flushed } = stream(["</s>"], ["a</", "b</"]);
    expect(shown.map(({ text }) => text)).toEqual(["a", "</b"]);
    expect(flushed).toBe("</");
  });

  test("that begins first wins, even when another one ends first", () => {
    expect(stream(["bc", "abcd"], ["xabc", "d"]).shown).toEqual([
      { text: "x", stopped: false },
      { text: "", stopped: true },
    ]);
    expect(stream(["bc", "abcd"], ["xabc", "e"]).shown.at(-1)).toEqual({ text: "a", stopped: true });
    expect(stream(["bc", "abcd"], ["xabc"]).flushed).toBe("a");
  });

  test("that is empty never matches", () => {
    expect(stream([""], ["abc"]).shown).toEqual([{ text: "abc", stopped: false }]);
  });
});

test("streaming shows what a search of the whole text leaves, however it is pushed", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "é", "👍"), maxLength: 5 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), fc.array(word, { maxLength: 12 }), (stops, pushes) => {
      const whole = pushes.join("");
      const starts = stops.filter((stop) => stop !== "").map((stop) => whole.indexOf(stop));
      const first = Math.min(whole.length, ...starts.filter((at) => at >= 0));
      const { shown, flushed } = stream(stops, pushes);
      expect(shown.map(({ text }) => text).join("") + flushed).toBe(whole.slice(0, first));
    }),
    { numRuns: 2_000 },
  );
});

test("text without a stop string's first character is shown at once", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (pushes) => {
      const matcher = createStopMatcher(["\u0000stop"]);
      for (const text of pushes) {
        fc.pre(!text.includes("\u0000"));
        expect(matcher.push(text).text).toBe(text);
      }
    }),
  );
});
