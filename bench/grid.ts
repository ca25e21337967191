import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Work } from "../src/cli/progress_display.ts";
import type { GridPoint, PointResult } from "../src/simulator/grid_point.ts";

/** Points of a grid, simulated by as many threads as the machine has cores. */

interface Running {
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
}

type Answer = { readonly result: PointResult } | { readonly error: unknown };

/** In the order of the points. @throws what a point cannot be simulated for; the signal's reason */
export async function runGrid(
  points: readonly GridPoint[],
  { signal, onProgress }: Running,
): Promise<readonly PointResult[]> {
  const results = new Map<number, PointResult>();
  let next = 0;
  const threads = Array.from(
    { length: Math.min(points.length, availableParallelism()) },
    () => new Worker(workerPath()),
  );
  const report = () =>
    onProgress({ phase: "measure", done: results.size, total: points.length, unit: "points", label: "" });
  const work = async (thread: Worker) => {
    for (let at = next++; at < points.length; at = next++) {
      signal.throwIfAborted();
      const answer = await ask(thread, points[at], signal);
      if ("error" in answer) throw new Error(`The point ${JSON.stringify(points[at]?.at)} cannot be simulated: ${JSON.stringify(answer.error)}.`); // biome-ignore format: one error
      results.set(at, answer.result);
      report();
    }
  };
  report();
  try {
    await Promise.all(threads.map(work));
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  return points.flatMap((_, at) => results.get(at) ?? []);
}

/** The built thread, beside the built program. Not by a URL that Vite sees, which would build it for browsers. */
function workerPath(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "grid_worker.js");
}

function ask(thread: Worker, point: GridPoint | undefined, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const end = () => {
      thread.off("message", onMessage);
      thread.off("error", onError);
      signal.removeEventListener("abort", onAbort);
    };
    const onMessage = (answer: Answer) => {
      end();
      resolve(answer);
    };
    const onError = (error: Error) => {
      end();
      reject(error);
    };
    const onAbort = () => onError(signal.reason);
    thread.once("message", onMessage);
    thread.once("error", onError);
    signal.addEventListener("abort", onAbort);
    thread.postMessage(point);
  });
}
