import { CommanderError } from "commander";
import { B as BatonError } from "./errors-Dmr1zGcT.js";
import { i as invalidOption, e as catalogue } from "./runtime-BhiITdvg.js";
import cliProgress from "cli-progress";
class OutputClosed extends Error {
}
function processIo() {
  const { stdin, stdout, stderr, env } = process;
  return {
    stdin,
    stdout,
    stderr,
    env,
    onInterrupt: (handler) => {
      process.on("SIGINT", handler);
      return () => process.off("SIGINT", handler);
    }
  };
}
function isInteractive({ stdin, stdout }) {
  return stdin.isTTY === true && stdout.isTTY === true;
}
function print({ stdout }, text) {
  return new Promise((resolve, reject) => {
    stdout.write(text, (error) => {
      if (!error) resolve();
      else reject(isClosed(error) ? new OutputClosed() : error);
    });
  });
}
function printJson(io, value) {
  return print(io, `${JSON.stringify(value)}
`);
}
function say({ stderr }, line) {
  stderr.write(`${line}
`);
}
function isClosed(error) {
  return "code" in error && ["EPIPE", "ERR_STREAM_DESTROYED", "EOF"].includes(String(error.code));
}
class Interrupted extends Error {
}
async function interruptible(io, work) {
  const controller = new AbortController();
  const interrupt = () => {
    stopListening();
    controller.abort(new Interrupted());
  };
  const stopListening = io.onInterrupt(interrupt);
  try {
    const result = await work(controller.signal, interrupt);
    controller.signal.throwIfAborted();
    return result;
  } finally {
    stopListening();
  }
}
function styleOf(stream, { env }) {
  const coloured = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  const paint = (open, close) => (text) => coloured ? `\x1B[${open}m${text}\x1B[${close}m` : text;
  return { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39) };
}
const INTERRUPTED_STATUS = 130;
async function fail(error, io, json) {
  if (error instanceof OutputClosed) return 0;
  if (error instanceof Interrupted) return INTERRUPTED_STATUS;
  if (error instanceof CommanderError) return error.exitCode;
  const { code, message, fields } = plain(error);
  say(io, `${styleOf(io.stderr, io).red("error")} (${code}): ${message}`);
  if (io.env.BATON_DEBUG && error instanceof Error) say(io, error.stack ?? "");
  if (json) await printJson(io, { error: { code, message, fields } }).catch(() => {
  });
  return 1;
}
function plain(error) {
  if (error instanceof BatonError) return error.toPlain();
  const what = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]?.replace(/\.$/, "");
  const message = `${what}. This is a defect of Baton: please report it, with what is printed when BATON_DEBUG=1 is set.`;
  return { code: "unexpected", message, fields: {} };
}
function formatBytes(bytes) {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
function formatMs(ms) {
  return ms < 1e3 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1e3).toFixed(2)} s`;
}
function formatRate(tokensPerSecond) {
  return tokensPerSecond == null ? "not measured" : `${tokensPerSecond.toFixed(1)} tokens/s`;
}
function formatTable(rows, rightAligned = []) {
  const widths = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const pad = (cell, column) => rightAligned.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return rows.map((row) => `${row.map(pad).join("  ").trimEnd()}
`).join("");
}
function excerpt(text, length) {
  const line = text.replaceAll(/\s+/g, " ").trim();
  const characters = [...line];
  return characters.length <= length ? line : `${characters.slice(0, length - 1).join("")}…`;
}
const PRECISIONS = "exact, default or fast";
function addModelOptions(command) {
  return command.option("--model <model>", "name in the catalogue, path or URL of a GGUF file", catalogue.default).option(
    "--adapter <name>",
    "part of the name of the adapter to use (default: BATON_ADAPTER, or the best)"
  ).option("--precision <class>", PRECISIONS, parsePrecision, "default").option(
    "--kv-mib <MiB>",
    "size of the KV pool (default: from the model and the adapter)",
    parseNumber("--kv-mib")
  ).option("--json", "print JSON for machines").option("--quiet", "nothing on stderr but errors");
}
function runtimeOptions({ model, adapter, precision, kvMib }) {
  const given = { ...adapter !== void 0 && { adapter }, ...kvMib !== void 0 && { kvMiB: kvMib } };
  return { model, precision, ...given };
}
function parseNumber(option) {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isNaN(value)) throw invalidOption(option, text, "a number");
    return value;
  };
}
function parsePrecision(text) {
  if (text === "exact" || text === "default" || text === "fast") return text;
  throw invalidOption("--precision", text, PRECISIONS);
}
const WORDS = {
  download: "downloading",
  verify: "checking",
  load: "loading",
  compile: "compiling",
  "warm-up": "warming up",
  tune: "tuning",
  evaluate: "evaluating",
  measure: "measuring"
};
const LINE_INTERVAL_MS = 5e3;
function createProgress(io, quiet, now = () => performance.now()) {
  if (quiet) return { report: () => {
  }, stop: () => {
  } };
  return new Steps(io, io.stderr.isTTY === true ? new Bars(io) : new Lines(io, now));
}
class Steps {
  #io;
  #counter;
  #step = "";
  constructor(io, counter) {
    this.#io = io;
    this.#counter = counter;
  }
  report(work) {
    if (work.total !== void 0 || work.done > 0) {
      this.#counter.report(work);
    } else if (work.label !== this.#step) {
      this.#step = work.label;
      this.stop();
      say(this.#io, `${WORDS[work.phase]}: ${work.label}`);
    }
  }
  stop() {
    this.#counter.stop();
  }
}
class Bars {
  #io;
  #display;
  #bars = /* @__PURE__ */ new Map();
  constructor(io) {
    this.#io = io;
  }
  report(work) {
    const { phase, done, total } = work;
    const kind = `${phase} ${total}`;
    const payload = { phase: WORDS[phase].padEnd(11), amount: amountOf(work) };
    const bar = this.#bars.get(kind);
    if (bar) bar.update(done, payload);
    else this.#bars.set(kind, this.#begin(done, total, payload));
  }
  #begin(done, total, payload) {
    const format = total === void 0 ? "{phase} {amount}" : "{phase} {bar} {amount}";
    const options = { stream: this.#io.stderr, barsize: 30, gracefulExit: false };
    this.#display ??= new cliProgress.MultiBar(options, cliProgress.Presets.shades_classic);
    return this.#display.create(total ?? 0, done, payload, { format });
  }
  stop() {
    this.#display?.stop();
    this.#display = void 0;
    this.#bars.clear();
  }
}
class Lines {
  #io;
  #now;
  /** When each phase under way was last spoken of. */
  #lastMs = /* @__PURE__ */ new Map();
  constructor(io, now) {
    this.#io = io;
    this.#now = now;
  }
  report(work) {
    const { phase, done, total } = work;
    const ended = done === total;
    const lastMs = this.#lastMs.get(phase);
    if (lastMs === void 0) {
      if (ended) return;
      this.#lastMs.set(phase, this.#now());
      return;
    }
    if (!ended && this.#now() - lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs.set(phase, this.#now());
    say(this.#io, `${WORDS[phase]}: ${amountOf(work)}`);
    if (ended) this.#lastMs.delete(phase);
  }
  stop() {
    this.#lastMs.clear();
  }
}
function amountOf({ done, total, unit }) {
  const shown = unit === "bytes" ? formatBytes : (count) => `${count}`;
  const suffix = unit === "bytes" ? "" : ` ${unit}`;
  if (total === void 0) return `${shown(done)}${suffix}`;
  return `${shown(done)} of ${shown(total)}${suffix}`;
}
function summarize(samples) {
  if (samples.length === 0) return void 0;
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    samples: sorted.length,
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  };
}
function quantile(sorted, q) {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}
const version = "0.1.0";
export {
  printJson as a,
  print as b,
  createProgress as c,
  summarize as d,
  addModelOptions as e,
  formatTable as f,
  formatBytes as g,
  formatMs as h,
  interruptible as i,
  fail as j,
  processIo as k,
  formatRate as l,
  isInteractive as m,
  styleOf as n,
  excerpt as o,
  parseNumber as p,
  quantile as q,
  runtimeOptions as r,
  say as s,
  version as v
};
//# sourceMappingURL=package-BWK74KI4.js.map
