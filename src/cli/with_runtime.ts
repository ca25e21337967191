import type { Runtime, RuntimeOptions } from "../api.ts";
import { createNodePlatform, createRuntime } from "../node.ts";
import type { Platform } from "../platform/platform.ts";
import { askToInstall } from "./ask_to_install.ts";
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
  const announce = (line: string) => {
    if (!quiet) say(io, line);
  };
  const onProgress = progress.report.bind(progress);
  const runtime = await interruptible(io, (signal, interrupt) => {
    const allowInstall = (command: string) => askToInstall(io, command, interrupt);
    const platform = announcing(createNodePlatform({ allowInstall }), announce);
    return createRuntime({ ...runtimeOptions(options), ...more, onProgress, platform, signal });
  }).finally(() => progress.stop());
  try {
    return await use(runtime);
  } finally {
    await runtime.dispose();
  }
}

/** Says at once, before anything is downloaded, when all will be slow. */
function announcing(platform: Platform, announce: (line: string) => void): Platform {
  const announced = new Set<string>();
  return {
    ...platform,
    openAdapter: async (request) => {
      const opened = await platform.openAdapter(request);
      const { name, software } = opened.summary;
      if (software && !announced.has(name))
        announce(`${name} is a software adapter: everything is slow on it.`);
      announced.add(name);
      return opened;
    },
  };
}
