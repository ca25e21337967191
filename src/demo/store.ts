import { useEffect, useState } from "preact/hooks";

/** A value that components read and are drawn again with. */
export interface Store<T> {
  readonly value: T;
  set(value: T): void;
  update(change: (value: T) => T): void;
  /** Returns what ends it. */
  subscribe(listener: () => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  const set = (next: T) => {
    if (Object.is(value, next)) return;
    value = next;
    for (const listener of [...listeners]) listener();
  };
  return {
    get value() {
      return value;
    },
    set,
    update: (change) => set(change(value)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState<object>();
  useEffect(() => {
    // What was set between drawing and now is drawn as well.
    redraw({});
    return store.subscribe(() => redraw({}));
  }, [store]);
  return store.value;
}
