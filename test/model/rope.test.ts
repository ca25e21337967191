import { describe, expect, test } from "vitest";
import { RopeTable } from "../../src/model/rope.ts";
import { expectClose, tolerances } from "../harness/expect_close.ts";

describe("the turns of RoPE", () => {
  const dims = 64;

  /** (cos, sin) of each pair by the definition, in float64. */
  function expected(position: number, base: number, divisor: (pair: number) => number): number[] {
    return Array.from({ length: dims / 2 }, (_, pair) => {
      const angle = (position * base ** ((-2 * pair) / dims)) / divisor(pair);
      return [Math.cos(angle), Math.sin(angle)];
    }).flat();
  }

  function turns(table: RopeTable, position: number): Float32Array {
    const out = new Float32Array(dims);
    table.write(out, 0, position);
    return out;
  }

  test.each([10_000, 100_000, 1e6])(
    "are the definition's at every position of a context, base %d",
    (base) => {
      const table = new RopeTable({ base, dims, linearFactor: 1 }, undefined);
      expect(table.pairs).toBe(32);
      for (let position = 0; position < 8192; position++) {
        // The angle is at most `position`, so an error in it as well.
        const tolerance = { absolute: 1e-7 + tolerances.ropeAngle.absolute * (position / 8192), relative: 0 };
        expectClose(
          turns(table, position),
          expected(position, base, () => 1),
          tolerance,
        );
      }
    },
  );

  test("are slowed down by linear scaling and by a factor per pair", () => {
    const factors = Float32Array.from({ length: dims / 2 }, (_, pair) => 1 + pair / 4);
    const table = new RopeTable({ base: 10_000, dims, linearFactor: 4 }, factors);
    for (const position of [0, 1, 100, 4095])
      expectClose(
        turns(table, position),
        expected(position, 10_000, (pair) => 4 * (1 + pair / 4)),
        tolerances.ropeAngle,
      );
  });

  test("are none at position 0, and are written where they are asked for", () => {
    const table = new RopeTable({ base: 10_000, dims: 4, linearFactor: 1 }, undefined);
    const out = new Float32Array(8).fill(7);
    table.write(out, 2, 0);
    expect([...out]).toEqual([7, 7, 1, 0, 1, 0, 7, 7]);
  });
});
