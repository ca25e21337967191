import { BatonError } from "../../src/errors.ts";
import { openDevice } from "../../src/gpu/device.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { createBrowserPlatform } from "../../src/platform/browser/browser_platform.ts";
import { runEngine } from "../engine_run.ts";
import { openRandomModel } from "../random_model.ts";
import { TraceLog } from "../trace.ts";
import { type PageJob, type PageOutcome, type PageProgress, paths } from "./paths.ts";

/** Measures in the page what the server asks for, and posts what came out. */

async function measure(job: PageJob): Promise<PageOutcome> {
  const platform = createBrowserPlatform();
  const { signal } = new AbortController();
  const gpu = await openDevice(await platform.openAdapter({}));
  try {
    const { name, shape, kvMiB, ...asked } = job;
    const open = async () => {
      if (shape) return openRandomModel(name, shape, job.seed, signal);
      return openGguf(await platform.resolveModel(paths.model, { signal }), { signal });
    };
    const trace = new TraceLog();
    const run = await runEngine({ gpu, open, kvMiB, ...asked, signal, onProgress: progressPoster() }, trace);
    return { kind: "run", browser: navigator.userAgent, run, slices: trace.slices };
  } finally {
    gpu.destroy();
  }
}

/** One at a time: what comes while one is under way is left out, as the next one says more. */
function progressPoster(): (work: PageProgress) => void {
  let busy = false;
  return (work) => {
    if (busy) return;
    busy = true;
    void post(paths.progress, work).finally(() => {
      busy = false;
    });
  };
}

function post(path: string, value: unknown): Promise<unknown> {
  return fetch(path, { method: "POST", body: JSON.stringify(value) });
}

async function run(): Promise<void> {
  const job = (await (await fetch(paths.job)).json()) as PageJob;
  const outcome = await measure(job).catch((error: unknown): PageOutcome => {
    const plain = error instanceof BatonError ? error.toPlain() : String(error);
    return { kind: "error", error: plain };
  });
  await post(paths.outcome, outcome);
}

await run();
