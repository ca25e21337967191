import { expect, test } from "vitest";
import { BlockTable } from "../../src/kv/block_table.ts";

test("a table asks for one block per started group of tokens", () => {
  const table = new BlockTable(4);
  expect([0, 1, 4, 5].map((tokens) => table.missingFor(tokens))).toEqual([0, 1, 1, 2]);
  table.addBlocks([9]);
  expect([4, 5, 9].map((tokens) => table.missingFor(tokens))).toEqual([0, 1, 2]);
});

test("truncating returns the blocks behind the kept tokens and keeps the one that is partly used", () => {
  const table = new BlockTable(4);
  table.addBlocks([3, 1, 2]);
  table.append([10, 11, 12, 13, 14, 15]);
  expect(table.truncate(5)).toEqual([2]);
  expect([table.tokens, table.blocks]).toEqual([
    [10, 11, 12, 13, 14],
    [3, 1],
  ]);
  expect(table.truncate(4)).toEqual([1]);
  expect(table.truncate(0)).toEqual([3]);
});

test("truncating to more than there is gives back only blocks that hold nothing", () => {
  const table = new BlockTable(4);
  table.addBlocks([0, 1, 2]);
  table.append([7]);
  expect(table.truncate(99)).toEqual([1, 2]);
  expect(table.length).toBe(1);
});

test("tokens without a block are refused", () => {
  const table = new BlockTable(4);
  table.addBlocks([0]);
  expect(() => table.append([1, 2, 3, 4, 5])).toThrow("without a KV block");
});
