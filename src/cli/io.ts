import type { Readable, Writable } from "node:stream";

/** What a command reads and writes: the process's own streams, or a test's. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Calls `handler` at Ctrl-C until the returned function is called. While nobody listens, Ctrl-C ends the process. */
  onInterrupt(handler: () => void): () => void;
}

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Nobody reads stdout any more (`baton … | head`): no error, but no use in going on. */
export class OutputClosed extends Error {}

export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  return {
    stdin,
    stdout,
    stderr,
    env,
    onInterrupt: (handler) => {
      process.on("SIGINT", handler);
      return () => process.off("SIGINT", handler);
    },
  };
}

/** True where a person can be talked with. */
export function isInteractive({ stdin, stdout }: Io): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

/** Resolves when the text has left. @throws OutputClosed */
export function print({ stdout }: Io, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(text, (error) => {
      if (!error) resolve();
      else reject(isClosed(error) ? new OutputClosed() : error);
    });
  });
}

/** One object on one line. @throws OutputClosed */
export function printJson(io: Io, value: unknown): Promise<void> {
  return print(io, `${JSON.stringify(value)}\n`);
}

/** A line for the person, beside the output. */
export function say({ stderr }: Io, line: string): void {
  stderr.write(`${line}\n`);
}

function isClosed(error: Error): boolean {
  return "code" in error && ["EPIPE", "ERR_STREAM_DESTROYED", "EOF"].includes(String(error.code));
}
