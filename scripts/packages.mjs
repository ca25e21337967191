import { statSync } from "node:fs";
import { join } from "node:path";
import { inClone, npm, runStep, SetupError } from "./steps.mjs";

/** Installs the locked packages when they are missing or older than the lock file. */
export async function ensurePackages() {
  await ensureLocked(inClone(), "installing the locked npm packages (about 180 MB, a minute or less)");
}

/**
 * The same for the engines that Baton is measured beside, which nothing else needs.
 * @throws {SetupError}
 */
export async function ensurePeerPackages() {
  const sentence = "installing the peers' npm packages into bench/peers (about 1.2 GB, some minutes)";
  await ensureLocked(inClone("bench", "peers"), sentence);
}

/**
 * @param {string} folder of a package
 * @param {string} sentence
 */
async function ensureLocked(folder, sentence) {
  const lock = modifiedMs(join(folder, "package-lock.json"));
  // npm writes this file last, so that an installation that was cut short does not count.
  const installed = modifiedMs(join(folder, "node_modules", ".package-lock.json"));
  if (installed >= lock) return;
  // Errors alone: one that the tests use says that it wants a newer Node than Baton does, and runs all the same.
  const flags = ["--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const status = await runStep(sentence, npm("ci", "--prefix", folder, ...flags));
  if (status !== 0) {
    throw new SetupError(`npm ci failed with status ${status}; what npm printed above says why.`);
  }
}

/**
 * @param {string} path
 * @returns {number} 0 for a file that does not exist
 */
export function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
