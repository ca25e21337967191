import type { Part } from "../api.ts";

/**
 * Sends a turn's parts on while they come: one alone at once, and what comes while it crosses together.
 * @returns the last parts, `done` among them, and what the turn failed with: they are to be told with its end
 */
export async function sendBatches(
  parts: AsyncIterable<Part>,
  send: (batch: readonly Part[]) => Promise<void>,
): Promise<{ readonly rest: readonly Part[]; readonly cause?: unknown }> {
  let waiting: Part[] = [];
  let crossing = false;
  const flush = async (): Promise<void> => {
    if (crossing) return;
    crossing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await send(batch);
    }
    crossing = false;
  };
  const taken = (): readonly Part[] => {
    const rest = waiting;
    waiting = [];
    return rest;
  };
  try {
    for await (const part of parts) {
      waiting.push(part);
      if (part.type !== "done") void flush();
    }
    return { rest: taken() };
  } catch (cause) {
    return { rest: taken(), cause };
  }
}
