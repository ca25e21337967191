import type { Snapshot } from "./messages.ts";

/** Least time between two snapshots that nothing else asks for. */
const PERIOD_MS = 100;

export interface SnapshotFeedParts {
  take(): Snapshot;
  send(snapshot: Snapshot): Promise<void>;
}

/** Keeps the page's view of the runtime fresh: every 100 ms while anything runs, soon after what changes it otherwise, and at once where it ends. */
export class SnapshotFeed {
  readonly #parts: SnapshotFeedParts;
  #running = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: SnapshotFeedParts) {
    this.#parts = parts;
  }

  begin(): void {
    this.#running += 1;
    this.soon();
  }

  /** Something has ended; the snapshot that says so, for whoever tells of the end. */
  end(): Snapshot {
    this.#running -= 1;
    return this.#take();
  }

  /** Within the period. */
  soon(): void {
    const waitMs = Math.max(0, this.#sentMs + PERIOD_MS - performance.now());
    this.#timer ??= setTimeout(() => void this.send(), waitMs);
  }

  /** Resolves when the page has it. */
  send(): Promise<void> {
    return this.#parts.send(this.#take());
  }

  stop(): void {
    this.#running = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #take(): Snapshot {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sentMs = performance.now();
    if (this.#running > 0) this.soon();
    return this.#parts.take();
  }
}
