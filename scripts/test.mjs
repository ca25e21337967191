import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findAdapters } from "./adapters.mjs";
import { tsc } from "./build.mjs";
import { exitStatus, inClone, runStep, say } from "./steps.mjs";

/** The checks and the tests, one after the other, and at the end what came of all of them. */

/** Dawn prints these for every device and has no switch for it. */
const DAWN_CHATTER = /^Warning: maxDynamic\w+BuffersPerPipelineLayout artificially reduced/;

/**
 * Runs format, lint, types and tests; with arguments, only vitest with these. The last line is `N passed, N failed`, in which each
 * check counts as one.
 * @param {{ full: boolean, args: string[] }} options
 */
export async function runTests({ full, args }) {
  await announceAdapters(full);
  const failedChecks = args.length > 0 ? [] : await runChecks();
  const tests = await runVitest(full, args);
  const passed = tests.passed + (args.length > 0 ? 0 : CHECKS.length - failedChecks.length);
  const failed = tests.failed + failedChecks.length;
  for (const name of [...failedChecks, ...tests.failures]) say(`failed: ${name}`);
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

const CHECKS = [
  {
    name: "format and lint",
    command: [inClone("node_modules", "@biomejs", "biome", "bin", "biome"), "check"],
  },
  { name: "types", command: [tsc(), "-p", "."] },
];

/** @returns {Promise<string[]>} the names of the checks that failed */
async function runChecks() {
  const failed = [];
  for (const { name, command } of CHECKS) {
    const status = await runStep(`checking ${name}`, [process.execPath, ...command]);
    if (status !== 0) failed.push(name);
  }
  return failed;
}

/** @param {boolean} full */
async function announceAdapters(full) {
  const adapters = await findAdapters();
  const names = adapters.map(({ name, software }) => (software ? `${name} (software, slow)` : name));
  say(`testing on ${full ? names.join(" and ") : names[0]}.`);
}

/**
 * @param {boolean} full
 * @param {string[]} args
 * @returns {Promise<{ passed: number, failed: number, failures: string[] }>}
 */
async function runVitest(full, args) {
  const folder = mkdtempSync(join(tmpdir(), "baton-test-"));
  const summary = join(folder, "summary.json");
  const vitest = inClone("node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", ...args], {
    cwd: inClone(),
    env: { ...process.env, BATON_TEST_FULL: full ? "1" : "", BATON_TEST_SUMMARY: summary },
    stdio: ["ignore", "inherit", "pipe"],
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (!DAWN_CHATTER.test(line)) process.stderr.write(`${line}\n`);
  });
  const status = await exitStatus(child);
  try {
    const { passed, failed, failures } = JSON.parse(readFileSync(summary, "utf8"));
    // A status without a failed test is an error outside of any test, or a run that found nothing to do.
    return { passed, failed: status === 0 ? failed : Math.max(failed, 1), failures };
  } catch {
    return { passed: 0, failed: 1, failures: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
