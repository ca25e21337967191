import fc from "fast-check";
import { expect } from "vitest";
import { ModelError } from "../../src/errors.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import type { ByteSource } from "../../src/protocol/bytes.ts";
import { type GgufContents, writeGguf } from "../harness/gguf_writer.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { sourceOf } from "./byte_sources.ts";

/** Damages GGUF files in every way a file may be, and holds the reader to: a ModelError or none, soon, and nothing left open. */

const LIMIT_MS = 2000;
/** What one case may hold over what was there: the header's own limit, a piece and garbage of the cases before. */
const LIMIT_BYTES = 384 * 2 ** 20;

type Damage = (bytes: Uint8Array) => Uint8Array;

/** Places near the start, where the counts are, and anywhere. */
const place = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.nat());
const word = fc.constantFrom(
  0n,
  1n,
  8n,
  9n,
  31n,
  0x7fn,
  0xffn,
  0xffffn,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
);

const truncate = place.map(
  (at): Damage =>
    (bytes) =>
      bytes.slice(0, at % bytes.length),
);
const flip = fc.record({ at: place, bit: fc.nat(7) }).map(
  ({ at, bit }): Damage =>
    (bytes) =>
      bytes.map((byte, i) => (i === at % bytes.length ? byte ^ (1 << bit) : byte)),
);
const overwrite = fc.record({ at: place, word, wide: fc.boolean() }).map(
  ({ at, word, wide }): Damage =>
    (bytes) => {
      const changed = bytes.slice();
      const length = wide ? 8 : 4;
      const start = at % Math.max(1, bytes.length - length);
      if (start + length > changed.length) return changed;
      const view = new DataView(changed.buffer);
      if (wide) view.setBigUint64(start, word, true);
      else view.setUint32(start, Number(word & 0xffff_ffffn), true);
      return changed;
    },
);
const remove = fc.record({ at: place, count: fc.nat(40) }).map(
  ({ at, count }): Damage =>
    (bytes) => {
      const start = at % bytes.length;
      return Uint8Array.from([...bytes.subarray(0, start), ...bytes.subarray(start + count)]);
    },
);
const insert = fc.record({ at: place, more: fc.uint8Array({ maxLength: 40 }) }).map(
  ({ at, more }): Damage =>
    (bytes) => {
      const start = at % bytes.length;
      return Uint8Array.from([...bytes.subarray(0, start), ...more, ...bytes.subarray(start)]);
    },
);
const damages = fc.array(fc.oneof(truncate, flip, overwrite, overwrite, remove, insert), {
  minLength: 1,
  maxLength: 4,
});

const small: GgufContents = {
  metadata: {
    "general.architecture": "llama",
    "llama.block_count": ["u32", 2],
    "tokenizer.ggml.tokens": ["string", ["a", "b", "<s>"]],
    "tokenizer.ggml.scores": ["f32", [0, -1, -2]],
    odd: ["u64", 1n],
  },
  tensors: [
    { name: "token_embd.weight", type: "Q8_0", dims: [32, 3], data: new Uint8Array(102) },
    { name: "norm", type: "F32", dims: [5], data: new Uint8Array(20) },
    { name: "blk.0.w", type: "Q4_K", dims: [256, 2], data: new Uint8Array(288) },
  ],
};

const bases = [
  writeGguf(small),
  writeGguf({ ...small, version: 2, alignment: 64 }),
  writeGguf({}),
  writeTinyModel({ vocabTokens: 260, layers: 1, hidden: 32, heads: 2, ffn: 32 }),
];

const cases = fc.record({
  base: fc.nat(bases.length - 1),
  damages,
  chunk: fc.constantFrom(16, 1000, 65_536),
  sized: fc.boolean(),
  byob: fc.boolean(),
});

/** Runs `count` cases; a failure prints the seed and the smallest case. */
export async function fuzzGguf(count: number): Promise<void> {
  const before = heldBytes();
  const property = fc.asyncProperty(cases, async ({ base, damages, chunk, sized, byob }) => {
    const bytes = damages.reduce(
      (file, damage) => (file.length === 0 ? file : damage(file)),
      bases[base] as Uint8Array,
    );
    const source = sourceOf(bytes, { chunk, sized, byob });
    const start = performance.now();
    try {
      await readConsistent(source);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
    }
    expect(source.open).toBe(0);
    expect(performance.now() - start).toBeLessThan(LIMIT_MS);
    expect(heldBytes() - before).toBeLessThan(LIMIT_BYTES);
  });
  await fc.assert(property, { numRuns: count });
}

/** A file that is read without an error is one whose tensors have a shape, a place of their own and all their bytes. */
async function readConsistent(source: ByteSource): Promise<void> {
  const file = await openGguf(source);
  let end = 0;
  for (const { dims, rows, cols, offset, bytes } of file.tensors) {
    expect(dims.length).toBeLessThanOrEqual(4);
    expect(rows * cols).toBeGreaterThan(0);
    expect(offset).toBeGreaterThanOrEqual(end);
    end = offset + bytes;
  }
  const expected = file.tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  let read = 0;
  for await (const piece of file.pieces({ alignRows: 8 })) read += piece.bytes.byteLength;
  expect(read).toBe(expected);
}

function heldBytes(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
