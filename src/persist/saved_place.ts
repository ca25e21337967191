import { StorageError } from "../errors.ts";
import type { ConversationStore } from "../platform/conversation_store.ts";
import { asideName, savedName } from "./saved_names.ts";

/** Where one conversation is saved. What goes wrong there is told to `onError` and thrown to nobody. */
export class SavedPlace {
  readonly #key: string;
  readonly #store: ConversationStore;
  readonly #onError: (error: StorageError) => void;
  /** There is nothing to save into, which is said once. */
  #missing = false;

  constructor(key: string, store: ConversationStore, onError: (error: StorageError) => void = () => {}) {
    this.#key = key;
    this.#store = store;
    this.#onError = onError;
  }

  /** What is saved: nothing, bytes, or what cannot be read. */
  async read(): Promise<Blob | Uint8Array<ArrayBuffer> | StorageError | undefined> {
    try {
      return await this.#store.read(savedName(this.#key));
    } catch (cause) {
      const error = this.#tell("read", cause);
      return error.code === "storage-missing" ? undefined : error;
    }
  }

  /** Takes it out of the way of what will be saved. */
  async putAside(): Promise<void> {
    try {
      await this.#store.move(savedName(this.#key), asideName(this.#key));
    } catch (cause) {
      this.#tell("put aside", cause);
    }
  }

  /** Whether the bytes are saved. */
  async write(bytesOf: () => Promise<Uint8Array<ArrayBuffer>>): Promise<boolean> {
    if (this.#missing) return false;
    try {
      await this.#store.write(savedName(this.#key), await bytesOf());
      return true;
    } catch (cause) {
      this.#tell("saved", cause);
      return false;
    }
  }

  #tell(done: string, cause: unknown): StorageError {
    const error = storageError(`The conversation ${this.#key} cannot be ${done}`, this.#key, cause);
    this.#missing ||= error.code === "storage-missing";
    this.#onError(error);
    return error;
  }
}

function storageError(what: string, key: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  if (isFull(cause)) {
    const message = `${what}: there is no room. Remove conversations or models that are not needed, or make room on the disk.`;
    return new StorageError("storage-full", message, { key }, { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(
    "storage-failed",
    `${what}: ${reason.replace(/\.$/, "")}.`,
    { key, reason },
    { cause },
  );
}

function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return error.name === "QuotaExceededError" || code === "ENOSPC" || code === "EDQUOT";
}
