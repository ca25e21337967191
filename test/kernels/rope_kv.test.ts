import { expect, test } from "vitest";
import { ropeStage } from "../../src/kernels/elementwise.ts";
import type { KernelChoice } from "../../src/kernels/variants.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { expectClose, tolerances } from "../harness/expect_close.ts";
import { normals, seededRandom } from "../harness/random.ts";
import { layerWords, type PoolLayout, poolHalf, rotate, SLOTS } from "../reference/attention.ts";
import { rmsNorm } from "../reference/kernels.ts";
import { runnableChoices } from "./choices.ts";
import { eachCase, expectUntouched, KernelRun } from "./kernel_run.ts";
import { activationsOf, integer, shuffled } from "./random_data.ts";

interface RopeCase {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rotaryDim: number;
  readonly neox: boolean;
  readonly norm: boolean;
  readonly tokens: number;
  readonly layers: number;
  readonly layer: number;
  /** Deviation of q, k and v: a large one goes beyond what 16 bits hold. */
  readonly size: number;
  readonly seed: number;
}

describeOnEveryAdapter("rope_kv", (gpu) => {
  const shapes = [
    { heads: 9, kvHeads: 3, headDim: 64, rotaryDim: 64 },
    { heads: 4, kvHeads: 4, headDim: 80, rotaryDim: 20 },
    { heads: 8, kvHeads: 1, headDim: 128, rotaryDim: 128 },
    { heads: 1, kvHeads: 1, headDim: 8, rotaryDim: 4 },
    { heads: 2, kvHeads: 2, headDim: 96, rotaryDim: 48 },
  ];
  const random = seededRandom(3);
  const cases = shapes.flatMap((shape, at) =>
    [0, 1, 2, 3].map((flags): RopeCase => {
      const layers = integer(random, 1, 3);
      return {
        ...shape,
        neox: flags % 2 === 1,
        norm: flags >= 2,
        tokens: integer(random, 1, 20),
        layers,
        layer: integer(random, 0, layers - 1),
        size: at === 1 ? 40_000 : 1,
        seed: 10 * at + flags,
      };
    }),
  );

  test("rotates q and k, and writes k and v to their slots and nowhere else", async (context) => {
    const run = await KernelRun.open(gpu, context);
    const choices = runnableChoices(run.gpu).slice(0, 2);
    expect(choices.map(({ choice }) => choice.activations)).toEqual(["half", "float"]);
    for (const { name, choice } of choices)
      await eachCase(
        cases.map((one) => ({ name, ...one })),
        (one) => checkRope(run, choice, one),
      );
  });
});

async function checkRope(run: KernelRun, choice: KernelChoice, one: RopeCase): Promise<void> {
  const { heads, kvHeads, headDim, rotaryDim, tokens, layers, layer, neox, norm } = one;
  const random = seededRandom(one.seed);
  const eps = 1e-6;
  const words = layerWords(one);
  const pool: PoolLayout = { kvHeads, headDim, blockWords: layers * words, layerWord: layer * words };
  // Columns of q, k and v with unused ones between them, as the padding of a stacked product leaves them.
  const [qWidth, kvWidth] = [heads * headDim, kvHeads * headDim];
  const offsets = { q: 4, k: 4 + qWidth + 8, v: 4 + qWidth + 8 + kvWidth + 4 };
  const stride = offsets.v + kvWidth + 6;
  const qkv = normals(random, tokens * stride, one.size);
  const gains = { q: normals(random, headDim, 1), k: normals(random, headDim, 1) };
  const angles = Array.from({ length: tokens }, () => normals(random, rotaryDim / 2, 50));
  const turns = Float32Array.from(
    angles.flatMap((each) => [...each].flatMap((a) => [Math.cos(a), Math.sin(a)])),
  );
  const blocks = Math.ceil(tokens / SLOTS) + 3;
  const slots = shuffled(random, blocks * SLOTS).slice(0, tokens);
  const qWords = (tokens * qWidth) / (choice.activations === "half" ? 2 : 1);
  const q = run.output(qWords);
  const buffer = run.output(blocks * pool.blockWords);
  const stage = await ropeStage(run.library, choice, {
    shape: one,
    rotaryDim,
    offsets,
    stride,
    neox,
    eps,
    qkv: run.input(qkv),
    rope: run.input(turns),
    slots: run.input(Uint32Array.from(slots)),
    q,
    pool: { buffer, ...pool },
    gains: norm ? { q: run.input(gains.q), k: run.input(gains.k) } : undefined,
  });
  await run.run([stage], { tokens });
  const [writtenQ, poolWords] = [await run.read(q), await run.read(buffer)];
  run.free();

  const actualQ = activationsOf(writtenQ, choice.activations === "half");
  const halves = activationsOf(poolWords, true);
  const written = new Set<number>();
  for (let token = 0; token < tokens; token++) {
    const source = (column: number, head: number) => {
      const from = token * stride + column + head * headDim;
      return qkv.subarray(from, from + headDim);
    };
    const turned = (column: number, head: number, gain: Float32Array) => {
      const raw = source(column, head);
      return rotate(norm ? rmsNorm(raw, gain, eps) : raw, angles[token] ?? [], neox);
    };
    for (let head = 0; head < heads; head++) {
      const expected = turned(offsets.q, head, gains.q).map((value) => value / Math.sqrt(headDim));
      const at = (token * heads + head) * headDim;
      if (choice.activations === "half") {
        expectClose(
          actualQ.subarray(at, at + headDim),
          bounded(expected),
          tolerances.f16,
          withFloor(expected),
        );
        continue;
      }
      const largest = new Float64Array(headDim).fill(Math.max(...expected.map(Math.abs)));
      expectClose(actualQ.subarray(at, at + headDim), expected, tolerances.f32, largest);
    }
    const slot = slots[token] ?? 0;
    const parts = {
      k: (head: number) => turned(offsets.k, head, gains.k),
      v: (head: number) => source(offsets.v, head),
    };
    for (const part of ["k", "v"] as const) {
      for (let head = 0; head < kvHeads; head++) {
        const expected = bounded(parts[part](head));
        const places = Array.from(expected, (_, dim) =>
          poolHalf(pool, part, Math.floor(slot / SLOTS), slot % SLOTS, head, dim),
        );
        for (const place of places) written.add(place >> 1);
        const actual = places.map((place) => halves[place] ?? 0);
        expectClose(actual, expected, tolerances.f16, withFloor(expected));
      }
    }
  }
  expectUntouched(writtenQ, (word) => word < qWords);
  expectUntouched(poolWords, (word) => written.has(word));
}

/** What 16-bit floats hold of values. */
function bounded(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values, (value) => Math.min(65504, Math.max(-65504, value)));
}

/** A rotation's result can be much smaller than its terms, and is as exact as they are: an eightieth of the largest at least. */
function withFloor(values: Float64Array): Float64Array {
  const floor = Math.max(...values.map(Math.abs)) / 80;
  return values.map((value) => Math.max(Math.abs(value), floor));
}
