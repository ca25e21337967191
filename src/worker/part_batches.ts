import type { Part } from "../api.ts";

/** Sends things on while they come: one alone at once, and what comes while it crosses together. */
export class Batches<T> {
  readonly #send: (batch: readonly T[]) => Promise<void>;
  #waiting: T[] = [];
  #crossing = false;

  constructor(send: (batch: readonly T[]) => Promise<void>) {
    this.#send = send;
  }

  push(item: T): void {
    this.#waiting.push(item);
    void this.#flush();
  }

  /** What has not been sent, and now will not be. */
  take(): readonly T[] {
    const rest = this.#waiting;
    this.#waiting = [];
    return rest;
  }

  async #flush(): Promise<void> {
    if (this.#crossing) return;
    this.#crossing = true;
    while (this.#waiting.length > 0) await this.#send(this.take());
    this.#crossing = false;
  }
}

/**
 * Sends a turn's parts on.
 * @returns the last parts, `done` among them, and what the turn failed with: they are to be told with its end
 */
export async function sendBatches(
  parts: AsyncIterable<Part>,
  send: (batch: readonly Part[]) => Promise<void>,
): Promise<{ readonly rest: readonly Part[]; readonly cause?: unknown }> {
  const batches = new Batches(send);
  const last: Part[] = [];
  try {
    for await (const part of parts) {
      if (part.type === "done") last.push(part);
      else batches.push(part);
    }
    return { rest: [...batches.take(), ...last] };
  } catch (cause) {
    return { rest: batches.take(), cause };
  }
}
