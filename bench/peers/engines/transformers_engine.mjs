import { AutoModelForCausalLM, env, Tensor } from "@huggingface/transformers";
import { timed } from "./serve.mjs";

/**
 * transformers.js on ONNX Runtime's WebGPU, in Node and in a page.
 * @param {(job: import("../protocol.ts").PeerJob) => { folder: string, name: string }} placeOf where it finds the model: a folder, or an
 *   address, and the model's own folder there
 * @returns {import("../protocol.ts").PeerEngine}
 */
export function transformersEngine(placeOf) {
  /** @type {import("@huggingface/transformers").CausalLM} */
  let model;
  /** @type {readonly number[]} */
  let prompt = [];
  return {
    load: async (job) => {
      prompt = job.ids;
      const { folder, name } = placeOf(job);
      env.allowRemoteModels = false;
      env.allowLocalModels = true;
      env.localModelPath = folder;
      env.useBrowserCache = false;
      env.useWasmCache = false;
      model = await AutoModelForCausalLM.from_pretrained(name, { device: "webgpu", dtype: "q4" });
      const versions = Object.entries(env.backends.onnx.versions ?? {}).map(
        ([one, version]) => `${one} ${version}`,
      );
      return { version: [`transformers.js ${env.version}`, ...versions].join(", onnxruntime-") };
    },
    run: (tokens) => timed(generate(model, prompt, tokens), tokens),
  };
}

/**
 * What the model streams, as it comes.
 * @param {import("@huggingface/transformers").CausalLM} model
 * @param {readonly number[]} prompt
 * @param {number} count
 * @returns {AsyncGenerator<number, void, void>}
 */
async function* generate(model, prompt, count) {
  /** @type {number[]} */
  const arrived = [];
  let wake = () => {};
  const done = model.generate({
    input_ids: integers([...prompt]),
    attention_mask: integers(prompt.map(() => 1)),
    max_new_tokens: count,
    min_new_tokens: count,
    do_sample: false,
    streamer: {
      put: ([ids = []]) => {
        // The prompt comes first, whole.
        if (ids.length === 1) arrived.push(Number(ids[0]));
        wake();
      },
      end: () => {},
    },
  });
  for (let given = 0; given < count; given++) {
    while (arrived.length === given) {
      const next = new Promise((resolve) => {
        wake = () => resolve(undefined);
      });
      await Promise.race([done, next]);
    }
    yield arrived[given] ?? -1;
  }
  await done;
}

/** @param {number[]} values */
function integers(values) {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
}
