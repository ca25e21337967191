import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { resolve } from "node:path";
import { defineConfig } from "vite";
import manifest from "./package.json" with { type: "json" };

const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)];

function existing(entries: Record<string, string>): Record<string, string> {
  const paths = Object.entries(entries).map(
    ([name, path]) => [name, resolve(import.meta.dirname, path)] as const,
  );
  return Object.fromEntries(paths.filter(([, path]) => existsSync(path)));
}

/** The library and the programs: dependencies stay imports, shaders and the model catalogue are inlined. */
export default defineConfig({
  build: {
    target: "es2022",
    minify: false,
    sourcemap: true,
    lib: {
      entry: existing({
        index: "src/index.ts",
        node: "src/node.ts",
        cli: "src/cli/main.ts",
        bench: "bench/main.ts",
      }),
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
