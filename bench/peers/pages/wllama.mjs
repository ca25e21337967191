import { LoggerWithoutDebug, Wllama } from "wllama";
import { timed } from "../engines/serve.mjs";

/** wllama: llama.cpp in WebAssembly, with its WebGPU backend. */

const CONTEXT_TOKENS = 512;

const wllama = new Wllama(
  { default: "/packages/@wllama/wllama/esm/wasm/wllama.wasm" },
  { logger: LoggerWithoutDebug },
);
/** @type {readonly number[]} */
let prompt = [];

/** @type {import("../protocol.ts").PeerEngine} */
export const engine = {
  load: async ({ ids, threads }) => {
    prompt = ids;
    const adapter = await navigator.gpu.requestAdapter();
    // It says nothing itself, and runs on the CPU.
    if (!adapter?.features.has("shader-f16"))
      throw new Error("its WebGPU backend takes no adapter without shader-f16, and this one has none");
    const file = await (await fetch("/model.gguf")).blob();
    const sizes = { n_ctx: CONTEXT_TOKENS, n_batch: CONTEXT_TOKENS, n_parallel: 1 };
    await wllama.loadModel([file], { ...sizes, n_threads: threads });
    const { version } = await (await fetch("/packages/@wllama/wllama/package.json")).json();
    return { version: `wllama ${version}, llama.cpp ${Wllama.getLibllamaVersion()}` };
  },
  run: (tokens) => timed(generate(tokens), tokens),
};

/** @param {number} count */
async function* generate(count) {
  const chunks = await wllama.createCompletion({
    prompt: [...prompt],
    max_tokens: count,
    temperature: 0,
    cache_prompt: false,
    // They come with the tokens' ids.
    logprobs: 1,
    stream: true,
  });
  for await (const { choices } of chunks) {
    for (const { id } of choices[0]?.logprobs?.content ?? []) yield id;
  }
}
