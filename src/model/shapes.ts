import type { GgmlType } from "../loader/gguf.ts";

/** The shape of a model whose weights do not matter, only their number and type. */
export interface ModelShape {
  /** A name of src/model/architectures. */
  readonly architecture: "llama" | "qwen2" | "qwen3";
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of the feed-forward layer. */
  readonly ffn: number;
  readonly vocab: number;
  readonly contextTokens: number;
  readonly ropeBase: number;
  readonly matrixType: Extract<GgmlType, "Q4_1" | "Q8_0">;
  /** Of the embedding, and of the output matrix. */
  readonly embeddingType: Extract<GgmlType, "Q4_1" | "Q8_0">;
  /** The embedding is the output matrix too. */
  readonly tied: boolean;
}

/** The types of the default model's file; other 4-bit and 8-bit types become the same layouts on the GPU. */
const types = { matrixType: "Q4_1", embeddingType: "Q8_0", tied: true } as const;

/** Named shapes, by the models' published configurations. Another one is another entry. */
export const shapes: Readonly<Record<string, ModelShape>> = {
  /** No model: small enough for a test. */
  tiny: {
    ...types,
    architecture: "llama",
    layers: 2,
    hidden: 64,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    ffn: 96,
    vocab: 512,
    contextTokens: 8192,
    ropeBase: 10_000,
  },
  /** No model either: of the size of the smallest ones that make sentences, with heads that share keys and values as today's do. */
  "tiny-15m": {
    ...types,
    architecture: "llama",
    layers: 6,
    hidden: 288,
    heads: 6,
    kvHeads: 2,
    headDim: 48,
    ffn: 768,
    vocab: 32_000,
    contextTokens: 4096,
    ropeBase: 10_000,
  },
  "smollm2-135m": {
    ...types,
    architecture: "llama",
    layers: 30,
    hidden: 576,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    ffn: 1536,
    vocab: 49_152,
    contextTokens: 8192,
    ropeBase: 100_000,
  },
  "smollm2-360m": {
    ...types,
    architecture: "llama",
    layers: 32,
    hidden: 960,
    heads: 15,
    kvHeads: 5,
    headDim: 64,
    ffn: 2560,
    vocab: 49_152,
    contextTokens: 8192,
    ropeBase: 100_000,
  },
  "qwen2.5-0.5b": {
    ...types,
    architecture: "qwen2",
    layers: 24,
    hidden: 896,
    heads: 14,
    kvHeads: 2,
    headDim: 64,
    ffn: 4864,
    vocab: 151_936,
    contextTokens: 32_768,
    ropeBase: 1_000_000,
  },
  "qwen3-0.6b": {
    ...types,
    architecture: "qwen3",
    layers: 28,
    hidden: 1024,
    heads: 16,
    kvHeads: 8,
    headDim: 128,
    ffn: 3072,
    vocab: 151_936,
    contextTokens: 40_960,
    ropeBase: 1_000_000,
  },
  "llama-3.2-1b": {
    ...types,
    architecture: "llama",
    layers: 16,
    hidden: 2048,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    ffn: 8192,
    vocab: 128_256,
    contextTokens: 131_072,
    ropeBase: 500_000,
  },
  "llama-3.1-8b": {
    ...types,
    architecture: "llama",
    layers: 32,
    hidden: 4096,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    ffn: 14_336,
    vocab: 128_256,
    contextTokens: 131_072,
    ropeBase: 500_000,
    tied: false,
  },
};
