import { statSync } from "node:fs";
import { inClone, npm, runStep, SetupError } from "./steps.mjs";

/** Installs the locked packages when they are missing or older than the lock file. */
export async function ensurePackages() {
  const lock = modifiedMs(inClone("package-lock.json"));
  // npm writes this file last, so that an installation that was cut short does not count.
  const installed = modifiedMs(inClone("node_modules", ".package-lock.json"));
  if (installed >= lock) return;
  const command = npm("ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund");
  const status = await runStep(
    "installing the locked npm packages (about 180 MB, a minute or less)",
    command,
  );
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
