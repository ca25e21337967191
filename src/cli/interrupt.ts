import type { Io } from "./io.ts";

/** Ctrl-C: the program ends, and says nothing. */
export class Interrupted extends Error {}

/** Runs `work` with a signal that the first Ctrl-C aborts; a second one ends the process. @throws Interrupted */
export async function interruptible<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stopListening = io.onInterrupt(() => {
    stopListening();
    controller.abort(new Interrupted());
  });
  try {
    const result = await work(controller.signal);
    controller.signal.throwIfAborted();
    return result;
  } finally {
    stopListening();
  }
}
