import { describe, expect, test } from "vitest";
import { ModelError } from "../../src/errors.ts";
import { readModelConfig } from "../../src/model/config.ts";

const good = {
  "general.architecture": "llama",
  "llama.block_count": 30,
  "llama.context_length": 8192,
  "llama.embedding_length": 576,
  "llama.feed_forward_length": 1536,
  "llama.attention.head_count": 9,
  "llama.attention.head_count_kv": 3,
  "llama.attention.layer_norm_rms_epsilon": 1e-5,
};

const read = (changes: Record<string, unknown>) => readModelConfig({ ...good, ...changes }, 49_152);

function codeOf(changes: Record<string, unknown>): string {
  try {
    read(changes);
  } catch (error) {
    if (error instanceof ModelError) return error.code;
    throw error;
  }
  return "accepted";
}

describe("a model's config", () => {
  test("is what the metadata says, with the defaults of what it leaves out", () => {
    expect(read({})).toMatchObject({
      layers: 30,
      hidden: 576,
      heads: 9,
      kvHeads: 3,
      headDim: 64,
      ffn: 1536,
      vocab: 49_152,
      contextTokens: 8192,
      normEps: 1e-5,
      rope: { base: 10_000, dims: 64, linearFactor: 1 },
    });
    const { "llama.attention.head_count_kv": _, ...withoutKv } = good;
    expect(readModelConfig(withoutKv, 10).kvHeads).toBe(9);
  });

  test("reads heads of their own size, partial rotation and scaling", () => {
    const config = read({
      "llama.attention.key_length": 128,
      "llama.rope.dimension_count": 32,
      "llama.rope.freq_base": 500_000,
      "llama.rope.scaling.type": "linear",
      "llama.rope.scaling.factor": 2,
    });
    expect(config).toMatchObject({ headDim: 128, rope: { base: 500_000, dims: 32, linearFactor: 2 } });
  });

  const required = Object.keys(good).filter((key) => /^llama/.test(key) && !key.endsWith("_kv"));
  test.each(required)("without %s is refused", (key) => {
    expect(codeOf({ [key]: undefined })).toBe("gguf-invalid");
  });

  const numbers = [
    ...required,
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
    "llama.rope.freq_base",
  ];
  test.each(numbers)("refuses every value of %s that is no positive number", (key) => {
    for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "9", [9], 9n, true, {}])
      expect(`${String(value)}: ${codeOf({ [key]: value })}`).toBe(`${String(value)}: gguf-invalid`);
  });

  test.each<[string, Record<string, unknown>]>([
    ["a fraction of a layer", { "llama.block_count": 2.5 }],
    ["more layers than any model has", { "llama.block_count": 1025 }],
    ["an absurd width", { "llama.embedding_length": 2 ** 20 + 4 }],
    ["an absurd feed-forward layer", { "llama.feed_forward_length": 2 ** 31 }],
    ["heads that do not divide the width", { "llama.attention.head_count": 7 }],
    ["KV heads that do not divide the heads", { "llama.attention.head_count_kv": 2 }],
    ["more KV heads than heads", { "llama.attention.head_count_kv": 18 }],
    ["heads of a size that is no multiple of 8", { "llama.attention.key_length": 60 }],
    ["a width that is no multiple of 4", { "llama.embedding_length": 574, "llama.attention.key_length": 64 }],
    ["more rotated dimensions than a head has", { "llama.rope.dimension_count": 128 }],
    ["rotated dimensions that are no multiple of 4", { "llama.rope.dimension_count": 30 }],
  ])("refuses %s", (_, changes) => {
    expect(codeOf(changes)).toBe("gguf-invalid");
  });

  test.each<[string, Record<string, unknown>]>([
    ["an unknown architecture", { "general.architecture": "gpt2" }],
    ["the name of something every object has", { "general.architecture": "constructor" }],
    ["no architecture", { "general.architecture": undefined }],
    ["an architecture that is no text", { "general.architecture": 3 }],
    ["an unknown scaling of RoPE", { "llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 4 }],
    ["linear scaling without a factor", { "llama.rope.scaling.type": "linear" }],
    ["linear scaling by nothing", { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 0 }],
    [
      "linear scaling by infinity",
      { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": Number.POSITIVE_INFINITY },
    ],
  ])("refuses %s as an architecture it does not know", (_, changes) => {
    expect(codeOf(changes)).toBe("unknown-architecture");
  });
});
