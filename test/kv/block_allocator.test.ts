import fc from "fast-check";
import { expect, test } from "vitest";
import { BlockAllocator } from "../../src/kv/block_allocator.ts";
import { chainHash, NO_PREFIX } from "../../src/kv/prefix_index.ts";

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

test("an audit finds a block that more or fewer hold than it has owners", () => {
  const allocator = new BlockAllocator(2);
  allocator.reserve(1);
  allocator.assertConsistent([0]);
  expect(() => allocator.assertConsistent([0, 0])).toThrow("has 1 owners and 2 hold it");
  expect(() => allocator.assertConsistent([])).toThrow("has 1 owners and 0 hold it");
});

test("a shared block is free when its last owner has freed it", () => {
  const allocator = new BlockAllocator(2);
  allocator.reserve(1);
  allocator.share([0]);
  allocator.free([0]);
  expect([allocator.used, allocator.owners(0)]).toEqual([1, 1]);
  allocator.free([0]);
  expect(allocator.used).toBe(0);
});

test("a free block is found by its content until it is handed out, the one that was freed last as the last", () => {
  const allocator = new BlockAllocator(3);
  const tokens = [[1, 2], [3, 4], [5, 6]]; // biome-ignore format: a table
  allocator.reserve(3);
  for (const [block, content] of tokens.entries()) {
    allocator.remember(block, chainHash(NO_PREFIX, content, 0, 2), content, 0, 2);
    allocator.free([block]);
  }
  const found = () => tokens.map((content) => allocator.match(content, 2, 2).blocks.length);
  expect(found()).toEqual([1, 1, 1]);
  allocator.share([0]);
  allocator.free([0]);
  expect(allocator.reserve(1)).toEqual({ kind: "ok", blocks: [1] });
  expect(found()).toEqual([1, 0, 1]);
  expect(allocator.reserve(2)).toEqual({ kind: "ok", blocks: [2, 0] });
  expect(found()).toEqual([0, 0, 0]);
});

test("no sequence of reserving, sharing and freeing loses a block or miscounts its owners", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("reserve" as const), count: fc.nat(6) }),
    fc.record({ kind: fc.constantFrom("free" as const, "share" as const), count: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.nat(16), fc.array(action, { maxLength: 60 }), (total, actions) => {
      const allocator = new BlockAllocator(total);
      const held: (readonly number[])[] = [];
      for (const { kind, count } of actions) {
        const picked = held[count % (held.length + 1)];
        if (kind === "free") allocator.free(held.splice(count % (held.length + 1), 1).flat());
        else if (kind === "share") {
          if (picked === undefined) continue;
          allocator.share(picked);
          held.push(picked);
        } else {
          const room = total - new Set(held.flat()).size;
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

test("a block whose hash is the sequence's is not found for other tokens", () => {
  const allocator = new BlockAllocator(2);
  const [own, other] = [
    [1, 2],
    [3, 4],
  ];
  const hash = chainHash(NO_PREFIX, other, 0, 2);
  allocator.remember(0, hash, own, 0, 2);
  expect(allocator.match(other, 2, 2).blocks).toEqual([]);
  allocator.forget(0);
  allocator.remember(0, hash, other, 0, 2);
  expect(allocator.match(other, 2, 2).blocks).toEqual([0]);
});
