import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { modifiedMs } from "./packages.mjs";
import { inClone, runStep, SetupError } from "./steps.mjs";

/** What dist/ is made of. */
const SOURCES = ["src", "shaders", "models", "bench", "package.json", "package-lock.json", "vite.config.ts"];
/** Written last, so that a build that was cut short does not count. */
const STAMP = inClone("dist", ".complete");

/** Builds dist/ when it is missing or older than what it is made of. */
export async function ensureBuild() {
  const newest = Math.max(...SOURCES.map((source) => newestMs(inClone(source))));
  if (modifiedMs(STAMP) < newest) await build({ types: false });
}

/**
 * Builds aside and swaps, so that a program started meanwhile finds the old build or the new one.
 * @param {{ types: boolean }} options whether type declarations are made as well
 */
export async function build({ types }) {
  const aside = inClone(`dist.${process.pid}`);
  const vite = inClone("node_modules", "vite", "bin", "vite.js");
  try {
    await must("building dist/", [vite, "build", "--outDir", aside, "--logLevel", "warn"]);
    if (types)
      await must("writing type declarations", [
        tsc(),
        "-p",
        "tsconfig.build.json",
        "--outDir",
        join(aside, "types"),
      ]);
    writeFileSync(join(aside, ".complete"), "");
    rmSync(inClone("dist"), { recursive: true, force: true });
    renameSync(aside, inClone("dist"));
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

export function tsc() {
  return inClone("node_modules", "typescript", "bin", "tsc");
}

/**
 * @param {string} sentence
 * @param {string[]} command arguments of Node
 */
export async function must(sentence, command) {
  const status = await runStep(sentence, [process.execPath, ...command]);
  if (status !== 0) throw new SetupError(`${sentence} failed; what was printed above says why.`);
}

/**
 * The latest change in a file, or in a folder and all in it but packages; a folder's own date tells of deleted files.
 * @param {string} path
 */
export function newestMs(path) {
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  const inside = folder ? readdirSync(path, { recursive: true, encoding: "utf8" }) : [];
  const own = inside.filter((name) => !name.split(sep).includes("node_modules"));
  return Math.max(modifiedMs(path), ...own.map((name) => modifiedMs(join(path, name))));
}
