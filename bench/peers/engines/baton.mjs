import { batonEngine } from "./baton_engine.mjs";
import { serve } from "./serve.mjs";

/** Baton by its public API, as built: `baton.mjs library adapter`. */

const [, , library = "", adapter = ""] = process.argv;
/** @type {typeof import("../../../src/node.ts")} */
const { createRuntime } = await import(library);

serve(batonEngine(({ model }) => createRuntime({ model, adapter, speculation: "off" })));
