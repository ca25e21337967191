import fc from "fast-check";
import { expect, test } from "vitest";
import { BlockAllocator } from "../../src/kv/block_allocator.ts";

test("a reservation gets all its blocks or none, and says how many are missing", () => {
  const allocator = new BlockAllocator(3);
  expect(allocator.reserve(2)).toEqual({ kind: "ok", blocks: [0, 1] });
  expect(allocator.reserve(3)).toEqual({ kind: "full", missing: 2 });
  expect(allocator.used).toBe(2);
  expect(allocator.reserve(1)).toEqual({ kind: "ok", blocks: [2] });
});

test("freeing a block twice, or one that nobody took, is refused", () => {
  const allocator = new BlockAllocator(2);
  allocator.reserve(1);
  allocator.free([0]);
  expect(() => allocator.free([0])).toThrow("not taken");
  expect(() => allocator.free([7])).toThrow("not taken");
});

test("the peak remembers the fullest moment", () => {
  const allocator = new BlockAllocator(4);
  allocator.reserve(3);
  allocator.free([0, 1, 2]);
  allocator.reserve(1);
  expect([allocator.used, allocator.peak]).toEqual([1, 3]);
});

test("an audit finds a block with two owners and one with none", () => {
  const allocator = new BlockAllocator(2);
  allocator.reserve(1);
  allocator.assertConsistent([0]);
  expect(() => allocator.assertConsistent([0, 0])).toThrow("two owners");
  expect(() => allocator.assertConsistent([])).toThrow("no owner");
});

test("no sequence of reserving and freeing loses a block or gives it to two", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("reserve" as const), count: fc.nat(6) }),
    fc.record({ kind: fc.constant("free" as const), count: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.nat(16), fc.array(action, { maxLength: 60 }), (total, actions) => {
      const allocator = new BlockAllocator(total);
      const held: (readonly number[])[] = [];
      for (const { kind, count } of actions) {
        if (kind === "free") allocator.free(held.splice(count % (held.length + 1), 1).flat());
        else {
          const room = total - held.flat().length;
          const reservation = allocator.reserve(count);
          expect(reservation.kind).toBe(count <= room ? "ok" : "full");
          if (reservation.kind === "ok") held.push(reservation.blocks);
          else expect(reservation.missing).toBe(count - room);
        }
        allocator.assertConsistent(held.flat());
      }
    }),
  );
});
