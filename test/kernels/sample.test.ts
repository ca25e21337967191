import { expect, test } from "vitest";
import { sampleStage } from "../../src/kernels/elementwise.ts";
import { sampleToken } from "../../src/model/sampler.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { normals, seededRandom } from "../harness/random.ts";
import { greedySampling } from "../harness/runners.ts";
import { softmax } from "../reference/kernels.ts";
import { chiSquareDeviations } from "../reference/sampling.ts";
import { expectUntouched, KernelRun } from "./kernel_run.ts";

const NOTHING = 0xffffffff;

interface Draw {
  readonly temperature?: number;
  readonly seed?: number;
  readonly position?: number;
}

describeOnEveryAdapter("sample", (gpu) => {
  test("takes the likeliest token, of equals the first, as the CPU does", async (context) => {
    const run = await KernelRun.open(gpu, context);
    for (const vocab of [1, 2, 255, 256, 257, 1000, 49_153]) {
      const random = seededRandom(vocab);
      // Few different values, so that there are ties within a lane, between lanes and between their neighbours.
      const rows = [3, 50, 1e30].map((size) =>
        normals(random, vocab, size).map((value) => (size === 3 ? Math.round(value) : value)),
      );
      const tokens = await sample(
        run,
        rows,
        rows.map(() => ({})),
      );
      expect(tokens).toEqual(rows.map((row) => sampleToken(row.slice(), greedySampling, 0)));
    }
  });

  test("passes over NaN and minus infinity, and says when nothing is left", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const { NaN: nan, NEGATIVE_INFINITY: never } = Number;
    const rowOf = (fill: number, entries: Record<number, number> = {}) =>
      Object.assign(new Float32Array(600).fill(fill), entries);
    const rows = [
      rowOf(nan),
      rowOf(never),
      rowOf(nan, { 599: -1e30 }),
      rowOf(never, { 256: -7, 257: nan, 512: -7 }),
      rowOf(nan, { 3: never, 400: 0 }),
      rowOf(0, { 77: Number.POSITIVE_INFINITY }),
    ];
    const expected = [NOTHING, NOTHING, 599, 256, 400, 77];
    expect(
      await sample(
        run,
        rows,
        rows.map(() => ({})),
      ),
    ).toEqual(expected);
    expect(
      await sample(
        run,
        rows,
        rows.map((_, seed) => ({ temperature: 1, seed })),
      ),
    ).toEqual(
      // The two logits of -7 are equally likely.
      expected.map((token, row) => (row === 3 ? expect.toSatisfy((id) => id === 256 || id === 512) : token)),
    );
  });

  test("draws with the frequencies of softmax over the temperature", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const draws = 8192;
    for (const [vocab, temperature] of [
      [12, 1],
      [12, 0.4],
      [12, 3],
      [300, 1],
    ] as const) {
      const logits = normals(seededRandom(vocab), vocab, 2);
      for (const vary of ["position", "seed"] as const) {
        const how = Array.from({ length: draws }, (_, n) => ({
          temperature,
          seed: 9,
          position: 9,
          [vary]: n,
        }));
        const tokens = await sample(
          run,
          how.map(() => logits),
          how,
        );
        const counts = countOf(tokens, vocab);
        const deviations = chiSquareDeviations(counts, softmax(logits, temperature));
        expect(deviations, `vocabulary ${vocab}, temperature ${temperature}, by ${vary}`).toBeLessThan(4);
      }
    }
  });

  test("draws neighbouring positions independently", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const how = Array.from({ length: 16_384 }, (_, position) => ({ temperature: 1, seed: 3, position }));
    const logits = Float32Array.of(0.5, 0, -0.5, 0.2);
    const tokens = await sample(
      run,
      how.map(() => logits),
      how,
    );
    const single = softmax(logits);
    const pairs = tokens.slice(1).map((token, at) => 4 * (tokens[at] ?? 0) + token);
    const expected = Array.from(
      { length: 16 },
      (_, pair) => (single[pair >> 2] ?? 0) * (single[pair & 3] ?? 0),
    );
    expect(chiSquareDeviations(countOf(pairs, 16), expected)).toBeLessThan(4);
  });

  test("draws with another seed what no other order of positions gives", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const logits = new Float32Array(5000);
    const positions = Array.from({ length: 64 }, (_, position) => position);
    const sortedDraws = async (seed: number) => {
      const how = positions.map((position) => ({ temperature: 1, seed, position }));
      const rows = how.map(() => logits);
      return (await sample(run, rows, how)).toSorted((a, b) => a - b);
    };
    expect(await sortedDraws(1)).not.toEqual(await sortedDraws(0));
  });

  test("draws by seed and position, whatever the row and its neighbours", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const random = seededRandom(4);
    const rows = Array.from({ length: 40 }, () => normals(random, 333, 1));
    const how = rows.map((_, n) => ({ temperature: 0.8 + n / 50, seed: n * 7919, position: n }));
    const tokens = await sample(run, rows, how);
    const backwards = await sample(run, rows.toReversed(), how.toReversed());
    expect(backwards.toReversed()).toEqual(tokens);
    const other = await sample(
      run,
      rows,
      how.map((one) => ({ ...one, position: one.position + 1 })),
    );
    expect(other).not.toEqual(tokens);
  });
});

async function sample(
  run: KernelRun,
  rows: readonly Float32Array[],
  how: readonly Draw[],
): Promise<number[]> {
  const vocab = rows[0]?.length ?? 0;
  const logits = new Float32Array(rows.length * vocab);
  for (const [index, row] of rows.entries()) logits.set(row, index * vocab);
  const sampling = new Uint32Array(how.length * 4);
  const floats = new Float32Array(sampling.buffer);
  for (const [index, { temperature = 0, seed = 0, position = 0 }] of how.entries()) {
    sampling.set([0, seed, position], index * 4);
    floats[index * 4] = temperature;
  }
  const sampled = run.output(rows.length);
  const stage = await sampleStage(run.library, {
    vocab,
    logits: run.input(logits),
    sampling: run.input(sampling),
    sampled,
  });
  await run.run([stage], { logitRows: rows.length });
  const words = await run.read(sampled);
  run.free();
  expectUntouched(words, (word) => word < rows.length);
  return [...words.subarray(0, rows.length)];
}

function countOf(tokens: readonly number[], vocab: number): number[] {
  const counts = new Array<number>(vocab).fill(0);
  for (const token of tokens) counts[token] = (counts[token] ?? 0) + 1;
  return counts;
}
