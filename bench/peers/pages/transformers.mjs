import { env } from "@huggingface/transformers";
import { transformersEngine } from "../engines/transformers_engine.mjs";

/** transformers.js in a page. */

env.backends.onnx.wasm.wasmPaths = "/packages/onnxruntime-web/dist/";

export const engine = transformersEngine(() => ({ folder: "/models/", name: "onnx" }));
