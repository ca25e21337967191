import { builtinModules } from "node:module";
import { defineConfig, type Plugin } from "vite";
import manifest from "./package.json" with { type: "json" };

const XGRAMMAR = "@mlc-ai/web-xgrammar";
/** Its exports name Node's files, which some bundlers do not exchange for those it has for browsers. These serve Node as well. */
const HUB = "@huggingface/hub";

/** Vite itself, for the benchmark that builds its page when asked to. */
const packages = [
  ...Object.keys(manifest.dependencies),
  ...Object.keys(manifest.optionalDependencies),
  "vite",
].filter((name) => name !== XGRAMMAR && name !== HUB);

/**
 * The grammar library asks for one of Node's modules in a branch that browsers never take, at which bundlers stop: for browsers it is part of the
 * build, without that. Node loads the package itself.
 */
function browsersXgrammar(): Plugin {
  return {
    name: "browsers-xgrammar",
    transform: (code, id) =>
      id.includes(XGRAMMAR)
        ? { code: code.replace("import('module')", "Promise.reject()"), map: null }
        : null,
  };
}

const WORKER = "__BATON_WORKER__";
const BESIDE = '"./worker.js"';
/**
 * For development servers, which Vite is: up to its version 7 it moves the packages that a page imports to where nothing is beside them. The
 * comment keeps version 8 from taking the name for a path.
 */
const BY_NAME = `/* a package's */ "${manifest.name}/worker"`;

/**
 * Keeps `new Worker(new URL("./worker.js", import.meta.url), …)` for the bundlers of those who use the library: Vite would bundle the worker
 * at an address that is right in this build alone. The script is an entry of its own, which has its name in dist/ and not in src/. A second
 * copy of the page's entry asks for it by the package's name.
 */
function keepWorkerUrl(): Plugin {
  return {
    name: "keep-worker-url",
    enforce: "pre",
    transform: (code, id) =>
      id.endsWith("/src/worker/spawn.ts") ? { code: code.replace('"./worker.ts"', WORKER), map: null } : null,
    renderChunk(code, { fileName }) {
      if (!code.includes(WORKER)) return null;
      if (fileName !== "index.js") throw new Error(`${fileName} makes the worker, which is beside index.js.`);
      return { code: code.replace(WORKER, BESIDE), map: null };
    },
    generateBundle(_, bundle) {
      const entry = bundle["index.js"];
      if (entry?.type !== "chunk") throw new Error("There is no index.js.");
      this.emitFile({
        type: "asset",
        fileName: "index.development.js",
        source: entry.code.replace(BESIDE, BY_NAME),
      });
    },
  };
}

/** The library and the programs: dependencies stay imports, shaders and the model catalogue are inlined. */
export default defineConfig({
  plugins: [keepWorkerUrl(), browsersXgrammar()],
  build: {
    target: "es2022",
    minify: false,
    sourcemap: true,
    lib: {
      entry: {
        index: "src/index.ts",
        node: "src/node.ts",
        "ai-sdk": "src/ai_sdk/index.ts",
        worker: "src/worker/worker.ts",
        cli: "src/cli/main.ts",
        bench: "bench/main.ts",
        first_token: "bench/first_token_child.ts",
        grid_worker: "bench/grid_worker.ts",
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
