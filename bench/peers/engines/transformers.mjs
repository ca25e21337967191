import { basename, dirname } from "node:path";
import { serve } from "./serve.mjs";
import { transformersEngine } from "./transformers_engine.mjs";

/** transformers.js in Node. */

serve(transformersEngine(({ onnx = "" }) => ({ folder: `${dirname(onnx)}/`, name: basename(onnx) })));
