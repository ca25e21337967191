#!/usr/bin/env node
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * Measures and checks everything on a machine with a real GPU, and writes one report. It needs no network and installs nothing: the
 * clone with its node_modules/, Node, and the GPU's Vulkan, Metal or D3D12 driver. Nothing that fails stops the rest.
 *
 *     node bench/gpu.mjs --out bench/results/gpu-NAME
 */

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const GPU_SHAPES = "smollm2-135m,qwen3-0.6b,llama-3.1-8b";
const SOFTWARE_SHAPES = "tiny-15m";
const HELP = `Usage: node bench/gpu.mjs [options]

  --out <folder>     where report.json, report.md and traces go (default: $OUT, or bench/results/gpu)
  --dist <folder>    a build to use (default: dist/, built when it is missing)
  --shapes <names>   of random weights, separated by commas (default: ${GPU_SHAPES};
                     ${SOFTWARE_SHAPES} where there is only a software adapter)
  --samples <n>      rounds of the benchmark (default: 5)
  --conversations <n>  agents' conversations over two devices, for each policy and load (default: 100)
  --limit-s <n>      most seconds one part may take (default: 600)
  --tests <path>     what vitest runs (default: test/kernels)
  --full-tests       every variant of every kernel, not the quick tests alone
  --adapter <name>   part of the name of the adapter to use (default: the best)
`;
/** Dawn prints these for every device and has no switch for it. */
const DAWN_CHATTER = /^Warning: maxDynamic\w+BuffersPerPipelineLayout artificially reduced.*\n/gm;

/**
 * @typedef {{ status: number | null, out: string, errors: string, seconds: number }} Ended
 * @typedef {{ part: string, state: "done" | "failed", seconds: number, note: string, result?: unknown }} Part
 */

const { values: options } = parseArgs({
  options: {
    out: { type: "string", default: process.env.OUT || join(ROOT, "bench", "results", "gpu") },
    dist: { type: "string", default: join(ROOT, "dist") },
    shapes: { type: "string" },
    samples: { type: "string", default: "5" },
    conversations: { type: "string", default: "100" },
    "limit-s": { type: "string", default: "600" },
    tests: { type: "string", default: "test/kernels" },
    "full-tests": { type: "boolean", default: false },
    adapter: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const out = resolve(options.out);
const dist = resolve(options.dist);
const env = { ...process.env, ...(options.adapter !== undefined && { BATON_ADAPTER: options.adapter }) };

if (options.help) process.stdout.write(HELP);
else process.exitCode = await main();

/** @returns {Promise<number>} the exit status: 0 where everything that is there was done */
async function main() {
  mkdirSync(out, { recursive: true });
  /** @type {Part[]} */
  const parts = [];
  /** @param {Part} part */
  const add = (part) => {
    parts.push(part);
    process.stderr.write(`${part.part}: ${part.state}, ${part.seconds.toFixed(0)} s. ${part.note}\n`);
  };
  if (!existsSync(join(dist, "bench.js"))) add(await buildPart());
  const devices = await devicesPart();
  add(devices);
  const shapes = options.shapes ?? (isSoftware(devices) ? SOFTWARE_SHAPES : GPU_SHAPES);
  for (const shape of shapes.split(",")) add(await enginePart(shape.trim()));
  add(await kernelsPart());
  const [first = ""] = shapes.split(",");
  add(await batchingPart(first.trim()));
  add(await handoffPart(first.trim()));
  add(await agentsPart(first.trim()));
  const takenAt = new Date().toISOString();
  writeFileSync(join(out, "report.json"), `${JSON.stringify({ report: "gpu", takenAt, parts })}\n`);
  writeFileSync(join(out, "report.md"), await markdown(takenAt, parts));
  process.stderr.write(`written: ${join(out, "report.json")} and report.md\n`);
  return parts.some(({ state }) => state === "failed") ? 1 : 0;
}

/** @returns {Promise<Part>} */
async function buildPart() {
  const vite = join(ROOT, "node_modules", "vite", "bin", "vite.js");
  const ended = await run([vite, "build", "--outDir", dist, "--logLevel", "warn"]);
  return partOf("build", ended, `dist/ is made in ${dist}.`);
}

/** @returns {Promise<Part>} */
async function devicesPart() {
  const ended = await run([join(dist, "cli.js"), "devices", "--json"]);
  return partOf("devices", ended, "All adapters, the best first.", () => JSON.parse(ended.out));
}

/**
 * @param {string} shape
 * @returns {Promise<Part>}
 */
async function enginePart(shape) {
  const trace = `trace-${shape}.json`;
  const command = ["engine", "--weights", "random", "--shape", shape, "--samples", options.samples];
  const ended = await run([join(dist, "bench.js"), ...command, "--trace", join(out, trace), "--json"]);
  return partOf(`engine ${shape}`, ended, `Random weights; ${trace} has its steps.`, () =>
    JSON.parse(ended.out),
  );
}

/** @returns {Promise<Part>} */
async function kernelsPart() {
  const file = join(out, "kernels.tmp.json");
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const command = [vitest, "run", options.tests, "--reporter=json", `--outputFile=${file}`];
  const ended = await run(command, { BATON_TEST_FULL: options["full-tests"] ? "1" : "" });
  const summary = () => {
    const {
      numPassedTests: passed,
      numFailedTests: failed,
      testResults,
    } = JSON.parse(readFileSync(file, "utf8"));
    rmSync(file);
    /** @type {{ assertionResults: { fullName: string, status: string }[] }[]} */
    const files = testResults;
    const names = files.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
    );
    return { passed, failed, failedTests: names };
  };
  const part = partOf("kernels", ended, "Every kernel against a plain reference on the CPU.", summary);
  if (part.result === undefined && existsSync(file)) part.result = summary();
  return part;
}

/**
 * Conversations that decode at once, beside the device's own batched rate.
 * @param {string} shape
 * @returns {Promise<Part>}
 */
async function batchingPart(shape) {
  const ended = await run([
    join(dist, "bench.js"),
    "batching",
    "--models",
    shape,
    "--tokens",
    "64",
    "--json",
  ]);
  const note = "Eight conversations under the scheduler against plans of eight rows, on the same device.";
  return partOf("batching", ended, note, () => JSON.parse(ended.out));
}

/**
 * What is seen of KV going from one device of the adapter to another.
 * @param {string} shape
 * @returns {Promise<Part>}
 */
async function handoffPart(shape) {
  const command = ["handoff", "--model", shape, "--samples", shortSamples(), "--json"];
  const ended = await run([join(dist, "bench.js"), ...command]);
  const note = "Handoffs with an idle and a busy decoder against the copy alone, and over simulated links.";
  return partOf("handoff", ended, note, () => JSON.parse(ended.out));
}

/**
 * A second device on the adapter, and conversations that go from one to the other.
 * @param {string} shape
 * @returns {Promise<Part>}
 */
async function agentsPart(shape) {
  const policies = "baton,conserve,collocated-sticky,per-turn,whole-machine";
  const command = ["agents", "--shape", shape, "--policies", policies, "--loads", "0.7,1", "--seeds", "1"];
  const file = join(out, "agents.html");
  const few = ["--conversations", options.conversations, "--html", file, "--json"];
  const ended = await run([join(dist, "bench.js"), ...command, ...few]);
  const note =
    "Conversations over two devices of the best adapter, under several policies; agents.html draws them.";
  return partOf("agents on two devices", ended, note, () => JSON.parse(ended.out));
}

/** Of what takes a second or less: more rounds than of the engine. */
function shortSamples() {
  return String(4 * Number(options.samples));
}

/**
 * @param {string} part
 * @param {Ended} ended
 * @param {string} note
 * @param {() => unknown} [read]
 * @returns {Part}
 */
function partOf(part, { status, errors, seconds }, note, read = () => undefined) {
  const last = errors.trim().split("\n").at(-1) ?? "";
  const why =
    status === null ? `It was stopped after ${seconds.toFixed(0)} s.` : `It ended with ${status}: ${last}`;
  if (status !== 0) return { part, state: "failed", seconds, note: why };
  const result = read();
  return { part, state: "done", seconds, note, ...(result !== undefined && { result }) };
}

/** @param {Part} devices */
function isSoftware({ result }) {
  const { adapters = [] } = /** @type {{ adapters?: { software: boolean }[] }} */ (result ?? {});
  return adapters[0]?.software ?? true;
}

/**
 * A Node program, stopped when it takes too long.
 * @param {string[]} command
 * @param {Record<string, string>} [more] of the environment
 * @returns {Promise<Ended>}
 */
function run(command, more = {}) {
  const started = performance.now();
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { ...env, ...more },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: Number(options["limit-s"]) * 1000,
    killSignal: "SIGKILL",
  });
  let [text, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (part) => {
    text += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part) => {
    errors += part;
  });
  return new Promise((done) => {
    child.once("close", (status) => {
      const seconds = (performance.now() - started) / 1000;
      done({ status, out: text, errors: errors.replace(DAWN_CHATTER, ""), seconds });
    });
  });
}

/**
 * @param {string} takenAt
 * @param {Part[]} parts
 */
async function markdown(takenAt, parts) {
  const lines = [
    `# Baton on one machine, ${takenAt}`,
    "",
    "| part | state | seconds | |",
    "|---|---|---|---|",
  ];
  for (const { part, state, seconds, note } of parts)
    lines.push(`| ${part} | ${state} | ${seconds.toFixed(0)} | ${note} |`);
  for (const { part, result } of parts) {
    if (result === undefined) continue;
    const text = part.startsWith("engine ") ? await table(result) : JSON.stringify(result, null, 2);
    lines.push("", `## ${part}`, "", "```", text.trimEnd(), "```");
  }
  return `${lines.join("\n")}\n`;
}

/**
 * A report of `bench engine` as a person reads it.
 * @param {unknown} report
 */
async function table(report) {
  const file = join(out, "engine.tmp.json");
  writeFileSync(file, JSON.stringify(report));
  const { out: text, errors } = await run([join(dist, "bench.js"), "show", file]);
  rmSync(file);
  return text || errors;
}
