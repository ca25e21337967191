import fc from "fast-check";
import { expect, test } from "vitest";
import { highestRate } from "../../src/simulator/highest_rate.ts";

test("the highest rate is found to a twentieth, from above and from below", () => {
  fc.assert(
    fc.property(fc.double({ min: -7, max: 7, noNaN: true }), (power) => {
      const truth = 3 * 2 ** power;
      const found = highestRate((rate) => rate <= truth, 3);
      expect(found).toBeLessThanOrEqual(truth);
      expect(found).toBeGreaterThan(truth / 1.05);
    }),
  );
});

test("what holds always or never ends, at the bound or where it began", () => {
  expect(highestRate(() => true, 3)).toBe(3 * 256);
  expect(highestRate(() => false, 3)).toBe(3);
});
