import { BatonError } from "../../src/index.ts";

/** The class and code of the error that `failing` ends in, as a caller would tell them apart. */
export async function codeOf(failing: Promise<unknown>): Promise<string> {
  try {
    await failing;
    return "no error";
  } catch (error) {
    return error instanceof BatonError ? `${error.name} ${error.code}` : `not typed: ${String(error)}`;
  }
}

/** What a worker posts first. */
export async function inWorker(worker: Worker): Promise<unknown> {
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`The worker failed: ${message}`));
    });
  } finally {
    worker.terminate();
  }
}
