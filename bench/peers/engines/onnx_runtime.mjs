import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { serve, timed } from "./serve.mjs";

/** ONNX Runtime's WebGPU in Node. Keys and values stay on the GPU; the logits of the last position come back. */

/** @type {InferenceSession} */
let session;
/** @type {readonly number[]} */
let prompt = [];
/** Names, without `past_key_values.` or `present.`, of the tensors that hold keys and values, and their shape before any token. */
const cache = { names: [""], dims: [0] };

serve({
  load: async ({ onnx = "", ids, threads }) => {
    prompt = ids;
    const { num_hidden_layers, num_key_value_heads, head_dim } = JSON.parse(
      readFileSync(join(onnx, "config.json"), "utf8"),
    );
    const layers = Array.from({ length: num_hidden_layers }, (_, layer) => layer);
    cache.names = layers.flatMap((layer) => [`${layer}.key`, `${layer}.value`]);
    cache.dims = [1, num_key_value_heads, 0, head_dim];
    session = await InferenceSession.create(join(onnx, "onnx", "model_q4.onnx"), {
      executionProviders: ["webgpu"],
      intraOpNumThreads: threads,
      // Warnings that some small nodes run on the CPU.
      logSeverityLevel: 3,
      preferredOutputLocation: Object.fromEntries(
        cache.names.map((name) => [`present.${name}`, "gpu-buffer"]),
      ),
    });
    return { version: version() };
  },
  run: (tokens) => timed(generate(), tokens),
});

/** Greedy tokens without end. @returns {AsyncGenerator<number, void, void>} */
async function* generate() {
  /** @type {Record<string, Tensor>} */
  let past = Object.fromEntries(
    cache.names.map((name) => [
      `past_key_values.${name}`,
      new Tensor("float32", new Float32Array(0), cache.dims),
    ]),
  );
  let ids = prompt;
  try {
    for (let total = ids.length; ; total++) {
      const outputs = await session.run({
        input_ids: integers(ids),
        attention_mask: integers(new Array(total).fill(1)),
        ...past,
      });
      free(past);
      past = Object.fromEntries(
        cache.names.map((name) => [`past_key_values.${name}`, output(outputs, `present.${name}`)]),
      );
      const token = likeliest(/** @type {Float32Array} */ (output(outputs, "logits").data));
      yield token;
      ids = [token];
    }
  } finally {
    free(past);
  }
}

/** @param {readonly number[]} values */
function integers(values) {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
}

/**
 * @param {Record<string, Tensor>} outputs
 * @param {string} name
 */
function output(outputs, name) {
  const tensor = outputs[name];
  if (!tensor) throw new Error(`the model gave no ${name}`);
  return tensor;
}

/** @param {Record<string, Tensor>} tensors */
function free(tensors) {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

/** @param {Float32Array} logits */
function likeliest(logits) {
  return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
}

function version() {
  const file = new URL("../node_modules/onnxruntime-node/package.json", import.meta.url);
  return `onnxruntime-node ${JSON.parse(readFileSync(file, "utf8")).version}`;
}
