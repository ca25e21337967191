import { seededRandom } from "../harness/random.ts";
import type { AttentionCase } from "./attention_case.ts";
import { integer } from "./random_data.ts";

/** (heads, KV heads): one query head per KV head, three, eight and sixteen. */
export const headCounts = [
  [2, 2],
  [6, 2],
  [8, 1],
  [16, 1],
  [9, 3],
] as const;
export const headDims = [16, 32, 64, 80, 96, 128, 8, 40] as const;

/** Positions around the edges of blocks, and tiles of one token, of several, and a last one that is not full. */
export function attentionCases(
  heads: number,
  kvHeads: number,
  headDim: number,
  seed: number,
): AttentionCase[] {
  const random = seededRandom(seed);
  const common = { heads, kvHeads, headDim };
  const pool = () => {
    const layers = integer(random, 1, 3);
    return { layers, layer: integer(random, 0, layers - 1), seed: integer(random, 0, 1e9) };
  };
  const decodes = [0, 15, 16, 17, 131].map((position) => ({ tokens: 1, position }));
  const mixed = [
    { tokens: 5, position: 0 },
    { tokens: 1, position: 100 },
    { tokens: 3, position: 14 },
    { tokens: integer(random, 1, 11), position: integer(random, 0, 70) },
  ];
  // Contexts of several parts, and of one.
  const long = [330, 600, 70, 255, 256].map((position) => ({ tokens: 1, position }));
  return [
    { ...common, sequences: decodes, scores: 2, ...pool() },
    { ...common, sequences: long, scores: 2, ...pool() },
    { ...common, sequences: mixed, scores: 2, ...pool() },
    { ...common, sequences: [{ tokens: 19, position: 30 }], scores: 300, ...pool() },
  ];
}

/** What a sliding window and a cap leave of contexts, whole and in parts, of tiles of one token and of several. */
export function limitedCases(seed: number): AttentionCase[] {
  const common = {
    heads: 6,
    kvHeads: 2,
    headDim: 64,
    scores: 4,
    layers: 1,
    layer: 0,
    window: 100,
    softCap: 3,
  };
  const sequences = [
    { tokens: 1, position: 330 },
    { tokens: 1, position: 98 },
    { tokens: 5, position: 97 },
    { tokens: 3, position: 340 },
  ];
  return [{ ...common, sequences, seed }];
}
