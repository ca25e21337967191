import { builtinModules } from "node:module";
import { defineConfig } from "vite";
import manifest from "./package.json" with { type: "json" };

/** Vite itself, for the benchmark that builds its page when asked to. */
const packages = [
  ...Object.keys(manifest.dependencies),
  ...Object.keys(manifest.optionalDependencies),
  "vite",
];

/** The library and the programs: dependencies stay imports, shaders and the model catalogue are inlined. */
export default defineConfig({
  build: {
    target: "es2022",
    minify: false,
    sourcemap: true,
    lib: {
      entry: {
        index: "src/index.ts",
        node: "src/node.ts",
        "ai-sdk": "src/ai_sdk/index.ts",
        cli: "src/cli/main.ts",
        bench: "bench/main.ts",
        first_token: "bench/first_token_child.ts",
      },
      formats: ["es"],
    },
    rollupOptions: {
      external: (id) =>
        id.startsWith("node:") ||
        builtinModules.includes(id) ||
        packages.some((name) => id === name || id.startsWith(`${name}/`)),
      output: { entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" },
    },
  },
});
