import { createRuntime } from "../../src/index.ts";
import { answersOf } from "./answers.ts";

/** The same answers from a Web Worker, where there is no document. */
globalThis.onmessage = async ({ data: model }: MessageEvent<string>) => {
  const runtime = await createRuntime({ model, precision: "exact", kvMiB: 2 });
  postMessage(await answersOf(runtime));
  await runtime.dispose();
};
