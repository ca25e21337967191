/** One at a time over all tabs and workers of the origin. */

export interface LockUse {
  readonly signal?: AbortSignal | undefined;
  /** Called when another tab or worker has it. */
  readonly onWait?: () => void;
}

/** Runs it alone among those that name the same lock; it waits for them. @throws the signal's reason while it waits, and what `run` throws */
export async function withLock<T>(
  name: string,
  { signal, onWait }: LockUse,
  run: () => Promise<T>,
): Promise<T> {
  const locks = lockManager();
  if (!locks) return run();
  const free = await ifFree(name, run);
  if (free) return free.value;
  onWait?.();
  return locks.request(name, signal ? { signal } : {}, run);
}

/** Undefined, and nothing run, where somebody else has the lock. */
export async function ifFree<T>(
  name: string,
  run: () => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  const locks = lockManager();
  if (!locks) return { value: await run() };
  return locks.request(name, { ifAvailable: true }, async (lock) =>
    lock ? { value: await run() } : undefined,
  );
}

function lockManager(): LockManager | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
}
