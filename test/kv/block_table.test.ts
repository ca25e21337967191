import { expect, test } from "vitest";
import { BlockAllocator } from "../../src/kv/block_allocator.ts";
import { BlockTable } from "../../src/kv/block_table.ts";

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);

/** A table with as many blocks as its tokens need. */
function tableOf(tokens: readonly number[], allocator = new BlockAllocator(16)) {
  const table = new BlockTable(4);
  const reservation = allocator.reserve(table.missingFor(tokens.length));
  if (reservation.kind === "ok") table.addBlocks(reservation.blocks);
  table.grow(tokens.length, tokens, allocator);
  return { table, allocator };
}

test("a table asks for one block per started group of tokens", () => {
  const table = new BlockTable(4);
  expect([0, 1, 4, 5].map((tokens) => table.missingFor(tokens))).toEqual([0, 1, 1, 2]);
  table.addBlocks([9]);
  expect([4, 5, 9].map((tokens) => table.missingFor(tokens))).toEqual([0, 1, 2]);
});

test("truncating returns the blocks behind the kept tokens and keeps the one that is partly used", () => {
  const { table } = tableOf(range(6));
  table.addBlocks([9]);
  expect(table.truncate(5)).toEqual([9]);
  expect([table.length, table.blocks]).toEqual([5, [0, 1]]);
  expect(table.truncate(4)).toEqual([1]);
  expect(table.truncate(0)).toEqual([0]);
});

test("truncating to more than there is gives back only blocks that hold nothing", () => {
  const { table } = tableOf([7]);
  table.addBlocks([1, 2]);
  expect(table.truncate(99)).toEqual([1, 2]);
  expect(table.length).toBe(1);
});

test("tokens without a block are refused", () => {
  const table = new BlockTable(4);
  table.addBlocks([0]);
  expect(() => table.grow(5, range(5), new BlockAllocator(4))).toThrow("without a KV block");
});

test("full blocks are found by another sequence that begins alike, and by none that does not", () => {
  const { table, allocator } = tableOf(range(10));
  const match = (tokens: readonly number[], limit = tokens.length) =>
    allocator.match(tokens, 4, limit).blocks;
  expect(match(range(9))).toEqual(table.blocks.slice(0, 2));
  expect(match([...range(7), 99, 100])).toEqual(table.blocks.slice(0, 1));
  expect(match(range(9), 7)).toEqual(table.blocks.slice(0, 1));
  expect(match(range(8, 1))).toEqual([]);
  expect(match(range(4, 4))).toEqual([]); // its second block, but not after its first
});

test("a table that begins with another one's blocks goes on as if it had run them", () => {
  const tokens = [...range(8), 50, 51, 52, 53];
  const { allocator } = tableOf(range(8));
  const table = new BlockTable(4);
  const match = allocator.match(tokens, 4, tokens.length);
  allocator.share(match.blocks);
  table.begin(match);
  expect([table.length, table.missingFor(12)]).toEqual([8, 1]);
  table.addBlocks([7]);
  table.grow(12, tokens, allocator);
  expect(allocator.match(tokens, 4, 12).blocks).toEqual([...match.blocks, 7]);
});
