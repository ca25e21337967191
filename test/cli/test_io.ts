import { PassThrough } from "node:stream";
import { runCli } from "../../src/cli/cli.ts";
import type { Io } from "../../src/cli/io.ts";

export interface TestIoOptions {
  /** Whether the streams say that they are a terminal. */
  readonly terminal?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

/** Streams that a test writes and reads. */
export class TestIo implements Io {
  readonly stdin: PassThrough & { readonly isTTY: boolean };
  readonly stdout: PassThrough & { readonly isTTY: boolean };
  readonly stderr: PassThrough & { readonly isTTY: boolean };
  readonly env: NodeJS.ProcessEnv;
  /** Everything written to either, in order. */
  output = "";
  out = "";
  errors = "";
  readonly #interrupts = new Set<() => void>();
  readonly #watchers = new Set<() => void>();

  constructor({ terminal = false, env = {} }: TestIoOptions = {}) {
    const stream = () => Object.assign(new PassThrough(), { isTTY: terminal, columns: 100 });
    this.stdin = stream();
    this.stdout = stream();
    this.stderr = stream();
    this.env = env;
    this.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
      this.#arrived(text);
    });
    this.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.errors += text;
      this.#arrived(text);
    });
  }

  onInterrupt(handler: () => void): () => void {
    this.#interrupts.add(handler);
    return () => this.#interrupts.delete(handler);
  }

  /** Ctrl-C outside of readline. */
  interrupt(): void {
    for (const handler of [...this.#interrupts]) handler();
  }

  /** Resolves when `text` has been written after what earlier calls waited for, and the program has had its turn since. */
  async until(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
    this.output = this.output.slice(this.output.indexOf(text) + text.length);
    await new Promise(setImmediate);
  }

  #arrived(text: string): void {
    this.output += text;
    for (const watcher of [...this.#watchers]) watcher();
  }
}

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly errors: string;
}

/** Runs the program to its end, with `input` as its stdin. */
export async function baton(args: readonly string[], input = ""): Promise<Ran> {
  const io = new TestIo();
  io.stdin.end(input);
  const status = await runCli(args, io);
  await new Promise(setImmediate); // what was written last arrives
  return { status, out: io.out, errors: io.errors };
}
