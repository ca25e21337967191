import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type BuildOptions, build as esbuild, type OutputFile, type Plugin } from "esbuild";
import { createServer } from "vite";
import webpack, { type Configuration, type Stats } from "webpack";
import type { Pages } from "../browser/bundle.ts";

/** A project's page as people's bundlers make it. */

export const ENTRY = "src/page.js";

/** Fails the bundle at the first module of Node's, wherever it is imported. */
function refuseNode(): Plugin {
  return {
    name: "refuse-node",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer }) => {
        if (!path.startsWith("node:") && !builtinModules.includes(path)) return undefined;
        return { errors: [{ text: `${importer} imports ${path}` }] };
      });
    },
  };
}

export async function esbuildOutputs(
  root: string,
  entryPoints: NonNullable<BuildOptions["entryPoints"]>,
): Promise<readonly OutputFile[]> {
  const { outputFiles } = await esbuild({
    absWorkingDir: root,
    entryPoints,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    write: false,
    outdir: "out",
    plugins: [refuseNode()],
    logLevel: "silent",
  });
  return outputFiles;
}

/** esbuild follows no worker: its script is a second entry point. */
export async function withEsbuild(root: string): Promise<Pages> {
  const files = await esbuildOutputs(root, { main: ENTRY, worker: "baton-webgpu/worker" });
  const pages: Pages = new Map();
  for (const { path, contents } of files) pages.set(`/${relative(join(root, "out"), path)}`, contents);
  return pages.set("/index.html", '<!doctype html><script type="module" src="/main.js"></script>');
}

/** It has no modules of Node's for browsers, and fails where one is asked for. */
export async function withWebpack(root: string, mode: "production" | "development"): Promise<Pages> {
  const folder = mkdtempSync(join(tmpdir(), "baton-webpack-"));
  try {
    const { errors = [], warnings = [] } = (
      await compile({
        mode,
        context: root,
        entry: `./${ENTRY}`,
        output: { path: folder, filename: "main.js" },
        devtool: false,
        performance: false,
        optimization: { minimize: false }, // which takes most of the time; esbuild's bundle is small
      })
    ).toJson({ all: false, errors: true, warnings: true });
    const faults = [...errors, ...warnings].map(({ message }) => message);
    if (faults.length > 0) throw new Error(`webpack finds fault:\n${faults.join("\n")}`);
    const pages: Pages = new Map();
    for (const name of readdirSync(folder)) pages.set(`/${name}`, readFileSync(join(folder, name)));
    return pages.set("/index.html", '<!doctype html><script defer src="/main.js"></script>');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compile(configuration: Configuration): Promise<Stats> {
  return new Promise((resolve, reject) => {
    const compiler = webpack(configuration, (error, stats) => {
      compiler?.close(() => (stats ? resolve(stats) : reject(error)));
    });
  });
}

/** Vite's development server, which begins with nothing that it has kept. */
export async function serveWithVite(root: string) {
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "silent",
    server: { host: "127.0.0.1", port: 0, hmr: false },
  });
  await server.listen();
  const [url = ""] = server.resolvedUrls?.local ?? [];
  return { url, stop: () => server.close() };
}
