import { PassThrough } from "node:stream";
import { runBench } from "../../bench/bench.ts";

/** Runs the benchmarks' program as its entry does, with streams that are read at the end. */
export async function bench(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdin: new PassThrough(), stdout, stderr, env: {}, onInterrupt: () => () => {} };
  const status = await runBench(args, io);
  return { status, stdout: textOf(stdout), stderr: textOf(stderr) };
}

function textOf(stream: PassThrough): string {
  const bytes: unknown = stream.read();
  return bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : "";
}
