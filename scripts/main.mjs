import { pathToFileURL } from "node:url";
import { ensureAdapter, ensureSecondAdapter } from "./adapters.mjs";
import { build, ensureBuild } from "./build.mjs";
import { ensureChromium } from "./chromium.mjs";
import { demo } from "./demo.mjs";
import { ensurePackages } from "./packages.mjs";
import { inClone, SetupError, say } from "./steps.mjs";
import { runTests } from "./test.mjs";

/**
 * What each npm script does: first whatever is missing, then its job. Nothing is said or done when nothing is missing.
 * @type {Record<string, (args: string[]) => Promise<void>>}
 */
const COMMANDS = {
  setup: async () => {
    await setUp();
    await ensureBuild();
  },
  build: async () => {
    await ensurePackages();
    await build({ types: true });
  },
  start: async (args) => {
    await setUp();
    await runBuilt("cli.js", ["start", ...args]);
  },
  baton: async (args) => {
    await setUp();
    await runBuilt("cli.js", args);
  },
  bench: async (args) => {
    await setUp();
    if (args.includes("page")) await ensureChromium();
    await runBuilt("bench.js", args);
  },
  demo: async (args) => {
    await ensurePackages();
    await demo(args);
  },
  test: async (args) => {
    await setUp();
    await runTests({ full: false, args });
  },
  "test:full": async (args) => {
    await setUp();
    await ensureSecondAdapter();
    await ensureChromium();
    await runTests({ full: true, args });
  },
};

/** @param {string[]} argv the command and its arguments */
export async function main([name = "", ...args]) {
  const command = COMMANDS[name];
  try {
    if (!command)
      throw new SetupError(
        `there is no command "${name}"; choose one of ${Object.keys(COMMANDS).join(", ")}.`,
      );
    await command(args);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

async function setUp() {
  await ensurePackages();
  await ensureAdapter();
}

/**
 * Runs a program of dist/ in this process, so that the terminal and its signals are the program's own.
 * @param {string} file
 * @param {string[]} args
 */
async function runBuilt(file, args) {
  await ensureBuild();
  const path = inClone("dist", file);
  process.argv = [process.execPath, path, ...args];
  await import(pathToFileURL(path).href);
}
