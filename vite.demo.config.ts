import { defineConfig } from "vite";

/** The demo page: files that any server can give, under any path. */
export default defineConfig({
  root: "src/demo",
  base: "./",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  worker: { format: "es" },
  build: {
    outDir: "../../dist-demo",
    emptyOutDir: true,
    target: "es2022",
    // Its content security policy allows no inline script and no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
  },
});
