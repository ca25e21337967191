#!/usr/bin/env node
import { Command } from "commander";
import { p as parseNumber, d as summarize, h as formatMs, f as formatTable, g as formatBytes, l as formatRate, m as isInteractive, n as styleOf, s as say, i as interruptible, a as printJson, b as print, j as fail, c as createProgress, r as runtimeOptions, e as addModelOptions, o as excerpt, v as version, k as processIo } from "./chunks/package-BWK74KI4.js";
import { x as checkSendOptions, y as decodeTokensPerSecond, z as prefillTokensPerSecond, o as openDevice, A as recallAll, C as chooseKernels, D as identityOf, E as holdsFor, H as adapterClassOf, d as checkNumber, I as checkOptionalNumber, e as catalogue, J as checkPrompt, p as policies, i as invalidOption, L as assertTunable } from "./chunks/runtime-BhiITdvg.js";
import { I as InputError, C as CapacityError, M as ModelError } from "./chunks/errors-Dmr1zGcT.js";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { a as createNodePlatform, c as createRuntime, b as cacheFolder, m as modelEntry } from "./chunks/node-DUTOTOnI.js";
import { readFile, stat } from "node:fs/promises";
import cliProgress from "cli-progress";
const ANY_MODEL = { vocabTokens: 2 ** 32, contextTokens: 1 };
function addAnswerOptions(command, maxTokens) {
  const number = (flag, about) => command.option(`${flag} <number>`, about, parseNumber(flag));
  number("--temperature", "0 is greedy; more is more random (default: 0)");
  number("--top-k", "keep the K likeliest tokens; 0 keeps all (default: 0)");
  number("--top-p", "keep the likeliest tokens up to this probability (default: 1)");
  number("--min-p", "keep tokens at least this likely relative to the likeliest (default: 0)");
  number("--repetition-penalty", "divides the logits of tokens seen before (default: 1)");
  number("--presence-penalty", "subtracted once from tokens of the answer (default: 0)");
  number("--frequency-penalty", "subtracted per occurrence in the answer (default: 0)");
  number("--seed", "same seed, same text on the same adapter (default: random)");
  return command.option("--max-tokens <number>", "most tokens of an answer", parseNumber("--max-tokens"), maxTokens).option("--stop <text>", "end the answer at this text, which is not shown; may be repeated", collect).option("--stop-token <id>", "end the answer at this token; may be repeated", collectNumber);
}
function sendOptions(options) {
  const { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty } = options;
  const { seed, maxTokens, stop, stopToken: stopTokens } = options;
  const sampling = {
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    presencePenalty,
    frequencyPenalty,
    seed
  };
  const all = Object.entries({ ...sampling, maxTokens, stop, stopTokens });
  const given = Object.fromEntries(all.filter(([, value]) => value !== void 0));
  checkSendOptions(given, ANY_MODEL);
  return given;
}
function collect(text, before = []) {
  return [...before, text];
}
function collectNumber(text, before = []) {
  return [...before, parseNumber("--stop-token")(text)];
}
function measure(runtime, turns) {
  const { loadMs, kvBlocks, kvBlocksUsed, kvBlocksPeak, kvBlockTokens } = runtime.stats();
  const gaps = turns.flatMap(({ timings }) => timings.tbtMs);
  return {
    adapter: runtime.adapter.name,
    software: runtime.adapter.software,
    model: runtime.model.name,
    precision: runtime.precision,
    loadMs,
    prefillTokens: turns.reduce((sum, { usage }) => sum + usage.promptTokens - usage.cachedTokens, 0),
    prefillTokensPerSecond: prefillTokensPerSecond(turns) ?? null,
    decodeTokens: turns.reduce((sum, { usage }) => sum + usage.completionTokens, 0),
    decodeTokensPerSecond: decodeTokensPerSecond(turns) ?? null,
    ttftMs: turns.map(({ timings }) => timings.ttftMs),
    tbtMs: summarize(gaps) ?? null,
    kvBlocks: { peak: kvBlocksPeak, used: kvBlocksUsed, total: kvBlocks, tokens: kvBlockTokens }
  };
}
function describeMeasurements(measured, { parameters, fileBytes }) {
  const { kvBlocks, tbtMs } = measured;
  const ttft = measured.ttftMs.map((ms) => ms === null ? "none" : formatMs(ms));
  return formatTable([
    ["adapter", `${measured.adapter}${measured.software ? " (software, slow)" : ""}`],
    ["model", `${measured.model} (${(parameters / 1e6).toFixed(1)} M parameters, ${formatBytes(fileBytes)})`],
    ["precision", measured.precision],
    ["load time", formatMs(measured.loadMs)],
    ["prefill", `${formatRate(measured.prefillTokensPerSecond)} (${measured.prefillTokens} tokens)`],
    ["decode", `${formatRate(measured.decodeTokensPerSecond)} (${measured.decodeTokens} tokens)`],
    [ttft.length > 1 ? "TTFT by turn" : "TTFT", ttft.join(", ")],
    ["TBT", tbtMs ? `median ${formatMs(tbtMs.median)}, p95 ${formatMs(tbtMs.p95)}` : "not measured"],
    ["KV blocks", `${kvBlocks.peak} of ${kvBlocks.total} at the peak, ${kvBlocks.tokens} tokens each`]
  ]);
}
function describeTurn(turn) {
  const { ttftMs } = turn.timings;
  const parts = [
    `${turn.usage.completionTokens} tokens`,
    formatRate(decodeTokensPerSecond([turn])),
    ...ttftMs === null ? [] : [`first after ${formatMs(ttftMs)}`],
    ...turn.finishReason === "length" ? ["cut off by the token limit"] : [],
    ...turn.finishReason === "abort" ? ["stopped"] : []
  ];
  return `(${parts.join(", ")})`;
}
class Prompter {
  #interface;
  #echo;
  #lines = [];
  #waiting;
  #ended = false;
  #stopAnswer;
  constructor(io, prompt) {
    const terminal = isInteractive(io);
    this.#echo = terminal ? new Echo(io.stdout) : void 0;
    const output = this.#echo && { output: this.#echo };
    this.#interface = createInterface({ input: io.stdin, ...output, terminal, prompt });
    this.#interface.on("line", (line) => this.#arrive(line));
    this.#interface.on("close", () => {
      this.#ended = true;
      this.#arrive(void 0);
    });
    this.#interface.on("SIGINT", () => this.#interrupt());
  }
  /** The next line; undefined when there is none any more. */
  next() {
    const line = this.#lines.shift();
    if (line !== void 0 || this.#ended) return Promise.resolve(line);
    this.#interface.prompt(true);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
  /** Runs `work` with a signal that Ctrl-C on the terminal aborts. */
  async answering(work) {
    const controller = new AbortController();
    this.#stopAnswer = () => controller.abort();
    if (this.#echo) this.#echo.muted = true;
    try {
      return await work(controller.signal);
    } finally {
      if (this.#echo) this.#echo.muted = false;
      this.#stopAnswer = void 0;
    }
  }
  close() {
    this.#interface.close();
  }
  #arrive(line) {
    const waiting = this.#waiting;
    this.#waiting = void 0;
    if (waiting) waiting(line);
    else if (line !== void 0) this.#lines.push(line);
  }
  #interrupt() {
    if (this.#stopAnswer) this.#stopAnswer();
    else if (this.#interface.line === "") this.close();
    else {
      this.#interface.write(null, { ctrl: true, name: "e" });
      this.#interface.write(null, { ctrl: true, name: "u" });
    }
  }
}
class Echo extends Writable {
  muted = false;
  #terminal;
  constructor(terminal) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
  }
  get columns() {
    return this.#terminal.columns;
  }
  _write(chunk, _encoding, done) {
    if (!this.muted) this.#terminal.write(chunk);
    done();
  }
}
async function runTurn(conversation, prompt, options, show) {
  let text = "";
  for await (const part of conversation.send(prompt, options)) {
    if (part.type === "done") {
      const { finishReason, usage, timings } = part;
      return { prompt, text, finishReason, usage, timings };
    }
    text += part.text;
    await show(part.text);
  }
  throw new Error("an answer ended without its last part");
}
async function chat(io, conversation, settings) {
  const onTerminal = isInteractive(io);
  const { dim } = styleOf(io.stderr, io);
  if (onTerminal) say(io, dim("\nType a message. Ctrl-C stops an answer; Ctrl-D or /exit ends."));
  const prompter = new Prompter(io, "> ");
  try {
    for (; ; ) {
      const line = (await prompter.next())?.trim();
      if (line === void 0 || line === "/exit") break;
      if (line === "") continue;
      const work = (signal) => answer(io, conversation, line, { ...settings, signal });
      await (onTerminal ? prompter.answering((signal) => forgiving(io, () => work(signal))) : interruptible(io, work));
    }
  } finally {
    prompter.close();
  }
}
async function answer(io, conversation, prompt, { send, json, quiet, signal }) {
  const show = async (text) => json ? void 0 : await print(io, text);
  const turn = await runTurn(conversation, prompt, { ...send, signal }, show);
  if (json) return printJson(io, turn);
  await print(io, "\n");
  if (!quiet) say(io, styleOf(io.stderr, io).dim(describeTurn(turn)));
}
async function forgiving(io, work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof InputError || error instanceof CapacityError)) throw error;
    await fail(error, io, false);
  }
}
async function askToInstall(io, command, interrupt) {
  say(io, `pip is missing; it can be installed by: ${command}`);
  if (!(io.stdin.isTTY && io.stderr.isTTY)) return true;
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  terminal.once("SIGINT", () => {
    interrupt();
    terminal.close();
  });
  const answer2 = await new Promise((resolve) => {
    terminal.question("Install it? [Y/n] ", resolve);
    terminal.once("close", () => resolve("n"));
  });
  terminal.close();
  return !/^\s*n/i.test(answer2);
}
async function withRuntime(io, options, use, more = {}) {
  const quiet = options.quiet === true;
  const progress = createProgress(io, quiet);
  const announce = (line) => {
    if (!quiet) say(io, line);
  };
  const onProgress = progress.report.bind(progress);
  const runtime = await interruptible(io, (signal, interrupt) => {
    const allowInstall = (command) => askToInstall(io, command, interrupt);
    const platform = announcing(createNodePlatform({ allowInstall }), announce);
    return createRuntime({ ...runtimeOptions(options), ...more, onProgress, platform, signal });
  }).finally(() => progress.stop());
  try {
    return await use(runtime);
  } finally {
    await runtime.dispose();
  }
}
function announcing(platform, announce) {
  const announced = /* @__PURE__ */ new Set();
  return {
    ...platform,
    openAdapter: async (request) => {
      const opened = await platform.openAdapter(request);
      const { name, software } = opened.summary;
      if (software && !announced.has(name))
        announce(`${name} is a software adapter: everything is slow on it.`);
      announced.add(name);
      return opened;
    }
  };
}
const HELP$3 = `
Ctrl-C stops the answer; at an empty prompt it ends the chat, as Ctrl-D and /exit do.
Without a terminal each line of stdin is a message; with --json each answer is one line of JSON.

Examples:
  $ baton chat
  $ baton chat --system "You are a pirate." --temperature 0.8
  $ printf 'Hello\\nWho are you?\\n' | baton chat --json
`;
function addChat(program, io) {
  const command = program.command("chat").description("Talk with a model.").option("--system <text>", "system prompt");
  addAnswerOptions(addModelOptions(command), 1024).addHelpText("after", HELP$3);
  command.action(async (options) => {
    const send = sendOptions(options);
    const { system, json = false, quiet = false } = options;
    await withRuntime(
      io,
      options,
      (runtime) => chat(io, runtime.conversation(system === void 0 ? {} : { system }), { send, json, quiet })
    );
  });
}
function describeTuning(tuning) {
  const { choices, complete, ms, identity, model } = tuning;
  const changed = choices.filter(({ ratio }) => ratio < 1).length;
  const rows = choices.map((choice) => [
    choice.key,
    choice.upToTokens === null ? "more" : `up to ${choice.upToTokens}`,
    describeTile(choice.default),
    choice.ratio < 1 ? describeTile(choice.chosen) : "as it is",
    choice.ratio < 1 ? `${(1 / choice.ratio).toFixed(2)}x` : "",
    choice.candidates.map(describeCandidate).join(", ")
  ]);
  const header = ["product or attention", "tokens", "default", "chosen", "quicker", "candidates, ms each"];
  const time = `${(ms / 1e3).toFixed(1)} s`;
  const rest = complete ? "" : "; the time was up before all was decided: tune again to go on";
  return [
    `${model} on ${identity.adapter}, precision ${identity.precision}: ${changed} of ${choices.length} choices are not the default (${time}${rest}).
`,
    choices.length > 0 ? formatTable([header, ...rows], [4]) : ""
  ].join("");
}
function describeTile({ kernel, ...numbers }) {
  return [kernel, Object.values(numbers).join("/")].filter((part) => part !== void 0).join(" ");
}
function describeCandidate({ tile, ms, outcome }) {
  const found = ms === null ? outcome.replaceAll("-", " ") : ms.toFixed(ms < 1 ? 4 : 2);
  return `${describeTile(tile)} ${found}`;
}
async function kernelsOf(opened, { settings, implementation }) {
  const gpu = await openDevice(opened);
  try {
    const { capabilities, summary } = gpu;
    const tunings = (await recallAll(settings)).filter(({ identity }) => identity.adapter === summary.name);
    const checked = tunings.map(async (tuning) => {
      const choice = chooseKernels(capabilities, tuning.identity.precision);
      const products = tuning.identity.products.map((shape) => ({ shape, slices: [], everyToken: true }));
      const { attention } = tuning.identity;
      const identity = await identityOf({ gpu, choice, products, attention, implementation });
      return { ...tuning, current: holdsFor(tuning, identity) };
    });
    return {
      class: adapterClassOf(capabilities),
      defaults: chooseKernels(capabilities, "default").matmul.map(({ upToTokens, tile }) => ({
        upToTokens: Number.isFinite(upToTokens) ? upToTokens : null,
        tile: describeTile({ ...tile })
      })),
      tunings: await Promise.all(checked)
    };
  } finally {
    gpu.destroy();
  }
}
function describeKernels({ class: name, defaults, tunings }) {
  const rows = defaults.map(({ upToTokens, tile }) => [
    "",
    upToTokens === null ? "more tokens" : `up to ${upToTokens} tokens`,
    tile
  ]);
  const table = formatTable([["  kernels", `class ${name}`, ""], ...rows]);
  if (tunings.length === 0) return `${table}  Nothing was tuned here: \`baton tune\` does.
`;
  const texts = tunings.map((tuning) => {
    const stale = tuning.current ? "" : "  Not used any more: it is of another driver or version. `baton tune` does it again.\n";
    return `${indent(describeTuning(tuning))}${stale}`;
  });
  return `${table}${texts.join("")}`;
}
function indent(text) {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
const EXAMPLES$2 = `
Examples:
  $ baton devices
  $ baton devices --adapter llvmpipe --json
  $ baton devices --kernels
`;
function addDevices(program, io) {
  program.command("devices").description("List the WebGPU adapters, and which one Baton uses.").option(
    "--adapter <name>",
    "part of the name of the adapter to use (default: BATON_ADAPTER, or the best)"
  ).option("--kernels", "also the defaults of each adapter's kernels, and what tuning chose").option("--json", "print JSON for machines").addHelpText("after", EXAMPLES$2).action((options) => devices(io, options));
}
async function devices(io, { adapter, json, kernels }) {
  const platform = createNodePlatform();
  const open = (name) => platform.openAdapter(name === void 0 ? {} : { name });
  const used = await withAdapter(open(adapter), ({ summary }) => summary.name);
  const found = [];
  for (const { name } of await platform.listAdapters()) {
    const device = await withAdapter(open(name), (opened) => describe$1(opened, used));
    found.push(kernels ? { ...device, kernels: await kernelsOf(await open(name), platform) } : device);
  }
  const why = reason(found, adapter, io.env.BATON_ADAPTER);
  if (json) return printJson(io, { used, why, adapters: found });
  await print(
    io,
    `${found.map((device) => deviceText(io, device)).join("\n")}
Baton uses ${used}: ${why}.
`
  );
}
async function withAdapter(opening, use) {
  const opened = await opening;
  try {
    return use(opened);
  } finally {
    opened.release();
  }
}
function describe$1({ adapter, summary }, used) {
  const { subgroupMinSize, subgroupMaxSize } = adapter.info;
  return {
    ...summary,
    used: summary.name === used,
    features: [...adapter.features].toSorted(),
    subgroups: [subgroupMinSize ?? 0, subgroupMaxSize ?? 0],
    limits: limitsOf(adapter.limits)
  };
}
function limitsOf(limits) {
  const all = {};
  for (const name in limits) {
    const value = limits[name];
    if (typeof value === "number") all[name] = value;
  }
  return all;
}
function reason(found, option, env) {
  if (option !== void 0) return `--adapter asks for "${option}"`;
  if (env) return `BATON_ADAPTER asks for "${env}"`;
  if (found.length === 1) return "there is no other";
  if (found.every(({ software }) => software))
    return "there is no GPU, and it is the quickest software adapter";
  return "it is the first GPU the system names";
}
function deviceText(io, device) {
  const { bold } = styleOf(io.stdout, io);
  const { limits } = device;
  const [smallest, largest] = device.subgroups;
  const mib = (name) => `${((limits[name] ?? 0) / 2 ** 20).toFixed(0)} MiB`;
  const rows = [
    ["kind", device.software ? "software: the CPU does the work, slowly" : "GPU"],
    ["driver", device.driver || "unknown"],
    [
      "subgroups",
      smallest === 0 ? "unknown" : smallest === largest ? `${smallest}` : `${smallest} to ${largest}`
    ],
    ["buffers", `${mib("maxBufferSize")}, bound ${mib("maxStorageBufferBindingSize")} at a time`],
    [
      "workgroups",
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize} bytes shared`
    ],
    ["features", device.features.join(", ")]
  ];
  const table = formatTable(rows.map(([name = "", value = ""]) => [`  ${name}`, value]));
  const kernels = device.kernels ? describeKernels(device.kernels) : "";
  return `${bold(`${device.used ? "*" : "-"} ${device.name}`)}
${table}${kernels}`;
}
const FORMS = `{"ids": […]}, {"text": "…"} or {"messages": [{"role": …, "content": …}, …]}`;
const ROLES = ["system", "user", "assistant"];
async function readEvalFile(path) {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw unreadable(path, cause);
  });
  const data = parse(path, text);
  if (!Array.isArray(data) || data.length === 0) {
    throw wrong(path, `${path} has to hold an array of entries, each ${FORMS}.`);
  }
  return data.map((entry, index) => checkEntry(path, index, entry));
}
function encodeEntries(path, entries, codec, vocabTokens) {
  return entries.map((entry, index) => {
    const ids = encode(entry, codec);
    if (ids.length === 0) throw wrongEntry(path, index, "comes to no tokens; it needs at least one");
    const beyond = ids.find((id) => id >= vocabTokens);
    if (beyond === void 0) return ids;
    throw wrongEntry(path, index, `has the id ${beyond}, and the model's ids end at ${vocabTokens - 1}`);
  });
}
function encode(entry, codec) {
  if ("ids" in entry) return entry.ids;
  return "text" in entry ? codec.encode(entry.text) : codec.encodeChat(entry.messages);
}
function checkEntry(path, index, entry) {
  const { ids, text, messages } = isRecord(entry) ? entry : {};
  if ([ids, text, messages].filter((form) => form !== void 0).length !== 1) {
    throw wrongEntry(path, index, `has to be one of ${FORMS}`);
  }
  if (ids !== void 0) return { ids: checkIds(path, index, ids) };
  if (messages !== void 0) return { messages: checkMessages(path, index, messages) };
  if (typeof text !== "string") throw wrongEntry(path, index, "has a text that is no string");
  return { text };
}
function checkIds(path, index, ids) {
  if (!Array.isArray(ids) || ids.length === 0) {
    throw wrongEntry(path, index, "has to have ids, an array of at least one token id");
  }
  const bad = ids.findIndex((id) => !(Number.isSafeInteger(id) && id >= 0));
  if (bad < 0) return ids;
  throw wrongEntry(path, index, `has ${JSON.stringify(ids[bad])} as id ${bad}, which is no token id`);
}
function checkMessages(path, index, messages) {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw wrongEntry(path, index, "has to have messages, an array of at least one message");
  }
  return messages.map((message, at) => {
    const { role, content } = isRecord(message) ? message : {};
    if (ROLES.includes(role) && typeof content === "string")
      return { role, content };
    const expected = `a role (${ROLES.join(", ")}) and a content, both strings`;
    throw wrongEntry(path, index, `has a message ${at} that needs ${expected}`);
  });
}
function parse(path, text) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n", 1)[0] : "";
    throw wrong(path, `${path} is no JSON: ${why}.`);
  }
}
function unreadable(path, cause) {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
  if (code === "ENOENT") return new ModelError("file-not-found", `There is no file ${path}.`, { path });
  const why = code === "EISDIR" ? "it is a folder" : code;
  return new ModelError("file-unreadable", `The file ${path} cannot be read: ${why}.`, {
    path,
    reason: code
  });
}
function wrongEntry(path, index, problem) {
  return wrong(path, `Entry ${index} of ${path} ${problem}.`, { entry: index });
}
function wrong(path, message, fields = {}) {
  return new InputError("invalid-option", message, { option: "FILE", path, ...fields });
}
function isRecord(value) {
  return typeof value === "object" && value !== null;
}
const STEP_TOKENS = 256;
const HELP$2 = `
FILE is a JSON array of {"ids": [1, 2]}, {"text": "…"} or {"messages": [{"role": "user", "content": "…"}]}. Messages go through
the model's chat template, with the generation prompt; no token is added otherwise.

--json prints {"model", "adapter", "precision", "dispatches", "kvBlocksPeak", "results"}. The results are in the order of the entries:
{"ids", "logprobs", "top", "nll", "generated": {"ids", "text"}}, with natural logarithms.

Examples:
  $ baton eval texts.json
  $ baton eval texts.json --top 12 --generate 48 --json --precision exact > results.json
`;
function addEval(program, io) {
  const command = program.command("eval").description("Log-probabilities of given tokens, the likeliest ones, and what greedily follows.").argument("<file>", "JSON file with what to evaluate").option(
    "--top <number>",
    "how many likeliest tokens to report at every position",
    parseNumber("--top"),
    0
  ).option("--generate <number>", "how many greedy tokens to generate", parseNumber("--generate"), 0).option(
    "--chunk <tokens>",
    `most tokens of a prefill chunk, where the adapter can hold their logits (default: ${STEP_TOKENS})`,
    parseNumber("--chunk")
  );
  addModelOptions(command).addHelpText("after", HELP$2);
  command.action((file, options) => evaluateFile(io, file, options));
}
async function evaluateFile(io, file, options) {
  const request = checkOptions(options);
  const entries = await readEvalFile(file);
  const stepTokens = Math.max(request.chunkTokens ?? 0, STEP_TOKENS);
  const more = { maxStepTokens: stepTokens, maxLogitRows: stepTokens };
  const use = async (runtime) => {
    const sequences = encodeEntries(file, entries, runtime.tokenizer, runtime.model.vocabTokens);
    const results = await evaluateAll(io, runtime, sequences, request, options.quiet === true);
    await (options.json ? printResults(io, runtime, results) : printTable(io, runtime, results));
  };
  await withRuntime(io, options, use, more);
}
function checkOptions({ top, generate, chunk }) {
  checkNumber("--top", top, { min: 0, max: 1e3, integer: true });
  checkNumber("--generate", generate, { min: 0, integer: true });
  checkOptionalNumber("--chunk", chunk, { min: 1, max: 4096, integer: true });
  return { top, generate, ...chunk !== void 0 && { chunkTokens: chunk } };
}
async function evaluateAll(io, runtime, sequences, request, quiet) {
  const progress = createProgress(io, quiet);
  const cost = (ids) => ids.length + request.generate;
  const total = sequences.reduce((sum, ids) => sum + cost(ids), 0);
  let done = 0;
  const report = () => progress.report({ phase: "evaluate", done, total, unit: "tokens", label: "" });
  return interruptible(io, async (signal) => {
    const results = [];
    for (const ids of sequences) {
      report();
      results.push(await runtime.evaluate({ ids, ...request, signal }));
      done += cost(ids);
    }
    report();
    return results;
  }).finally(() => progress.stop());
}
async function printResults(io, runtime, results) {
  const { dispatches, kvBlocksPeak } = runtime.stats();
  const names = { model: runtime.model.name, adapter: runtime.adapter.name, precision: runtime.precision };
  const head = JSON.stringify({ ...names, dispatches, kvBlocksPeak });
  await print(io, `${head.slice(0, -1)},"results":[`);
  for (const [index, { ids, logprobs, top, nll, generated }] of results.entries()) {
    const result = { ids, logprobs, top, nll, generated };
    await print(io, `${index === 0 ? "" : ","}
${JSON.stringify(result)}`);
  }
  await print(io, "\n]}\n");
}
async function printTable(io, runtime, results) {
  const { decode } = runtime.tokenizer;
  const rows = results.map(({ ids, nll, generated }, index) => [
    `${index}`,
    `${ids.length}`,
    nll.toFixed(4),
    Math.exp(nll).toFixed(3),
    excerpt(decode(ids), 32),
    excerpt(generated.text, 40)
  ]);
  const header = ["entry", "tokens", "nll", "perplexity", "text", "generated"];
  await print(io, formatTable([header, ...rows], [0, 1, 2, 3]));
  const { dispatches, kvBlocksPeak } = runtime.stats();
  const where = `${runtime.model.name} on ${runtime.adapter.name}, precision ${runtime.precision}`;
  await print(io, `
${where}; ${dispatches} dispatches, ${kvBlocksPeak} KV blocks at the peak
`);
}
const EXAMPLES$1 = `
A path or a URL of any GGUF file works in place of a name.

Examples:
  $ baton models
  $ baton models --json
`;
function addModels(program, io) {
  program.command("models").description("List the models that Baton knows by name.").option("--json", "print JSON for machines").addHelpText("after", EXAMPLES$1).action((options) => models(io, options.json === true));
}
async function models(io, json) {
  const folder = cacheFolder(io.env);
  const found = await Promise.all(catalogue.models.map((model) => describe(model, folder)));
  if (json) return printJson(io, { default: catalogue.default, cacheFolder: folder, models: found });
  const rows = found.map(({ name, bytes, licence, cached, title }) => [
    name === catalogue.default ? `${name} (default)` : name,
    formatBytes(bytes),
    licence,
    cached ? "in the cache" : "not downloaded",
    title
  ]);
  await print(io, formatTable([["name", "size", "licence", "file", "about"], ...rows], [1]));
  await print(io, styleOf(io.stdout, io).dim(`
cache: ${folder}
`));
}
async function describe(model, folder) {
  const { name, title, architecture, bytes, licence, sha256 } = model;
  const { path } = modelEntry(folder, model);
  const cached = (await stat(path).catch(() => void 0))?.size === bytes;
  return { name, title, architecture, bytes, licence, sha256, path, cached };
}
const EXAMPLES = `
Examples:
  $ baton run "Why is the sky blue?"
  $ baton run --system "Answer in French." --temperature 0.7 --seed 1 "Who are you?"
  $ baton run --max-tokens 32 --stop "." --json "Name a river."
`;
function addRun(program, io) {
  const command = program.command("run").description("Answer one prompt and end.").argument("<prompt...>", "what to answer").option("--system <text>", "system prompt");
  addAnswerOptions(addModelOptions(command), 512).addHelpText("after", EXAMPLES);
  command.action((words, options) => run(io, words.join(" "), options));
}
async function run(io, prompt, options) {
  checkPrompt(prompt);
  const send = sendOptions(options);
  const { system, json, quiet } = options;
  await withRuntime(io, options, async (runtime) => {
    const conversation = runtime.conversation(system === void 0 ? {} : { system });
    const show = async (text) => json ? void 0 : await print(io, text);
    const turn = await interruptible(
      io,
      (signal) => runTurn(conversation, prompt, { ...send, signal }, show)
    );
    if (json) return printJson(io, { ...turn, measured: measure(runtime, [turn]) });
    await print(io, "\n");
    if (!quiet) say(io, styleOf(io.stderr, io).dim(describeTurn(turn)));
  });
}
const LOOK_MS = 50;
async function runFleet(runtime, agents, {
  system,
  send,
  signal
}, watcher) {
  const open = agents.map((agent) => ({ agent, conversation: runtime.conversation({ system }) }));
  const seen = /* @__PURE__ */ new Map();
  const look = () => {
    const statuses = new Map(runtime.conversations().map((status) => [status.id, status]));
    for (const { agent, conversation } of open) {
      const status = statuses.get(conversation.id);
      const key = JSON.stringify([status?.phase, status?.device, status?.handoffs]);
      if (status === void 0 || seen.get(agent.name) === key) continue;
      seen.set(agent.name, key);
      watcher.changes(agent.name, status);
    }
    watcher.looks();
  };
  const looking = setInterval(look, LOOK_MS);
  try {
    return await Promise.all(
      open.map(async ({ agent, conversation }) => {
        const turns = [];
        for (const prompt of agent.prompts) {
          watcher.asks(agent.name, prompt);
          const turn = await runTurn(conversation, prompt, { ...send, signal }, async () => look());
          signal.throwIfAborted();
          turns.push(turn);
          watcher.answers(agent.name, turn);
        }
        look();
        const status = runtime.conversations().find(({ id }) => id === conversation.id);
        const { handoffs = 0, handoffBytes = 0 } = status ?? {};
        return { agent: agent.name, turns, handoffs, handoffBytes };
      })
    );
  } finally {
    clearInterval(looking);
    for (const { conversation } of open) conversation.dispose();
  }
}
const PHASES = {
  idle: "rests",
  waits: "waits for its turn",
  prefill: "reads its prompt",
  handoff: "moves",
  decode: "answers",
  parked: "rests in host memory"
};
function fleetView(io, runtime, names) {
  return io.stderr.isTTY === true ? new LiveView(io, runtime, names) : new LineView(io, names);
}
class LineView {
  #io;
  #width;
  #handoffs = /* @__PURE__ */ new Map();
  constructor(io, names) {
    this.#io = io;
    this.#width = Math.max(...names.map(({ length }) => length));
  }
  asks(agent, prompt) {
    this.#line(agent, `> ${prompt}`);
  }
  changes(agent, status) {
    const { phase, device, handoffs, handoffBytes } = status;
    if (handoffs > (this.#handoffs.get(agent) ?? 0))
      this.#line(agent, `  moved to ${device ?? "another device"}: ${formatBytes(handoffBytes)} of KV, once`);
    this.#handoffs.set(agent, handoffs);
    if (phase === "prefill" || phase === "waits" || phase === "parked")
      this.#line(agent, `  ${PHASES[phase]}${device === void 0 ? "" : ` on ${device}`}`);
  }
  answers(agent, turn) {
    this.#line(agent, `< ${turn.text.replaceAll(/\s+/g, " ").trim()}`);
    this.#line(agent, `  ${describeTurn(turn)}`);
  }
  looks() {
  }
  stop() {
  }
  #line(agent, text) {
    void print(this.#io, `${agent.padEnd(this.#width)}  ${text}
`).catch(() => {
    });
  }
}
class LiveView {
  #runtime;
  #bars;
  #devices;
  #agents;
  constructor(io, runtime, names) {
    this.#runtime = runtime;
    const stream = io.stderr;
    this.#bars = new cliProgress.MultiBar(
      { stream, hideCursor: true, emptyOnZero: true, barsize: 24, linewrap: false, forceRedraw: true },
      cliProgress.Presets.shades_classic
    );
    const columns = io.stderr.columns ?? 80;
    const width = Math.max(
      ...names.map(({ length }) => length),
      ...runtime.devices.map(({ id }) => id.length)
    );
    const format = "{name} {bar} {value} of {total} KV blocks, {work}";
    this.#devices = new Map(
      runtime.stats().devices.map(({ id, kvBlocks }) => {
        const named = { name: id.padEnd(width), work: "" };
        return [id, this.#bars.create(kvBlocks, 0, named, { format })];
      })
    );
    this.#agents = new Map(
      names.map((name) => {
        const bar = this.#bars.create(1, 0, { line: name }, { format: "{line}" });
        return [name, { bar, turn: "", status: "", moved: "" }];
      })
    );
    this.#line = (name, { bar, turn, status, moved }) => bar.update(0, {
      line: excerpt(`${name.padEnd(width)} ${status.padEnd(28)} ${moved.padEnd(10)} ${turn}`, columns - 1)
    });
  }
  #line;
  asks(agent, prompt) {
    this.#set(agent, { turn: `> ${prompt}` });
  }
  changes(agent, { phase, device, handoffs, handoffBytes }) {
    const status = `${PHASES[phase]}${device === void 0 ? "" : ` on ${device}`}`;
    this.#set(agent, { status, moved: handoffs > 0 ? formatBytes(handoffBytes) : "" });
  }
  answers(agent, { text }) {
    this.#set(agent, { turn: `< ${text.replaceAll(/\s+/g, " ").trim()}` });
  }
  looks() {
    for (const { id, kvBlocksUsed, turns, queued } of this.#runtime.stats().devices)
      this.#devices.get(id)?.update(kvBlocksUsed, { work: `${turns} at work, ${queued} wait` });
  }
  stop() {
    this.looks();
    this.#bars.stop();
  }
  #set(agent, change) {
    const row = this.#agents.get(agent);
    if (row === void 0) return;
    Object.assign(row, change);
    this.#line(agent, row);
  }
}
const SYSTEM = "You are a helpful AI assistant who answers in one or two sentences.";
const AGENTS = [
  { name: "traveller", prompts: ["What is the capital of France?", "Which river flows through it?"] },
  { name: "cook", prompts: ["What is bread made of?", "How long does it bake?"] },
  { name: "gardener", prompts: ["Name a flower that blooms in spring.", "What colour is it?"] },
  { name: "teacher", prompts: ["What is seven times eight?", "Why is the sky blue?"] }
];
const HELP$1 = `
Without a prompt: four agents' conversations at once, over two devices. Each one's first prompt runs on the prefiller, its KV cache is
copied once, and it stays on the decoder; --policy baton lets Baton decide. Then what was measured. With a prompt, that one turn,
and on a terminal a chat.

Examples:
  $ baton start
  $ baton start --policy baton
  $ baton start "Why is the sky blue?"
`;
function addStart(program, io) {
  const command = program.command("start").description("Show what Baton does: conversations over two devices, and what was measured.").argument("[prompt...]", "the only turn, in place of the agents").option(
    "--policy <name>",
    `where conversations run: ${Object.keys(policies).join(", ")}`,
    parsePolicy,
    "conserve"
  );
  addAnswerOptions(addModelOptions(command), 256).addHelpText("after", HELP$1);
  command.action((words, options) => start(io, words, options));
}
function parsePolicy(text) {
  if (Object.hasOwn(policies, text)) return text;
  throw invalidOption("--policy", text, `one of ${Object.keys(policies).join(", ")}`);
}
async function start(io, words, options) {
  const send = sendOptions(options);
  await (words.length > 0 ? startChat(io, words.join(" "), send, options) : startFleet(io, send, options));
}
async function startChat(io, prompt, send, options) {
  checkPrompt(prompt);
  const { json = false, quiet = false } = options;
  const { bold } = styleOf(io.stdout, io);
  await withRuntime(io, options, async (runtime) => {
    const conversation = runtime.conversation({ system: SYSTEM });
    const show = async (text) => json ? void 0 : await print(io, text);
    const turn = await interruptible(io, async (signal) => {
      await show(`${bold(`> ${prompt}`)}
`);
      const ended = await runTurn(conversation, prompt, { ...send, signal }, show);
      signal.throwIfAborted();
      return ended;
    });
    await show("\n");
    const measured = measure(runtime, [turn]);
    if (json) return printJson(io, { turns: [turn], measured });
    await print(io, `
${bold("measured")}
${describeMeasurements(measured, runtime.model)}`);
    if (isInteractive(io)) await chat(io, conversation, { send, json: false, quiet });
  });
}
async function startFleet(io, send, options) {
  const { json = false, policy, adapter } = options;
  const { adapter: _, ...others } = options;
  const named = adapter === void 0 ? {} : { adapter };
  const devices2 = [{ role: "prefiller", ...named }, { role: "decoder", ...named }];
  const use = async (runtime) => {
    const view = json ? void 0 : fleetView(io, runtime, AGENTS.map(({ name }) => name));
    const results = await interruptible(
      io,
      (signal) => runFleet(runtime, AGENTS, { system: SYSTEM, send, signal }, view ?? SILENT)
    ).finally(() => view?.stop());
    const measured = measure(runtime, results.flatMap(({ turns }) => turns));
    if (json) return printJson(io, { policy, agents: results, measured });
    const { bold } = styleOf(io.stdout, io);
    if (io.stderr.isTTY === true) await print(io, `
${answersOf(results)}`);
    await print(
      io,
      `
${bold("measured")}
${describeMeasurements(measured, runtime.model)}${movesOf(results, runtime)}`
    );
  };
  await withRuntime(io, others, use, { devices: devices2, policy });
}
const SILENT = { asks: () => {
}, changes: () => {
}, answers: () => {
}, looks: () => {
} };
function answersOf(results) {
  const lines = results.flatMap(
    ({ agent, turns }) => turns.map(({ prompt, text }) => `${agent}: ${prompt}
  ${text.trim().replaceAll("\n", "\n  ")}
`)
  );
  return lines.join("");
}
function movesOf(results, { policy, devices: devices2 }) {
  const handoffs = results.reduce((sum, one) => sum + one.handoffs, 0);
  const bytes = results.reduce((sum, one) => sum + one.handoffBytes, 0);
  return formatTable([
    ["policy      ", `${policy}, over ${devices2.map(({ id }) => id).join(" and ")}`],
    ["handoffs    ", `${handoffs} of ${results.length} conversations, ${formatBytes(bytes)} of KV`]
  ]);
}
const HELP = `
What is found is remembered for this adapter, its driver, this version and models of this shape, and taken at the next start.
\`baton devices --kernels\` shows it. Numeric classes are never mixed, and "exact" has nothing to tune.

Examples:
  $ baton tune
  $ baton tune --model ./my-model.gguf --budget-s 60
  $ baton tune --adapter llvmpipe --json
`;
function addTune(program, io) {
  const command = program.command("tune").description("Measure which kernels are best for a model on an adapter, and remember it.").option(
    "--budget-s <seconds>",
    "most seconds to measure (default: 20 on a software adapter, 3 on a GPU)",
    parseNumber("--budget-s")
  );
  addModelOptions(command).addHelpText("after", HELP);
  command.action((options) => tuneModel(io, options));
}
async function tuneModel(io, options) {
  assertTunable(options);
  const { budgetS, json, quiet } = options;
  if (budgetS !== void 0) checkNumber("--budget-s", budgetS, { min: 0.1, max: 3600 });
  const result = await withRuntime(io, options, async (runtime) => {
    const progress = createProgress(io, quiet === true);
    const onProgress = (work) => progress.report(work);
    const given = budgetS === void 0 ? {} : { budgetMs: budgetS * 1e3 };
    return interruptible(io, (signal) => runtime.tune({ ...given, onProgress, signal })).finally(
      () => progress.stop()
    );
  });
  await (json ? printJson(io, result) : print(io, textOf(result)));
}
function textOf(result) {
  const kept = result.remembered ? "Remembered: the next start takes these kernels." : "Not remembered: the cache folder cannot be written. Set BATON_CACHE to a folder that can.";
  return `${describeTuning(result)}${kept}
`;
}
const commands = [
  addStart,
  addRun,
  addChat,
  addEval,
  addModels,
  addDevices,
  addTune
];
const ENVIRONMENT = `
Environment:
  BATON_ADAPTER  part of the name of the adapter to use
  BATON_CACHE    folder for what was downloaded
  BATON_DEBUG    set: errors come with their stack
  NO_COLOR       set: no colours

Examples:
  $ baton start
  $ baton run "Why is the sky blue?"
  $ baton chat --model ./my-model.gguf
`;
async function runCli(args, io) {
  for (const stream of [io.stdout, io.stderr]) stream.on("error", () => {
  });
  try {
    await createProgram(io).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return await fail(error, io, args.includes("--json"));
  }
}
function createProgram(io) {
  const program = new Command("baton");
  program.description("Runs small language models on WebGPU.").version(version, "--version", "print the version").helpOption("--help", "print help").helpCommand("help [command]", "print help on a command").showHelpAfterError("(add --help for what there is)").addHelpText("after", ENVIRONMENT).exitOverride().configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: (text) => void io.stderr.write(text),
    getOutHelpWidth: () => io.stdout.columns ?? 100,
    getErrHelpWidth: () => io.stderr.columns ?? 100
  });
  for (const add of commands) add(program, io);
  return program;
}
process.exitCode = await runCli(process.argv.slice(2), processIo());
//# sourceMappingURL=cli.js.map
