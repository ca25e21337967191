import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { type Io, isInteractive, type Output } from "./io.ts";

/**
 * Lines from a person or a pipe. One readline interface from the first line to the last, so that pasted and piped lines wait
 * their turn; while an answer is written, what is typed is kept and not echoed into it.
 */
export class Prompter {
  readonly #interface: Interface;
  readonly #echo: Echo | undefined;
  readonly #lines: string[] = [];
  #waiting: ((line: string | undefined) => void) | undefined;
  #ended = false;
  #stopAnswer: (() => void) | undefined;

  constructor(io: Io, prompt: string) {
    const terminal = isInteractive(io);
    this.#echo = terminal ? new Echo(io.stdout) : undefined;
    const output = this.#echo && { output: this.#echo };
    this.#interface = createInterface({ input: io.stdin, ...output, terminal, prompt });
    this.#interface.on("line", (line) => this.#arrive(line));
    this.#interface.on("close", () => {
      this.#ended = true;
      this.#arrive(undefined);
    });
    this.#interface.on("SIGINT", () => this.#interrupt());
  }

  /** The next line; undefined when there is none any more. */
  next(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#ended) return Promise.resolve(line);
    // The terminal may hold part of a line that was typed during the answer.
    this.#interface.prompt(true);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Runs `work` with a signal that Ctrl-C on the terminal aborts. */
  async answering<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#stopAnswer = () => controller.abort();
    if (this.#echo) this.#echo.muted = true;
    try {
      return await work(controller.signal);
    } finally {
      if (this.#echo) this.#echo.muted = false;
      this.#stopAnswer = undefined;
    }
  }

  close(): void {
    this.#interface.close();
  }

  #arrive(line: string | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(line);
    else if (line !== undefined) this.#lines.push(line);
  }

  #interrupt(): void {
    if (this.#stopAnswer) this.#stopAnswer();
    else if (this.#interface.line === "") this.close();
    else {
      this.#interface.write(null, { ctrl: true, name: "e" });
      this.#interface.write(null, { ctrl: true, name: "u" });
    }
  }
}

/** The terminal as readline sees it. */
class Echo extends Writable {
  muted = false;
  readonly #terminal: Output;

  constructor(terminal: Output) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
  }

  get columns(): number | undefined {
    return this.#terminal.columns;
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    if (!this.muted) this.#terminal.write(chunk);
    done();
  }
}
