import type { WeightLayout } from "../layout.ts";
import type { BlockFormat } from "./block_format.ts";
import { bf16, f16, f32 } from "./float_blocks.ts";
import { q4_k, q5_k, q6_k } from "./k_blocks.ts";
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from "./simple_blocks.ts";

/** The tensor types Baton reads, by their GGML names. */
export type GgmlType =
  | "F32"
  | "F16"
  | "BF16"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K";

export interface GgmlTypeFacts {
  /** The number in a GGUF file's tensor info. */
  readonly id: number;
  /** Values of one block; a row is whole blocks. */
  readonly blockValues: number;
  readonly blockBytes: number;
  /** The canonical layout it becomes. */
  readonly layout: WeightLayout;
  /** Whether every value of a group is `scale * q + minimum` with one 16-bit scale and minimum, so q8m holds it as it is. */
  readonly exactInQ8m: boolean;
  readonly format: BlockFormat;
}

/** Sizes are those of ggml's block structs. Q4_K, Q5_K and Q6_K go by groups, with scales that are rounded to 16 bits. */
export const ggmlTypes: Readonly<Record<GgmlType, GgmlTypeFacts>> = {
  F32: { id: 0, blockValues: 1, blockBytes: 4, layout: "f32", exactInQ8m: false, format: f32 },
  F16: { id: 1, blockValues: 1, blockBytes: 2, layout: "f16", exactInQ8m: false, format: f16 },
  BF16: { id: 30, blockValues: 1, blockBytes: 2, layout: "f16", exactInQ8m: false, format: bf16 },
  Q4_0: { id: 2, blockValues: 32, blockBytes: 18, layout: "q4", exactInQ8m: true, format: q4_0 },
  Q4_1: { id: 3, blockValues: 32, blockBytes: 20, layout: "q4", exactInQ8m: true, format: q4_1 },
  Q5_0: { id: 6, blockValues: 32, blockBytes: 22, layout: "q8", exactInQ8m: true, format: q5_0 },
  Q5_1: { id: 7, blockValues: 32, blockBytes: 24, layout: "q8m", exactInQ8m: true, format: q5_1 },
  Q8_0: { id: 8, blockValues: 32, blockBytes: 34, layout: "q8", exactInQ8m: true, format: q8_0 },
  Q4_K: { id: 12, blockValues: 256, blockBytes: 144, layout: "q4", exactInQ8m: true, format: q4_k },
  Q5_K: { id: 13, blockValues: 256, blockBytes: 176, layout: "q8m", exactInQ8m: true, format: q5_k },
  Q6_K: { id: 14, blockValues: 256, blockBytes: 210, layout: "q8", exactInQ8m: false, format: q6_k },
};

/** Undefined for an id that Baton does not read. */
export function ggmlTypeOf(id: number): GgmlType | undefined {
  for (const [type, facts] of Object.entries(ggmlTypes)) if (facts.id === id) return type as GgmlType;
  return undefined;
}

/** Bytes of a row of `cols` values; `cols` is a multiple of the type's block. */
export function rowBytes(type: GgmlType, cols: number): number {
  const { blockValues, blockBytes } = ggmlTypes[type];
  return (cols / blockValues) * blockBytes;
}

/** Names of types that files have and Baton does not read: for messages. */
export const unreadTypes: Readonly<Record<number, string>> = {
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};
