import type { WorkerPort } from "./link.ts";

/**
 * A worker of the runtime's own. Bundlers know this form and bundle the script; the library's build keeps it, with the name that the
 * script has there (vite.config.ts).
 */
export function spawnWorker(workerUrl: string | URL | undefined): WorkerPort {
  const worker =
    workerUrl === undefined
      ? new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })
      : new Worker(workerUrl, { type: "module" });
  return { endpoint: worker, terminate: () => worker.terminate() };
}
