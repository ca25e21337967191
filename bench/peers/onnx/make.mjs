import { closeSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GGMLQuantizationType, gguf } from "@huggingface/gguf";
import onnxProto from "onnx-proto";
import { buildModel } from "./graph.mjs";
import { headHalves, repackQ4, repackQ8 } from "./repack.mjs";

/**
 * Writes a GGUF file's weights as ONNX: `node make.mjs model.gguf folder`. The folder gets `config.json` and `onnx/model_q4.onnx`,
 * where transformers.js looks for them, and appears whole or not at all.
 */

const { F32, Q4_1, Q8_0 } = GGMLQuantizationType;
/** Values and bytes of a block. */
const SIZES = new Map([
  [F32, [1, 4]],
  [Q4_1, [32, 20]],
  [Q8_0, [32, 34]],
]);

const [, , source = "", folder = ""] = process.argv;
const { tensorInfos, tensorDataOffset, ...header } = await gguf(source, { allowLocalFile: true });
const metadata = new Map(Object.entries(header.metadata));
const file = openSync(source, "r");

const architecture = String(metadata.get("general.architecture"));
if (architecture !== "llama")
  throw new Error(`the ONNX graph is written for llama models, not for ${architecture}`);
const known =
  /^(token_embd|output_norm|blk\.\d+\.(attn_(norm|q|k|v|output)|ffn_(norm|gate|up|down)))\.weight$/;
const unknown = tensorInfos.find(({ name }) => !known.test(name));
if (unknown) throw new Error(`the ONNX graph has no place for ${unknown.name}`);

const number = (/** @type {string} */ key) => Number(metadata.get(`llama.${key}`));
const heads = number("attention.head_count");
const hidden = number("embedding_length");
const headDim = hidden / heads;
const shape = {
  layers: number("block_count"),
  hidden,
  heads,
  kvHeads: number("attention.head_count_kv"),
  headDim,
  vocab: Number(tensor("token_embd.weight").shape[1]),
  epsilon: number("attention.layer_norm_rms_epsilon"),
  ropeBase: number("rope.freq_base"),
};

const model = buildModel({ ...shape, gain, matrix });
const aside = `${folder}.${process.pid}`;
mkdirSync(join(aside, "onnx"), { recursive: true });
writeFileSync(join(aside, "onnx", "model_q4.onnx"), onnxProto.onnx.ModelProto.encode(model).finish());
writeFileSync(join(aside, "config.json"), JSON.stringify(transformersConfig()));
closeSync(file);
mkdirSync(dirname(folder), { recursive: true });
renameSync(aside, folder);

/** @param {string} name */
function tensor(name) {
  const info = tensorInfos.find((one) => one.name === name);
  if (!info) throw new Error(`the file has no ${name}`);
  return info;
}

/** @param {string} name */
function read(name) {
  const { shape, dtype, offset } = tensor(name);
  const [values = 0, bytes = 0] = SIZES.get(dtype) ?? [];
  if (values === 0)
    throw new Error(`${name} is ${GGMLQuantizationType[dtype]}, which is not written as ONNX`);
  const [cols = 0, rows = 1] = shape.map(Number);
  const content = Buffer.alloc(((cols * rows) / values) * bytes);
  readSync(file, content, 0, content.length, Number(tensorDataOffset + offset));
  return { content, rows, cols, dtype };
}

/** @param {string} name */
function gain(name) {
  const { content, cols } = read(name);
  return new Float32Array(content.buffer, content.byteOffset, cols);
}

/** @param {string} name */
function matrix(name) {
  const { content, rows, cols, dtype } = read(name);
  if (dtype === Q8_0) return repackQ8(content, rows, cols);
  if (dtype !== Q4_1) throw new Error(`${name} is no quantised matrix`);
  return /attn_[qk]/.test(name)
    ? repackQ4(content, rows, cols, headHalves(headDim))
    : repackQ4(content, rows, cols);
}

/** What transformers.js asks of a model before it runs one. */
function transformersConfig() {
  return {
    model_type: "llama",
    architectures: ["LlamaForCausalLM"],
    hidden_size: shape.hidden,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.headDim,
    vocab_size: shape.vocab,
    bos_token_id: Number(metadata.get("tokenizer.ggml.bos_token_id")),
    eos_token_id: Number(metadata.get("tokenizer.ggml.eos_token_id")),
  };
}
