import { readFileSync } from "node:fs";
import { gunzipSync, strFromU8 } from "fflate";
import { type GgmlType, ggmlTypes } from "../../src/loader/quantisation/ggml_types.ts";
import { encodeBlocks, randomBlocks } from "./ggml_blocks.ts";
import { type GgufField, type GgufTensor, writeGguf } from "./gguf_writer.ts";
import { normals, type Random, seededRandom } from "./random.ts";

export interface TinyModelOptions {
  readonly seed?: number;
  readonly architecture?: "llama" | "qwen2" | "qwen3";
  readonly layers?: number;
  readonly hidden?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  /** Values per head; `hidden / heads` by default. */
  readonly headDim?: number;
  readonly ffn?: number;
  /** Of the layers' matrices; where a row is not whole blocks of it, F16. */
  readonly type?: GgmlType;
  /** Of the embedding and the output matrix, likewise. */
  readonly embeddingType?: GgmlType;
  /** Whether the output matrix is the embedding. */
  readonly tied?: boolean;
  /** Keep the first N tokens of the vocabulary and the merges that lead to them; from 252 on every text can still be encoded. */
  readonly vocabTokens?: number;
  /** Of the embedding and the output matrix; `vocabTokens` by default, more where a file pads its vocabulary. */
  readonly embeddingRows?: number;
  readonly contextTokens?: number;
  readonly version?: 2 | 3;
  /** Added to the metadata, or in place of what stands there. */
  readonly metadata?: Readonly<Record<string, GgufField>>;
}

/**
 * A GGUF file of a small random model with the tokenizer and chat template of SmolLM2: seconds for a test where the
 * real model takes minutes. The same options give the same bytes. Without `vocabTokens` the whole vocabulary (49152).
 */
export function writeTinyModel(options: TinyModelOptions = {}): Uint8Array {
  const shape = resolve(options);
  return writeGguf({
    version: shape.version,
    metadata: { ...hyperparameters(shape), ...tokenizerFields(shape.vocabTokens), ...options.metadata },
    tensors: tensorsOf(shape),
  });
}

type Shape = Required<Omit<TinyModelOptions, "metadata">>;

function resolve(options: TinyModelOptions): Shape {
  const hidden = options.hidden ?? 64;
  const heads = options.heads ?? 4;
  const vocabTokens = options.vocabTokens ?? 49_152;
  return {
    seed: 1,
    architecture: "llama",
    layers: 2,
    hidden,
    heads,
    kvHeads: 2,
    headDim: hidden / heads,
    ffn: 96,
    type: "Q4_1",
    embeddingType: "Q8_0",
    tied: true,
    vocabTokens,
    embeddingRows: vocabTokens,
    contextTokens: 8192,
    version: 3,
    ...options,
  };
}

function hyperparameters(shape: Shape): Record<string, GgufField> {
  const { architecture } = shape;
  return {
    "general.architecture": architecture,
    "general.name": "tiny",
    [`${architecture}.block_count`]: ["u32", shape.layers],
    [`${architecture}.context_length`]: ["u32", shape.contextTokens],
    [`${architecture}.embedding_length`]: ["u32", shape.hidden],
    [`${architecture}.feed_forward_length`]: ["u32", shape.ffn],
    [`${architecture}.attention.head_count`]: ["u32", shape.heads],
    [`${architecture}.attention.head_count_kv`]: ["u32", shape.kvHeads],
    [`${architecture}.attention.key_length`]: ["u32", shape.headDim],
    [`${architecture}.attention.value_length`]: ["u32", shape.headDim],
    [`${architecture}.attention.layer_norm_rms_epsilon`]: ["f32", 1e-5],
    [`${architecture}.rope.freq_base`]: ["f32", 100_000],
    [`${architecture}.rope.dimension_count`]: ["u32", shape.headDim],
    [`${architecture}.vocab_size`]: ["u32", shape.vocabTokens],
  };
}

/** Every tensor draws from its own generator, so that one shape's change leaves the others' values as they are. */
function tensorsOf(shape: Shape): GgufTensor[] {
  const { hidden, ffn, headDim, architecture } = shape;
  const tensors: GgufTensor[] = [];
  const draw = () => seededRandom(shape.seed * 65_537 + tensors.length);
  const matrix = (name: string, rows: number, cols: number, type = shape.type) =>
    tensors.push(randomMatrix(`${name}.weight`, rows, cols, type, draw()));
  const vector = (name: string, length: number, mean: number) =>
    tensors.push(randomVector(name, length, mean, draw()));
  const projection = (name: string, rows: number, cols: number) => {
    matrix(name, rows, cols);
    if (architecture === "qwen2") vector(`${name}.bias`, rows, 0);
  };
  matrix("token_embd", shape.embeddingRows, hidden, shape.embeddingType);
  for (let layer = 0; layer < shape.layers; layer++) {
    const block = `blk.${layer}`;
    vector(`${block}.attn_norm.weight`, hidden, 1);
    projection(`${block}.attn_q`, shape.heads * headDim, hidden);
    projection(`${block}.attn_k`, shape.kvHeads * headDim, hidden);
    projection(`${block}.attn_v`, shape.kvHeads * headDim, hidden);
    if (architecture === "qwen3") {
      vector(`${block}.attn_q_norm.weight`, headDim, 1);
      vector(`${block}.attn_k_norm.weight`, headDim, 1);
    }
    matrix(`${block}.attn_output`, hidden, shape.heads * headDim);
    vector(`${block}.ffn_norm.weight`, hidden, 1);
    matrix(`${block}.ffn_gate`, ffn, hidden);
    matrix(`${block}.ffn_up`, ffn, hidden);
    matrix(`${block}.ffn_down`, hidden, ffn);
  }
  vector("output_norm.weight", hidden, 1);
  if (!shape.tied) matrix("output", shape.embeddingRows, hidden, shape.embeddingType);
  return tensors;
}

/** Deviation 1 / sqrt(cols), doubled so that two layers leave no distribution flat. */
function randomMatrix(
  name: string,
  rows: number,
  cols: number,
  wanted: GgmlType,
  random: Random,
): GgufTensor {
  const type = cols % ggmlTypes[wanted].blockValues === 0 ? wanted : "F16";
  return {
    name,
    type,
    dims: [cols, rows],
    data: randomBlocks(type, rows * cols, random, 2 / Math.sqrt(cols)),
  };
}

function randomVector(name: string, length: number, mean: number, random: Random): GgufTensor {
  const values = normals(random, length, 0.1).map((value) => value + mean);
  return { name, type: "F32", dims: [length], data: encodeBlocks("F32", values) };
}

const TOKENS = "tokenizer.ggml.tokens";
const MERGES = "tokenizer.ggml.merges";
const TYPES = "tokenizer.ggml.token_type";

/** The fields of the real model's header (test/reference/smollm2_tokenizer.py), the vocabulary cut to its first `count` tokens. */
export function tokenizerFields(count = 49_152): Record<string, GgufField> {
  const file = new URL("../reference/smollm2_tokenizer.data.json.gz", import.meta.url);
  const data: Record<string, string | number | boolean> = JSON.parse(
    strFromU8(gunzipSync(readFileSync(file))),
  );
  const tokens = String(data[TOKENS]).split("\n").slice(0, count);
  const kept = new Set(tokens);
  const merges = String(data[MERGES])
    .split("\n")
    .filter((merge) => kept.has(merge.replace(" ", "")));
  const fields: Record<string, GgufField> = {};
  for (const [key, value] of Object.entries(data))
    fields[key] = typeof value === "number" ? ["u32", value] : value;
  fields[TOKENS] = ["string", tokens];
  fields[MERGES] = ["string", merges];
  fields[TYPES] = ["i32", Array.from(String(data[TYPES]).slice(0, count), Number)];
  return fields;
}
