import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import type { PeerAnswer, PeerIdentity, PeerJob, PeerRequest, PeerSample } from "./protocol.ts";

/** An engine in a process or page of its own. A peer that failed is stopped and stays so. */
export interface Peer {
  readonly name: string;
  /** @throws PeerFailure */
  load(job: PeerJob, limitMs: number): Promise<PeerIdentity>;
  /** @throws PeerFailure */
  run(tokens: number, limitMs: number): Promise<PeerSample>;
  stop(): Promise<void>;
}

/** Why a peer has no figures: one line for the table. */
export class PeerFailure extends Error {}

const LAST_LINES = 20;

/** A peer in a child process, started at its first request, that answers one request at a time. */
export class PeerProcess implements Peer {
  readonly name: string;
  readonly #command: readonly [script: string, ...args: string[]];
  readonly #env: NodeJS.ProcessEnv;
  readonly #lines: string[] = [];
  #child: ChildProcess | undefined;

  /** @param env what is added to this process's own */
  constructor(
    name: string,
    command: readonly [script: string, ...args: string[]],
    env: Readonly<Record<string, string>>,
  ) {
    this.name = name;
    this.#command = command;
    this.#env = { ...process.env, ...env };
  }

  async load(job: PeerJob, limitMs: number): Promise<PeerIdentity> {
    const answer = await this.#ask({ kind: "load", job }, limitMs);
    if (answer.kind !== "loaded") throw new PeerFailure(`it answered ${answer.kind} to load`);
    const { version, device } = answer;
    return { version, device };
  }

  async run(tokens: number, limitMs: number): Promise<PeerSample> {
    const answer = await this.#ask({ kind: "run", tokens }, limitMs);
    if (answer.kind !== "ran") throw new PeerFailure(`it answered ${answer.kind} to run`);
    const { prefillMs, decodeMs, tokens: ids } = answer;
    return { prefillMs, decodeMs, tokens: ids };
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  #start(): ChildProcess {
    const [script, ...args] = this.#command;
    const child = fork(script, args, { env: this.#env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const input of [child.stdout, child.stderr]) {
      if (!input) continue;
      createInterface({ input }).on("line", (line) => {
        this.#lines.push(line);
        if (this.#lines.length > LAST_LINES) this.#lines.shift();
      });
    }
    this.#child = child;
    return child;
  }

  async #ask(request: PeerRequest, limitMs: number): Promise<Exclude<PeerAnswer, { kind: "failed" }>> {
    const child = this.#child ?? this.#start();
    try {
      const answer = await this.#answerOf(child, request, limitMs);
      if (answer.kind === "failed") throw new PeerFailure(oneLine(answer.reason));
      return answer;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #answerOf(child: ChildProcess, request: PeerRequest, limitMs: number): Promise<PeerAnswer> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => settle(() => reject(new PeerFailure(reason)));
      const onMessage = (answer: PeerAnswer) => settle(() => resolve(answer));
      // Not "exit": by "close" its last words have been read.
      const onClose = (code: number | null, signal: string | null) =>
        fail(`its process ended with ${signal ?? `status ${code}`}${this.#lastWords()}`);
      const onError = (error: Error) => fail(oneLine(error.message));
      const timer = setTimeout(() => fail(`no answer within ${limitMs / 1000} s`), limitMs);
      const settle = (end: () => void) => {
        clearTimeout(timer);
        child.off("message", onMessage).off("close", onClose).off("error", onError);
        end();
      };
      if (child.exitCode !== null || child.signalCode !== null) {
        onClose(child.exitCode, child.signalCode);
        return;
      }
      child.on("message", onMessage).on("close", onClose).on("error", onError);
      child.send(request, (error) => {
        // A process that is gone is told of by "close", with its last words.
        if (error && child.exitCode === null && child.signalCode === null) onError(error);
      });
    });
  }

  /** The line that names an error, or the last one. */
  #lastWords(): string {
    const line = this.#lines.findLast((one) => /error/i.test(one)) ?? this.#lines.at(-1);
    return line === undefined ? "" : `: ${oneLine(line)}`;
  }
}

/** What fits into a table's notes. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`;
}
