import { createRuntime } from "../../src/index.ts";
import { answersOf } from "./answers.ts";

/** The same answers from a Web Worker, where there is no document. */
async function run(model: string): Promise<void> {
  const runtime = await createRuntime({ model, precision: "exact", kvMiB: 2 });
  postMessage(await answersOf(runtime));
  await runtime.dispose();
}

// Thrown in a promise, an error would stay in the worker; reported, it reaches the page's onerror.
globalThis.onmessage = ({ data }: MessageEvent<string>) => void run(data).catch(reportError);
