/**
 * A place for saved conversations, as bytes by name: files of the origin in browsers, and whatever a caller implements. Names are made of
 * letters, digits, `_`, `-` and `.`, and of 120 characters at the most, so that they can be names of files. What it throws never ends a
 * conversation: a `QuotaExceededError`, or the code `ENOSPC` or `EDQUOT`, says that there is no room.
 */
export interface ConversationStore {
  /** Undefined where nothing is saved under that name. */
  read(name: string): Promise<Blob | Uint8Array<ArrayBuffer> | undefined>;
  /** Replaces what is there, at once or not at all. Of several writers the last one wins. */
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Gives it another name, in place of what has that. */
  move(from: string, to: string): Promise<void>;
  /** False where nothing was there. */
  remove(name: string): Promise<boolean>;
  list(): Promise<readonly StoredBytes[]>;
}

export interface StoredBytes {
  readonly name: string;
  readonly bytes: number;
  /** When it was written, in ms since 1970. */
  readonly savedMs: number;
}

/** Keeps conversations as long as it lives itself. */
export function memoryConversationStore(): ConversationStore {
  const files = new Map<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly savedMs: number }>();
  return {
    read: async (name) => files.get(name)?.bytes,
    write: async (name, bytes) => {
      files.set(name, { bytes: bytes.slice(), savedMs: Date.now() });
    },
    move: async (from, to) => {
      const file = files.get(from);
      if (file) files.set(to, file);
      files.delete(from);
    },
    remove: async (name) => files.delete(name),
    list: async () =>
      [...files].map(([name, { bytes, savedMs }]) => ({ name, bytes: bytes.length, savedMs })),
  };
}
