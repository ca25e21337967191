import fc from "fast-check";
import { expect, test } from "vitest";
import type { GpuRunner } from "../../src/runner/gpu_runner.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { logitsOf, openGpuClassRunner, openTestRunner, prefill } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

/** Heads of 64 as the default model has them, and heads of 16, which go another way through the attention kernels. */
const models = {
  "heads of 64": writeTinyModel({ seed: 7, hidden: 192, heads: 3, kvHeads: 1, ffn: 160, vocabTokens: 600 }),
  "heads of 16": writeTinyModel({ seed: 8, hidden: 96, heads: 6, kvHeads: 2, vocabTokens: 600 }),
};
const BLOCK_TOKENS = 16;
/** Enough for several rounds of keys in every attention kernel. */
const MAX_TOKENS = 100;

/** How far logits may be apart: not at all in `exact`, 0.05 in `default` and `fast`. */
const bounds = { exact: 0, default: 0.05, fast: 0.05 } as const;

const token = fc.integer({ min: 0, max: 599 });
const sequence = fc.array(token, { minLength: 1, maxLength: MAX_TOKENS });
const chunks = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
/** A block table: any blocks of the pool, in any order, each once. */
const table = fc.shuffledSubarray(
  Array.from({ length: 40 }, (_, block) => block),
  { minLength: 21, maxLength: 21 },
);

describeOnEveryAdapter("a sequence's logits", (gpu) => {
  const cases = Object.entries(models).flatMap(([name, model]) =>
    (["exact", "default"] as const).map((precision) => ({ name, model, precision, open: openTestRunner })),
  );
  const withoutSubgroups = {
    name: "kernels without subgroups",
    model: models["heads of 64"],
    open: openGpuClassRunner,
  };
  for (const { name, model, precision, open } of [
    ...cases,
    { ...withoutSubgroups, precision: "exact" as const },
    { ...withoutSubgroups, precision: "fast" as const },
  ]) {
    const bound = bounds[precision];
    const options = { precision, maxStepTokens: 128, maxLogitRows: 128 };

    test(`do not depend on chunks or the block table in ${precision}, ${name}`, {
      timeout: 300_000,
    }, async (context) => {
      const runner = await open(gpu, context, model, options);
      await fc.assert(
        fc.asyncProperty(sequence, chunks, table, table, async (ids, sizes, blocks, otherBlocks) => {
          const atOnce = await prefill(runner, ids, blocks);
          const chunked = await prefill(runner, ids, otherBlocks, sizes);
          const oneByOne = await prefill(runner, ids, blocks, [1]);
          expect(spread(atOnce)).toBeGreaterThan(0.1);
          expect(largestDifference(atOnce, chunked)).toBeLessThanOrEqual(bound);
          expect(largestDifference(atOnce, oneByOne)).toBeLessThanOrEqual(bound);
        }),
        { numRuns: 6 },
      );
    });

    test(`do not depend on what shares their steps in ${precision}, ${name}`, {
      timeout: 300_000,
    }, async (context) => {
      const runner = await open(gpu, context, model, options);
      await fc.assert(
        fc.asyncProperty(sequence, sequence, sequence, chunks, table, async (a, b, c, sizes, blocks) => {
          const tables = [blocks.slice(0, 7), blocks.slice(7, 14), blocks.slice(14, 21)];
          const alone = [];
          for (const [index, ids] of [a, b, c].entries())
            alone.push(await prefill(runner, ids, tables[index] ?? []));
          const together = await prefillTogether(runner, [a, b, c], tables, sizes);
          for (const [index, logits] of together.entries()) {
            expect(largestDifference(alone[index] ?? [], logits)).toBeLessThanOrEqual(bound);
          }
        }),
        { numRuns: 6 },
      );
    });
  }
});

/** Every step holds the next chunk of each sequence that has one; their sizes differ, so prefill and decode rows mix. */
async function prefillTogether(
  runner: GpuRunner,
  sequences: readonly (readonly number[])[],
  tables: readonly (readonly number[])[],
  sizes: readonly number[],
): Promise<Float32Array[][]> {
  const done: Float32Array[][] = sequences.map(() => []);
  for (let turn = 0; done.some((logits, index) => logits.length < (sequences[index]?.length ?? 0)); turn++) {
    const active = sequences.flatMap((ids, index) => {
      const position = done[index]?.length ?? 0;
      const size = sizes[(turn + index) % sizes.length] ?? 1;
      const tokens = ids.slice(position, position + size);
      const blocks = (tables[index] ?? []).slice(0, Math.ceil((position + tokens.length) / BLOCK_TOKENS));
      return tokens.length > 0 ? [{ index, row: { sequence: `s${index}`, tokens, position, blocks } }] : [];
    });
    const results = await logitsOf(
      runner,
      active.map(({ row }) => row),
    );
    for (const [at, { index }] of active.entries()) done[index]?.push(...(results[at] ?? []));
  }
  return done;
}

/** Infinity where lengths differ or a value is no number; 0 only for equal bits (but for the sign of zero). */
function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [row, logits] of a.entries()) {
    for (const [id, value] of logits.entries()) {
      const difference = Math.abs(value - (b[row]?.[id] ?? Number.NaN));
      if (!(difference <= largest))
        largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    }
  }
  return largest;
}

/** Largest minus smallest logit: tells a model that says something from one that says nothing. */
function spread(logits: readonly Float32Array[]): number {
  const values = logits.flatMap((row) => [...row]);
  return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
}
