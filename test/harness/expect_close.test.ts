import { describe, expect, test } from "vitest";
import { expectClose, tolerances } from "./expect_close.ts";

describe("expectClose", () => {
  const tolerance = { absolute: 0.1, relative: 0.01 };

  test("accepts what is within the absolute and the relative part together", () => {
    expectClose([100, 1.1], [101.05, 1], tolerance);
    expectClose([Number.NaN, Number.POSITIVE_INFINITY], [Number.NaN, Number.POSITIVE_INFINITY], tolerance);
  });

  test("names the first bad index and shows its neighbours", () => {
    const expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const actual = expected.map((value) => (value >= 5 ? value + 1 : value));
    expect(() => expectClose(actual, expected, tolerance)).toThrow(
      /^5 of 10 values .* the first at 5: 6 instead of 5.*\n {2}\[2\] 2 expected 2\n.*\n.*\n> \[5\] 6 expected 5\n.*\n.*\n {2}\[8\] 9 expected 8$/,
    );
  });

  test.each([
    ["NaN for a number", [Number.NaN], [1]],
    ["a number for NaN", [1], [Number.NaN]],
    ["infinity for a number", [Number.POSITIVE_INFINITY], [1]],
    ["the wrong infinity", [Number.NEGATIVE_INFINITY], [Number.POSITIVE_INFINITY]],
    ["too few values", [1], [1, 1]],
    ["too many values", [1, 1], [1]],
  ])("refuses %s", (_, actual, expected) => {
    expect(() => expectClose(actual, expected, tolerance)).toThrow();
  });

  test("measures by magnitudes where they are given", () => {
    expectClose([0.5], [0], tolerance, [100]);
    expect(() => expectClose([0.5], [0], tolerance, [1])).toThrow("out of tolerance");
  });

  test("keeps no tolerance that a wrong value of another sign would pass", () => {
    for (const { absolute, relative } of Object.values(tolerances)) {
      expect(absolute).toBeLessThan(0.01);
      expect(relative).toBeLessThan(0.01);
    }
  });
});
