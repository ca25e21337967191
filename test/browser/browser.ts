import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findChromium } from "../../scripts/chromium.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-dev-shm-usage",
  "--disable-sync",
  "--enable-logging=stderr",
  "--no-first-run",
];

/** Chrome says this of every page that asks for an adapter, and of a server's 404. */
const EXPECTED = /WebGPU is experimental on this platform|the server responded with a status of 404/;

/** A headless Chromium of its own, with a profile of its own, whose WebGPU is SwiftShader. */
export class Browser {
  /** What its console said, what is always said left out. */
  readonly console: string[] = [];
  readonly #log: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #ended: Promise<string>;

  /** @throws Error when there is no Chromium */
  constructor(url: string) {
    const chromium = findChromium();
    if (!chromium) {
      throw new Error(
        "There is no Chromium to test in: `npm run test:full` fetches one on Linux x64; elsewhere install Chrome, or set CHROME_PATH to it.",
      );
    }
    this.#profile = mkdtempSync(join(tmpdir(), "baton-chromium-"));
    // A process group of its own, so that all its processes can be ended and no other.
    this.#process = spawn(chromium.path, [...FLAGS, `--user-data-dir=${this.#profile}`, url], {
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
    if (/:CONSOLE\W\d+/.test(line) && !EXPECTED.test(line)) this.console.push(line);
  }
}
