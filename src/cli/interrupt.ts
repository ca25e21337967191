import type { Io } from "./io.ts";

/** Ctrl-C: the program ends, and says nothing. */
export class Interrupted extends Error {}

/**
 * Runs `work` with a signal that the first Ctrl-C aborts; a second one ends the process.
 * @param work its `interrupt` does what Ctrl-C does, for a Ctrl-C that went elsewhere
 * @throws Interrupted
 */
export async function interruptible<T>(
  io: Io,
  work: (signal: AbortSignal, interrupt: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => {
    stopListening();
    controller.abort(new Interrupted());
  };
  const stopListening = io.onInterrupt(interrupt);
  try {
    const result = await work(controller.signal, interrupt);
    controller.signal.throwIfAborted();
    return result;
  } finally {
    stopListening();
  }
}
