import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Steps of the setup: said before they are done, with a sign of life while they run, all on stderr. */

/** The clone's folder: the nearest one above that has this file, since a bundler may put this module anywhere in dist/. */
const ROOT = clone(dirname(fileURLToPath(import.meta.url)));
const SIGN_OF_LIFE_MS = 10_000;

/** Why the setup cannot go on: one sentence for the user. */
export class SetupError extends Error {}

/**
 * @param {string} folder
 * @returns {string}
 */
function clone(folder) {
  return existsSync(join(folder, "scripts", "steps.mjs")) ? folder : clone(dirname(folder));
}

/** @param {string[]} parts a path inside the clone */
export function inClone(...parts) {
  return join(ROOT, ...parts);
}

/** @param {string} sentence */
export function say(sentence) {
  process.stderr.write(`baton: ${sentence}\n`);
}

/**
 * Says `sentence`, runs a program with its output on stderr, and says every ten seconds that it still runs.
 * @param {string} sentence
 * @param {readonly string[]} command the program and its arguments
 * @param {NodeJS.ProcessEnv} [env] what to add to the environment
 * @returns {Promise<number>} its exit status; 127 when it could not be started
 */
export async function runStep(sentence, [program = "", ...args], env = {}) {
  say(`${sentence} …`);
  const start = Date.now();
  const timer = setInterval(
    () => say(`… still at it, ${Math.round((Date.now() - start) / 1000)} s`),
    SIGN_OF_LIFE_MS,
  );
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", process.stderr, process.stderr],
  });
  const status = await exitStatus(child);
  clearInterval(timer);
  return status;
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
export function exitStatus(child) {
  return new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/**
 * npm as a command: the npm that runs this script where there is one, so that no other version comes in.
 * @param {string[]} args
 */
export function npm(...args) {
  const script = process.env.npm_execpath;
  return script?.endsWith("npm-cli.js") ? [process.execPath, script, ...args] : ["npm", ...args];
}

/** True where a person can be asked. */
export function onTerminal() {
  return Boolean(process.stdin.isTTY && process.stderr.isTTY);
}

/**
 * Asks on the terminal; Enter means yes.
 * @param {string} question
 */
export async function agrees(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.once("SIGINT", () => process.exit(130));
  /** @type {string} */
  const answer = await new Promise((resolve) => {
    terminal.question(`baton: ${question} [Y/n] `, resolve);
    // Ctrl-D is no answer, and no consent.
    terminal.once("close", () => resolve("n"));
  });
  terminal.close();
  return !/^\s*n/i.test(answer);
}
