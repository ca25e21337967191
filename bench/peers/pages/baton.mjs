import { batonEngine } from "../engines/baton_engine.mjs";

/** Baton by its public API, bundled as an application would. The path is told apart from the import for the type checker's sake. */

const library = "/baton.mjs";
/** @type {typeof import("../../../src/index.ts")} */
const { createRuntime } = await import(library);

export const engine = batonEngine(() =>
  createRuntime({ model: new URL("/model.gguf", location.href), speculation: "off", thread: "page" }),
);
