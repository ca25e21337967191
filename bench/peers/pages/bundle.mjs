import { build } from "vite";
import { inClone } from "../../../scripts/steps.mjs";

/** Prints Baton and its packages as one module for browsers. */

const result = await build({
  configFile: false,
  root: inClone(),
  logLevel: "silent",
  worker: { format: "es" },
  build: {
    write: false,
    minify: false,
    target: "es2022",
    lib: { entry: inClone("src", "index.ts"), formats: ["es"] },
    rollupOptions: { output: { inlineDynamicImports: true } },
  },
});
const outputs = [result].flat().flatMap((one) => ("output" in one ? one.output : []));
const output = outputs.find((one) => one.type === "chunk" && one.isEntry);
if (output?.type !== "chunk") throw new Error("the bundle has no code");
process.stdout.write(output.code);
