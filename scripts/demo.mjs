import { createReadStream, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { parseArgs } from "node:util";
import { must, newestMs } from "./build.mjs";
import { modifiedMs } from "./packages.mjs";
import { inClone, SetupError } from "./steps.mjs";

/** The demo page: built when it is stale, and served on this machine, which browsers trust as they trust https. */

const SOURCES = ["src", "shaders", "models", "package.json", "package-lock.json", "vite.demo.config.ts"];
const FOLDER = inClone("dist-demo");
/** Written last, so that a build that was cut short does not count. */
const STAMP = join(FOLDER, ".complete");
const PORT = 8017;

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** @param {string[]} args */
export async function demo(args) {
  const { build, port } = options(args);
  await ensureDemo();
  if (build) return;
  const server = serve(FOLDER);
  server.once("error", (/** @type {NodeJS.ErrnoException} */ error) => {
    const advice = error.code === "EADDRINUSE" ? "it is taken: give another one with --port" : error.message;
    process.stderr.write(`baton: cannot serve on port ${port}: ${advice}.\n`);
    process.exitCode = 1;
  });
  server.listen(port, "127.0.0.1", () => {
    const address = server.address();
    const at = typeof address === "object" && address ? address.port : port;
    console.log(`The demo page is at http://localhost:${at}/ (Ctrl-C ends it).`);
  });
}

/** @param {string[]} args */
function options(args) {
  try {
    const { values } = parseArgs({
      args,
      options: { build: { type: "boolean" }, port: { type: "string", default: String(PORT) } },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`"${values.port}" is no port`);
    return { build: values.build ?? false, port };
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw new SetupError(`${message}. The demo takes --build (build and do not serve) and --port NUMBER.`);
  }
}

/** Builds dist-demo/ when it is missing or older than what it is made of; aside first, so that a server never sees half of it. */
export async function ensureDemo() {
  const newest = Math.max(...SOURCES.map((source) => newestMs(inClone(source))));
  if (modifiedMs(STAMP) >= newest) return;
  const aside = inClone(`dist-demo.${process.pid}`);
  const vite = inClone("node_modules", "vite", "bin", "vite.js");
  try {
    await must("building the demo page into dist-demo/", [
      ...[vite, "build", "--config", inClone("vite.demo.config.ts")],
      ...["--outDir", aside, "--logLevel", "warn"],
    ]);
    writeFileSync(join(aside, ".complete"), "");
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(aside, FOLDER);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/**
 * The files of `folder`, and nothing outside of it.
 * @param {string} folder
 */
export function serve(folder) {
  return createServer((request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    const file = fileOf(folder, request.url ?? "/");
    const stat = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    if (file === undefined || !stat?.isFile()) {
      response.writeHead(404, { "content-type": "text/plain" }).end("There is no such file.\n");
      return;
    }
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-length": stat.size,
      // Names in assets/ change with their content.
      "cache-control": file.includes(`${sep}assets${sep}`)
        ? "public, max-age=31536000, immutable"
        : "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  });
}

/**
 * @param {string} folder
 * @param {string} url
 * @returns {string | undefined}
 */
function fileOf(folder, url) {
  try {
    const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    if (path.includes("\0") || path.split(sep).some((part) => part.startsWith("."))) return undefined;
    const file = join(folder, path.endsWith(sep) ? `${path}index.html` : path);
    return file.startsWith(folder + sep) ? file : undefined;
  } catch {
    return undefined;
  }
}
