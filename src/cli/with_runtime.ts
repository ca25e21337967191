import { createInterface } from "node:readline/promises";
import type { Runtime, RuntimeOptions } from "../api.ts";
import { createNodePlatform, createRuntime } from "../node.ts";
import type { Platform } from "../platform/platform.ts";
import { interruptible } from "./interrupt.ts";
import { type Io, say } from "./io.ts";
import { type ModelOptions, runtimeOptions } from "./model_options.ts";
import { createProgress } from "./progress_display.ts";

/** Opens a runtime with progress on stderr, and disposes it whatever comes of `use`. Ctrl-C stops the loading. */
export async function withRuntime<T>(
  io: Io,
  options: ModelOptions,
  use: (runtime: Runtime) => Promise<T>,
  more: Partial<RuntimeOptions> = {},
): Promise<T> {
  const quiet = options.quiet === true;
  const progress = createProgress(io, quiet);
  const platform = announcing(
    createNodePlatform({ allowInstall: (command) => mayInstall(io, command) }),
    (line) => {
      if (!quiet) say(io, line);
    },
  );
  const report = { onProgress: progress.report.bind(progress) };
  const runtime = await interruptible(io, (signal) =>
    createRuntime({ ...runtimeOptions(options), ...more, ...report, platform, signal }),
  ).finally(() => progress.stop());
  try {
    return await use(runtime);
  } finally {
    await runtime.dispose();
  }
}

/** Says at once, before anything is downloaded, when all will be slow. */
function announcing(platform: Platform, announce: (line: string) => void): Platform {
  return {
    ...platform,
    openAdapter: async (request) => {
      const opened = await platform.openAdapter(request);
      if (opened.summary.software)
        announce(`${opened.summary.name} is a software adapter: everything is slow on it.`);
      return opened;
    },
  };
}

/** A system package is asked for where somebody can read the question and answer it. */
async function mayInstall(io: Io, command: string): Promise<boolean> {
  say(io, `pip is missing; it can be installed by: ${command}`);
  if (!(io.stdin.isTTY && io.stderr.isTTY)) return true;
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  const answer = await terminal.question("Install it? [Y/n] ");
  terminal.close();
  return !/^\s*n/i.test(answer);
}
