/** What a script can tell of the thread that it runs in. */

export interface Threads {
  /** Whether workers can be made here. */
  readonly available: boolean;
  /** Whether this is one. */
  readonly inWorker: boolean;
}

export function threads(): Threads {
  const { Worker, document } = globalThis as { readonly Worker?: unknown; readonly document?: unknown };
  return { available: typeof Worker === "function", inWorker: document === undefined };
}

/** The page's address, or that of the worker's script; undefined where there is none, as in Node. */
export function ownUrl(): string | undefined {
  return (globalThis.location as Location | undefined)?.href;
}
