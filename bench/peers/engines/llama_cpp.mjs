import { readFileSync } from "node:fs";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { serve, timed } from "./serve.mjs";

/** llama.cpp by node-llama-cpp's prebuilt binaries: `llama_cpp.mjs vulkan`, or `cpu`. */

const CONTEXT_TOKENS = 512;

const [, , backend] = process.argv;
/** @type {import("node-llama-cpp").LlamaContextSequence} */
let sequence;
/** @type {readonly number[]} */
let prompt = [];

serve({
  load: async ({ model: modelPath, ids, threads }) => {
    prompt = ids;
    const gpu = backend === "vulkan" ? "vulkan" : false;
    const quiet = { logLevel: LlamaLogLevel.error, progressLogs: false };
    const llama = await getLlama({ gpu, build: "never", maxThreads: threads, ...quiet });
    if (llama.gpu !== gpu) throw new Error(`llama.cpp runs on ${llama.gpu || "the CPU"}`);
    const model = await llama.loadModel({ modelPath, gpuLayers: gpu ? "max" : 0 });
    const context = await model.createContext({
      contextSize: CONTEXT_TOKENS,
      batchSize: CONTEXT_TOKENS,
      threads,
    });
    sequence = context.getSequence();
    const [device] = await llama.getGpuDeviceNames();
    return { version: version(), device: device ?? `CPU, ${threads} threads` };
  },
  run: async (tokens) => {
    await sequence.clearHistory();
    return timed(sequence.evaluate([...prompt], { temperature: 0, yieldEogToken: true }), tokens);
  },
});

function version() {
  const file = new URL("../node_modules/node-llama-cpp/package.json", import.meta.url);
  return `node-llama-cpp ${JSON.parse(readFileSync(file, "utf8")).version}`;
}
