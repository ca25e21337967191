import { createXXHash3 } from "hash-wasm";
import { m as ByteReader, n as GgufFile, q as architectures, t as tensorNames, s as rowBytes, u as ggmlTypes, w as floatToHalf } from "./runtime-BhiITdvg.js";
class HostMemory {
  #timer;
  #peakBytes = 0;
  constructor() {
    this.#look();
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
    this.#timer.unref();
  }
  /** The peaks so far. */
  peaks() {
    this.#look();
    return { residentBytes: process.resourceUsage().maxRSS * 1024, heapAndBufferBytes: this.#peakBytes };
  }
  stop() {
    clearInterval(this.#timer);
  }
  #look() {
    const { heapUsed, external } = process.memoryUsage();
    this.#peakBytes = Math.max(this.#peakBytes, heapUsed + external);
  }
}
const INTERVAL_MS = 10;
const CHUNK_BYTES = 2 ** 20;
async function openRandomModel(name, shape, seed, signal) {
  const tensors = tensorsOf(shape);
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const stream = () => streamOf(chunksOf(tensors, new RandomWords(seed)));
  const reader = await ByteReader.open({ name, bytes, stream }, signal);
  const header = { version: 3, metadata: metadataOf(shape), tensors };
  return new GgufFile(reader, header, await createXXHash3());
}
function metadataOf(shape) {
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
    "rope.freq_base": shape.ropeBase
  };
  const prefixed = Object.entries(entries).map(([key, value]) => [`${architecture}.${key}`, value]);
  return { "general.architecture": architecture, ...Object.fromEntries(prefixed) };
}
function tensorsOf(shape) {
  const { hidden, ffn, headDim, heads, kvHeads, matrixType } = shape;
  const flags = architectures[shape.architecture];
  const tensors = [];
  let offset = 0;
  const add = (name, type, rows, cols) => {
    const bytes = rows * rowBytes(type, cols);
    tensors.push({ name, type, rows, cols, dims: rows === 1 ? [cols] : [cols, rows], bytes, offset });
    offset += bytes;
  };
  const vector = (name, length) => add(name, "F32", 1, length);
  const matrix = (name, rows, cols) => add(name, matrixType, rows, cols);
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
function streamOf(chunks) {
  const pull = (controller) => {
    const { value, done } = chunks.next();
    if (done) controller.close();
    else controller.enqueue(value);
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}
function* chunksOf(tensors, random) {
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
function setScales({ name, type, cols }, view, blockBytes) {
  const scales = Array.from({ length: 16 }, (_, i) => (0.75 + i / 32) / Math.sqrt(cols));
  const words4 = scales.map((s) => floatToHalf(s / 4.61) | floatToHalf(-7.5 * s / 4.61) << 16);
  const halves8 = scales.map((s) => floatToHalf(s / 73.9));
  for (let at = 0; at < view.byteLength; at += blockBytes) {
    const pick = view.getUint8(at) & 15;
    if (type === "Q4_1") view.setUint32(at, words4[pick] ?? 0, true);
    else if (type === "Q8_0") view.setUint16(at, halves8[pick] ?? 0, true);
    else view.setFloat32(at, name.endsWith(".bias") ? 0 : 1, true);
  }
}
class RandomWords {
  #state;
  constructor(seed) {
    this.#state = Math.imul(seed + 1, 2654435761) | 1;
  }
  fill(words) {
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
  integers(count, below) {
    const words = new Uint32Array(count);
    this.fill(words);
    return Array.from(words, (word) => Math.floor(word / 2 ** 32 * below));
  }
}
const types = { matrixType: "Q4_1", embeddingType: "Q8_0", tied: true };
const shapes = {
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
    ropeBase: 1e4
  },
  /** No model either: of the size of the smallest ones that make sentences. */
  "tiny-15m": {
    ...types,
    architecture: "llama",
    layers: 6,
    hidden: 288,
    heads: 6,
    kvHeads: 6,
    headDim: 48,
    ffn: 768,
    vocab: 32e3,
    contextTokens: 4096,
    ropeBase: 1e4
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
    vocab: 49152,
    contextTokens: 8192,
    ropeBase: 1e5
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
    vocab: 49152,
    contextTokens: 8192,
    ropeBase: 1e5
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
    vocab: 151936,
    contextTokens: 32768,
    ropeBase: 1e6
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
    vocab: 151936,
    contextTokens: 40960,
    ropeBase: 1e6
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
    vocab: 128256,
    contextTokens: 131072,
    ropeBase: 5e5
  },
  "llama-3.1-8b": {
    ...types,
    architecture: "llama",
    layers: 32,
    hidden: 4096,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    ffn: 14336,
    vocab: 128256,
    contextTokens: 131072,
    ropeBase: 5e5,
    tied: false
  }
};
export {
  HostMemory as H,
  RandomWords as R,
  openRandomModel as o,
  shapes as s
};
//# sourceMappingURL=shapes-CkBEtsH_.js.map
