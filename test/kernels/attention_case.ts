import { attentionParts, attentionStage, attentionTileTokens } from "../../src/kernels/attention.ts";
import type { KernelChoice } from "../../src/kernels/variants.ts";
import { floatToHalf } from "../../src/loader/half.ts";
import { expectClose, tolerances } from "../harness/expect_close.ts";
import { normals, type Random, seededRandom } from "../harness/random.ts";
import { attend, layerWords, type PoolLayout, poolHalf, SLOTS } from "../reference/attention.ts";
import { half } from "../reference/dequantise.ts";
import { expectUntouched, type KernelRun, POISON } from "./kernel_run.ts";
import { activationsOf, shuffled } from "./random_data.ts";

export interface AttentionCase {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** New tokens of each sequence, and how many its cache holds before them. */
  readonly sequences: readonly { readonly tokens: number; readonly position: number }[];
  /** Deviation of the scores. */
  readonly scores: number;
  /** Layers in the pool's buffer, and which one this is. */
  readonly layers: number;
  readonly layer: number;
  /** Sliding window and cap of the scores; none when absent. */
  readonly window?: number;
  readonly softCap?: number;
  readonly seed: number;
}

interface Sequence {
  readonly blocks: readonly number[];
  readonly firstToken: number;
  readonly table: number;
  readonly tokens: number;
  readonly position: number;
  /** [kvHead][position]: a row of headDim values. */
  readonly keys: readonly (readonly Float32Array[])[];
  readonly values: readonly (readonly Float32Array[])[];
}

/**
 * One step of several sequences, whose blocks lie in random order in a pool that is NaN everywhere else: in other blocks, other
 * layers, and in the slots behind a sequence's last token.
 */
export async function checkAttention(
  run: KernelRun,
  choice: KernelChoice,
  one: AttentionCase,
): Promise<void> {
  const { heads, kvHeads, headDim, layers, layer, scores, window = 0, softCap = 0 } = one;
  const random = seededRandom(one.seed);
  const words = layerWords(one);
  const pool: PoolLayout = { kvHeads, headDim, blockWords: layers * words, layerWord: layer * words };
  const { sequences, blockCount, tables } = layOut(one, random);
  const tokens = one.sequences.reduce((sum, each) => sum + each.tokens, 0);
  // K has deviation 1, so a score is a sum of headDim products of q's deviation.
  const { words: queries, numbers: q } = randomQueries(
    random,
    tokens * heads * headDim,
    scores / Math.sqrt(headDim),
    choice.activations === "half",
  );
  const tiles = tilesOf(sequences, choice.decodeAttention !== undefined, attentionTileTokens(choice, one));
  const longest = Math.max(...one.sequences.map(({ tokens, position }) => tokens + position));
  const parts = attentionParts(choice, longest);
  const singleParts = parts
    ? Math.max(1, ...tiles.single.map(([, , position = 0]) => Math.ceil((position + 1) / parts.keys)))
    : 1;
  const outStride = Math.ceil((heads * headDim) / 32) * 32;
  const outWords = (tokens * outStride) / (choice.activations === "half" ? 2 : 1);
  const out = run.output(outWords);
  const stage = await attentionStage(run.library, choice, {
    shape: one,
    limits: { window, softCap },
    parts: parts && {
      ...parts,
      results: run.output(tiles.single.length * heads * parts.max * headDim),
      stats: run.output(tiles.single.length * heads * parts.max * 2),
    },
    pool: { buffer: run.input(poolWords(sequences, pool, blockCount)), ...pool },
    q: run.input(queries),
    out,
    outStride,
    blockTables: run.input(tables),
    singleTiles: run.input(Uint32Array.from(tiles.single.flat())),
    tiles: run.input(Uint32Array.from(tiles.several.flat())),
  });
  await run.run([stage], {
    tokens,
    singleTiles: tiles.single.length,
    tiles: tiles.several.length,
    singleParts,
  });
  const written = await run.read(out);
  run.free();

  const actual = activationsOf(written, choice.activations === "half");
  const tolerance =
    scores > 20
      ? tolerances.attentionLarge
      : choice.activations === "half"
        ? tolerances.f16Attention
        : tolerances.attention;
  for (const sequence of sequences) {
    for (let token = 0; token < sequence.tokens; token++) {
      for (let head = 0; head < heads; head++) {
        const row = sequence.firstToken + token;
        const query = q.subarray((row * heads + head) * headDim, (row * heads + head + 1) * headDim);
        const kvHead = Math.floor(head / (heads / kvHeads));
        const seen = sequence.position + token + 1;
        const [keys, values] = [sequence.keys[kvHead] ?? [], sequence.values[kvHead] ?? []];
        const from = window === 0 ? 0 : Math.max(0, seen - window);
        const expected = attend(query, keys.slice(from, seen), values.slice(from, seen), softCap);
        const at = row * outStride + head * headDim;
        expectClose(actual.subarray(at, at + headDim), expected, tolerance);
      }
    }
  }
  const perWord = choice.activations === "half" ? 2 : 1;
  expectUntouched(written, (word) => word < outWords && (word * perWord) % outStride < heads * headDim);
}

/** Gives each sequence blocks from anywhere in a pool that has more of them, and keys and values for every position. */
function layOut({ sequences, kvHeads, headDim }: AttentionCase, random: Random) {
  const needed = sequences.map(({ tokens, position }) => Math.ceil((tokens + position) / SLOTS));
  const blockCount = needed.reduce((sum, blocks) => sum + blocks, 0) + 3;
  const free = shuffled(random, blockCount);
  // A table the kernel has no business in stands first, so that tables begin anywhere.
  const tables = [POISON, POISON, POISON];
  let firstToken = 0;
  const laidOut = sequences.map(({ tokens, position }, index): Sequence => {
    const blocks = free.splice(0, needed[index]);
    const table = tables.length;
    tables.push(...blocks);
    const rows = () =>
      Array.from({ length: kvHeads }, () =>
        Array.from({ length: tokens + position }, () =>
          normals(random, headDim, 1).map((value) => half(floatToHalf(value))),
        ),
      );
    const sequence = { blocks, firstToken, table, tokens, position, keys: rows(), values: rows() };
    firstToken += tokens;
    return sequence;
  });
  return { sequences: laidOut, blockCount, tables: Uint32Array.from(tables) };
}

function poolWords(sequences: readonly Sequence[], pool: PoolLayout, blockCount: number): Uint32Array {
  const words = new Uint32Array(blockCount * pool.blockWords).fill(POISON);
  const halves = new Uint16Array(words.buffer);
  for (const { blocks, keys, values } of sequences) {
    for (const [part, heads] of [["k", keys] as const, ["v", values] as const]) {
      for (const [head, rows] of heads.entries()) {
        for (const [position, row] of rows.entries()) {
          const block = blocks[Math.floor(position / SLOTS)] ?? 0;
          for (const [dim, value] of row.entries())
            halves[poolHalf(pool, part, block, position % SLOTS, head, dim)] = floatToHalf(value);
        }
      }
    }
  }
  return words;
}

/** (first token, tokens, first position, table) of each tile: single ones apart where they have a variant of their own. */
function tilesOf(sequences: readonly Sequence[], singlesApart: boolean, tileTokens: number) {
  const single: number[][] = [];
  const several: number[][] = [];
  for (const { firstToken, tokens, position, table } of sequences) {
    if (tokens === 1 && singlesApart) {
      single.push([firstToken, 1, position, table]);
      continue;
    }
    for (let done = 0; done < tokens; done += tileTokens)
      several.push([firstToken + done, Math.min(tileTokens, tokens - done), position + done, table]);
  }
  return { single, several };
}

/** As the kernel reads them, and the same numbers. */
function randomQueries(random: Random, count: number, deviation: number, halves: boolean) {
  const numbers = normals(random, count, deviation);
  if (!halves) return { words: numbers, numbers };
  const bits = Uint16Array.from(numbers, floatToHalf);
  return { words: new Uint32Array(bits.buffer), numbers: Float32Array.from(bits, half) };
}
