import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { chromiumFolder } from "./cache.mjs";
import { say } from "./steps.mjs";
import { canFetchSwiftshader, fetchFiles, readTar } from "./swiftshader.mjs";

/** Chromium for the tests in a browser: an installed one, or, without root, out of the package that SwiftShader is from. */

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/** The browser, what it needs of the system where the system lacks it (NSS), and SwiftShader. */
const ARCHIVES = ["al2023.tar.br", "swiftshader.tar.br"];

/**
 * The program to start and what to add to its environment: CHROME_PATH, the first that works on PATH, or the fetched one.
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ path: string, env: Record<string, string> } | undefined}
 */
export function findChromium(env = process.env) {
  if (env.CHROME_PATH) return { path: env.CHROME_PATH, env: {} };
  const folders = (env.PATH ?? "").split(delimiter).filter(Boolean);
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  // Some distributions install a script of that name that only says how to get the browser.
  const installed = paths.find((path) => existsSync(path) && spawnSync(path, ["--version"]).status === 0);
  if (installed) return { path: installed, env: {} };
  const folder = chromiumFolder(env);
  const path = join(folder, "chromium");
  return existsSync(path) ? { path, env: { LD_LIBRARY_PATH: folder } } : undefined;
}

/** Sees to a Chromium for the full tests, where one can be had. */
export async function ensureChromium() {
  if (findChromium()) return;
  if (!canFetchSwiftshader()) return say("no Chromium was found, and none can be fetched for this machine.");
  await fetchFiles("Chromium", chromiumFolder(), (packed) => {
    const libraries = ARCHIVES.flatMap((name) => [...readTar(brotliDecompressSync(packed(name)))]);
    const browser = brotliDecompressSync(packed("chromium.br"));
    return new Map([...libraries, ["chromium", browser]]);
  });
}
