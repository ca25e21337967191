import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packedWords } from "../../src/loader/layout.ts";
import { type GgmlType, ggmlTypes } from "../../src/loader/quantisation/ggml_types.ts";
import { type PlannedProduct, planPair, planStack } from "../../src/model/weight_plan.ts";

const types = Object.keys(ggmlTypes) as GgmlType[];
const limits = fc.record({
  interleave: fc.constantFrom(8, 32),
  // From less than one bundle of rows to more than everything.
  maxBindingBytes: fc.integer({ min: 1 << 10, max: 1 << 18 }),
});
const cols = fc.integer({ min: 1, max: 300 });
const stack = fc
  .array(fc.record({ type: fc.constantFrom(...types), rows: fc.integer({ min: 1, max: 200 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((parts) => cols.map((cols) => parts.map((part, index) => ({ name: `t${index}`, cols, ...part }))));

interface Limits {
  readonly interleave: number;
  readonly maxBindingBytes: number;
}

describe("a stack of matrices", () => {
  test("places every row of every matrix once, in its own column, on whole bundles", () => {
    fc.assert(
      fc.property(stack, limits, (tensors, bounds) => {
        const plan = planStack(tensors, bounds);
        const rows = new Map(tensors.map(({ name, rows }) => [name, rows]));
        expectEveryRowOnce(plan, rows, bounds);
        for (const [index, { name }] of tensors.entries()) {
          for (const { slice, fromRow, atRow } of plan.placements.get(name) ?? [])
            expect(slice.outOffset + atRow).toBe((plan.offsets[index] ?? -1) + fromRow);
        }
      }),
    );
  });

  test("gives each slice columns of its own, within the result's", () => {
    fc.assert(
      fc.property(stack, limits, (tensors, bounds) => {
        const plan = planStack(tensors, bounds);
        let column = 0;
        for (const { outOffset, rows } of plan.slices) {
          expect(outOffset).toBeGreaterThanOrEqual(column);
          column = outOffset + rows;
        }
        expect(column).toBeLessThanOrEqual(plan.outStride);
        if (tensors.length === 1) expect(plan.outStride).toBe(tensors[0]?.rows);
      }),
    );
  });

  test("keeps each slice within the binding limit, unless one bundle of rows is beyond it", () => {
    fc.assert(
      fc.property(stack, limits, (tensors, bounds) => expectWithin(planStack(tensors, bounds), bounds)),
    );
  });

  test("keeps each matrix in its own layout, and neighbours of one layout in one slice", () => {
    fc.assert(
      fc.property(stack, limits, (tensors, bounds) => {
        const plan = planStack(tensors, bounds);
        for (const { name, type } of tensors)
          for (const { slice } of plan.placements.get(name) ?? [])
            expect(slice.layout).toBe(ggmlTypes[type].layout);
      }),
    );
    const common = { rows: 40, cols: 64 };
    const stacked = planStack(
      [
        { name: "q", type: "Q4_0", ...common },
        { name: "k", type: "Q4_1", ...common },
        { name: "v", type: "Q8_0", ...common },
      ],
      { interleave: 32, maxBindingBytes: 1 << 20 },
    );
    expect(stacked.slices.map(({ layout, paddedRows }) => [layout, paddedRows])).toEqual([
      ["q4", 128],
      ["q8", 64],
    ]);
    expect(stacked.offsets).toEqual([0, 64, 128]);
    expect(stacked.outStride).toBe(192);
  });
});

describe("a pair of matrices", () => {
  const pair = fc.record({
    rows: fc.integer({ min: 1, max: 300 }),
    cols,
    first: fc.constantFrom(...types),
    second: fc.constantFrom(...types),
  });

  test("places every row of both once, the same rows half a slice apart", () => {
    fc.assert(
      fc.property(pair, limits, ({ rows, cols, first, second }, bounds) => {
        const plan = planPair(
          { name: "gate", type: first, rows, cols },
          { name: "up", type: second, rows, cols },
          bounds,
        );
        const all = new Map([
          ["gate", rows],
          ["up", rows],
        ]);
        expectEveryRowOnce(plan, all, bounds);
        const [gate, up] = [plan.placements.get("gate") ?? [], plan.placements.get("up") ?? []];
        expect(up.map(({ atRow, ...rest }) => ({ ...rest, atRow: atRow - rest.slice.halfRows }))).toEqual(
          gate,
        );
        for (const { slice, fromRow, rows } of gate) {
          expect(slice.outOffset).toBe(fromRow);
          expect(slice.rows).toBe(rows);
          expect(slice.halfRows).toBeGreaterThanOrEqual(rows);
        }
        expect(plan.outStride).toBe(Math.ceil(rows / 32) * 32);
      }),
    );
  });

  test("keeps each slice within the binding limit, unless two bundles of rows are beyond it", () => {
    fc.assert(
      fc.property(pair, limits, ({ rows, cols, first, second }, bounds) => {
        const tensors = [first, second].map((type, index) => ({ name: `${index}`, type, rows, cols }));
        const [gate, up] = tensors;
        if (gate && up) expectWithin(planPair(gate, up, bounds), bounds);
      }),
    );
  });
});

/** Rows of a tensor are placed once each; placements begin at whole bundles, in the tensor and in the slice, and never overlap. */
function expectEveryRowOnce(plan: PlannedProduct, rows: ReadonlyMap<string, number>, { interleave }: Limits) {
  const taken = new Set<string>();
  for (const [name, count] of rows) {
    const seen = new Array<number>(count).fill(0);
    for (const { slice, fromRow, rows: placed, atRow } of plan.placements.get(name) ?? []) {
      expect(plan.slices).toContain(slice);
      expect([fromRow % interleave, atRow % interleave]).toEqual([0, 0]);
      expect(atRow + placed).toBeLessThanOrEqual(slice.paddedRows);
      expect(slice.paddedRows % interleave).toBe(0);
      for (let row = 0; row < placed; row++) {
        seen[fromRow + row] = (seen[fromRow + row] ?? 0) + 1;
        const place = `${plan.slices.indexOf(slice)}:${atRow + row}`;
        expect(taken.has(place)).toBe(false);
        taken.add(place);
      }
    }
    expect(seen).toEqual(new Array(count).fill(1));
  }
}

function expectWithin({ slices }: PlannedProduct, { interleave, maxBindingBytes }: Limits): void {
  for (const { paddedRows, cols, layout, halfRows } of slices) {
    const words = packedWords({ rows: paddedRows, cols, layout, interleave });
    const least = halfRows > 0 ? 2 * interleave : interleave;
    if (paddedRows > least)
      expect(Math.max(words.values, words.scales) * 4).toBeLessThanOrEqual(maxBindingBytes);
  }
}
