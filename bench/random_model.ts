import { createXXHash3 } from "hash-wasm";
import { ByteReader } from "../src/loader/byte_reader.ts";
import { GgufFile, type GgufMetadata, type TensorInfo } from "../src/loader/gguf.ts";
import { floatToHalf } from "../src/loader/half.ts";
import { ggmlTypes, rowBytes } from "../src/loader/quantisation/ggml_types.ts";
import { tensorNames } from "../src/model/architectures/architecture.ts";
import { architectures } from "../src/model/architectures/table.ts";
import type { ModelShape } from "../src/model/shapes.ts";

/** A model of a named shape with random weights, made while it is read: it goes the loader's way and is never whole in memory. */

const CHUNK_BYTES = 2 ** 20;

/** The same `seed` gives the same bytes on every machine. */
export async function openRandomModel(
  name: string,
  shape: ModelShape,
  seed: number,
  signal: AbortSignal,
): Promise<GgufFile> {
  const tensors = tensorsOf(shape);
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const stream = () => streamOf(chunksOf(tensors, new RandomWords(seed)));
  const reader = await ByteReader.open({ name, bytes, stream }, signal);
  const header = { version: 3, metadata: metadataOf(shape), tensors } as const;
  return new GgufFile(reader, header, await createXXHash3());
}

function metadataOf(shape: ModelShape): GgufMetadata {
  const { architecture } = shape;
  const entries = {
    block_count: shape.layers,
    context_length: shape.contextTokens,
    embedding_length: shape.hidden,
    feed_forward_length: shape.ffn,
    "attention.head_count": shape.heads,
    "attention.head_count_kv": shape.kvHeads,
    "attention.key_length": shape.headDim,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "rope.freq_base": shape.ropeBase,
  };
  const prefixed = Object.entries(entries).map(([key, value]) => [`${architecture}.${key}`, value] as const);
  return { "general.architecture": architecture, ...Object.fromEntries(prefixed) };
}

function tensorsOf(shape: ModelShape): TensorInfo[] {
  const { hidden, ffn, headDim, heads, kvHeads, matrixType } = shape;
  const flags = architectures[shape.architecture];
  const tensors: TensorInfo[] = [];
  let offset = 0;
  const add = (name: string, type: TensorInfo["type"], rows: number, cols: number) => {
    const bytes = rows * rowBytes(type, cols);
    tensors.push({ name, type, rows, cols, dims: rows === 1 ? [cols] : [cols, rows], bytes, offset });
    offset += bytes;
  };
  const vector = (name: string, length: number) => add(name, "F32", 1, length);
  const matrix = (name: string, rows: number, cols: number) => add(name, matrixType, rows, cols);
  add(tensorNames.embedding, shape.embeddingType, shape.vocab, hidden);
  for (let index = 0; index < shape.layers; index++) {
    const names = tensorNames.layer(index);
    vector(names.attentionNorm, hidden);
    matrix(names.q, heads * headDim, hidden);
    matrix(names.k, kvHeads * headDim, hidden);
    matrix(names.v, kvHeads * headDim, hidden);
    if (flags?.qkvBias) {
      vector(names.qBias, heads * headDim);
      vector(names.kBias, kvHeads * headDim);
      vector(names.vBias, kvHeads * headDim);
    }
    if (flags?.qkNorm) {
      vector(names.qNorm, headDim);
      vector(names.kNorm, headDim);
    }
    matrix(names.attentionOutput, hidden, heads * headDim);
    vector(names.ffnNorm, hidden);
    matrix(names.gate, ffn, hidden);
    matrix(names.up, ffn, hidden);
    matrix(names.down, hidden, ffn);
  }
  vector(tensorNames.outputNorm, hidden);
  if (!shape.tied) add(tensorNames.output, shape.embeddingType, shape.vocab, hidden);
  return tensors;
}

function streamOf(chunks: Iterator<Uint8Array>): ReadableStream<Uint8Array> {
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const { value, done } = chunks.next();
    if (done) controller.close();
    else controller.enqueue(value);
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

function* chunksOf(tensors: readonly TensorInfo[], random: RandomWords): Generator<Uint8Array, void> {
  for (const tensor of tensors) {
    const { blockBytes } = ggmlTypes[tensor.type];
    const most = Math.floor(CHUNK_BYTES / blockBytes) * blockBytes;
    for (let done = 0; done < tensor.bytes; done += most) {
      const words = new Uint32Array(Math.ceil(Math.min(most, tensor.bytes - done) / 4));
      random.fill(words);
      const chunk = new Uint8Array(words.buffer, 0, Math.min(most, tensor.bytes - done));
      setScales(tensor, new DataView(words.buffer, 0, chunk.byteLength), blockBytes);
      yield chunk;
    }
  }
}

/**
 * Makes weights of random bits: each block gets a scale with which its values have mean 0 and about the deviation
 * 1 / sqrt(cols), so that activations stay in range. Gains become 1 and biases 0.
 */
function setScales({ name, type, cols }: TensorInfo, view: DataView, blockBytes: number): void {
  const scales = Array.from({ length: 16 }, (_, i) => (0.75 + i / 32) / Math.sqrt(cols));
  // Deviations of whole numbers drawn evenly from 0 to 15 and from -128 to 127.
  const words4 = scales.map((s) => floatToHalf(s / 4.61) | (floatToHalf((-7.5 * s) / 4.61) << 16));
  const halves8 = scales.map((s) => floatToHalf(s / 73.9));
  for (let at = 0; at < view.byteLength; at += blockBytes) {
    const pick = view.getUint8(at) & 15;
    if (type === "Q4_1") view.setUint32(at, words4[pick] ?? 0, true);
    else if (type === "Q8_0") view.setUint16(at, halves8[pick] ?? 0, true);
    else view.setFloat32(at, name.endsWith(".bias") ? 0 : 1, true);
  }
}

/** Marsaglia's xorshift32 ("Xorshift RNGs", 2003): hundreds of megabytes a second. */
export class RandomWords {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds far apart, and never 0, from which it would not move.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  }

  fill(words: Uint32Array): void {
    let state = this.#state;
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    this.#state = state;
  }

  /** Whole numbers in [0, below). */
  integers(count: number, below: number): number[] {
    const words = new Uint32Array(count);
    this.fill(words);
    return Array.from(words, (word) => Math.floor((word / 2 ** 32) * below));
  }
}
