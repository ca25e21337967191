import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findChromium } from "../../scripts/chromium.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-dev-shm-usage",
  "--disable-sync",
  "--enable-logging=stderr",
  "--no-first-run",
];

/** WebGPU on SwiftShader, whatever else the machine has. */
export const softwareFlags: readonly string[] = ["--use-webgpu-adapter=swiftshader"];
/** WebGPU on the machine's GPU, which on Linux is behind a flag. */
export const hardwareFlags: readonly string[] = ["--enable-features=Vulkan", "--ignore-gpu-blocklist"];

/** Chrome says this of every page that asks for an adapter, and of a server's 404. */
const EXPECTED = /WebGPU is experimental on this platform|server responded with a status of 404/;
/** Of a GPU process that has ended, and of one that is not back yet. */
const EXPECTED_AFTER_CRASH =
  /A valid external Instance reference no longer exists|Failed to create WebGPU Context Provider/;

/** A headless Chromium of its own, with a profile of its own. */
export class Browser {
  /** What its console said, what is always said left out. */
  readonly console: string[] = [];
  readonly #log: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #ended: Promise<string>;
  #hasCrashed = false;

  /** @throws Error when there is no Chromium */
  constructor(url: string, gpuFlags: readonly string[] = softwareFlags) {
    const chromium = findChromium();
    if (!chromium) {
      throw new Error(
        "There is no Chromium to test in: `npm run test:full` fetches one on Linux x64; elsewhere install Chrome, or set CHROME_PATH to it.",
      );
    }
    this.#profile = mkdtempSync(join(tmpdir(), "baton-chromium-"));
    // A process group of its own, so that all its processes can be ended and no other.
    const flags = [...FLAGS, ...gpuFlags, `--user-data-dir=${this.#profile}`];
    this.#process = spawn(chromium.path, [...flags, url], {
      detached: true,
      env: { ...process.env, ...chromium.env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (this.#process.stderr)
      createInterface({ input: this.#process.stderr }).on("line", (line) => this.#note(line));
    this.#ended = Promise.race([
      once(this.#process, "error").then(([error]) => String(error)),
      once(this.#process, "exit").then(([code, signal]) => `it ended with ${code ?? signal}`),
    ]);
  }

  /** `report`, or an error with the browser's last words where it ends first or `limitMs` pass. */
  async until<T>(report: Promise<T>, limitMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`nothing came within ${limitMs / 1000} s`), limitMs);
    });
    const failed = Promise.race([this.#ended, limit]).then((reason) => {
      throw new Error(`Chromium gave no report: ${reason}. It said:\n${this.#log.slice(-20).join("\n")}`);
    });
    try {
      return await Promise.race([report, failed]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process in which the browser keeps its GPU, as a driver's crash would. On Linux; elsewhere nothing happens. */
  crashGpu(): void {
    if (process.platform !== "linux") return;
    this.#hasCrashed = true;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      if (isGpuProcess(pid, this.#process.pid)) process.kill(Number(pid), "SIGKILL");
    }
  }

  async stop(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      process.kill(-pid, "SIGKILL");
      await this.#ended;
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }

  #note(line: string): void {
    this.#log.push(line);
    const isExpected = EXPECTED.test(line) || (this.#hasCrashed && EXPECTED_AFTER_CRASH.test(line));
    if (/:CONSOLE\W\d+/.test(line) && !isExpected) this.console.push(line);
  }
}

/** Whether it is the GPU process of the process group `group`. */
function isGpuProcess(pid: string, group: number | undefined): boolean {
  try {
    // "pid (name) state parent group …"; the name can hold anything.
    const [, , pgrp] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return Number(pgrp) === group && command.includes("--type=gpu-process");
  } catch {
    return false; // it has ended meanwhile
  }
}
