import type {
  Conversation,
  ForkOptions,
  Message,
  NewMessage,
  Part,
  SendOptions,
  ToolDefinition,
} from "../api.ts";
import { type BatonError, InputError } from "../errors.ts";
import { onPageHidden } from "../platform/browser/page_hidden.ts";
import type { SavedPlace } from "./saved_place.ts";

/** How a conversation that is saved under a key began. */
export type Beginning =
  | { readonly kind: "new" }
  /** It goes on from what was saved: with the messages, tools and KV of then. */
  | { readonly kind: "restored" }
  /**
   * It is new, because what was saved is damaged, of another version or of another model, as `error.code` says. That is kept aside, in
   * place of what was put aside before.
   */
  | { readonly kind: "put-aside"; readonly error: BatonError };

/** A conversation that outlives the page: it is saved when it has rested for a moment, and when the page is hidden. */
export interface PersistedConversation extends Conversation {
  readonly beginning: Beginning;
  /**
   * Saves at once what is not saved yet; a turn that runs is no part of it. False where that failed, as `onError` was told: it is tried
   * again after the next turn.
   */
  save(): Promise<boolean>;
  /** As `Conversation.dispose`; what is not saved yet is saved before, so that its KV blocks come back a moment later. */
  dispose(): void;
}

export interface PersistedParts {
  readonly conversation: Conversation;
  readonly beginning: Beginning;
  readonly place: SavedPlace;
  readonly saveAfterMs: number;
}

/** Every call is the conversation's own; around them it notices when there is something new to save. */
export class SavingConversation implements PersistedConversation {
  readonly beginning: Beginning;
  readonly #inner: Conversation;
  readonly #place: SavedPlace;
  readonly #saveAfterMs: number;
  readonly #stopWatching: () => void;
  /** Messages are replaced and never changed, so the same list means that nothing is new. */
  #saved: readonly Message[];
  #saving: Promise<boolean> = Promise.resolve(true);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turns = 0;
  #disposed = false;

  constructor({ conversation, beginning, place, saveAfterMs }: PersistedParts) {
    this.beginning = beginning;
    this.#inner = conversation;
    this.#place = place;
    this.#saveAfterMs = saveAfterMs;
    this.#saved = conversation.messages;
    this.#stopWatching = onPageHidden(() => void this.save());
  }

  get id(): string {
    return this.#inner.id;
  }

  get messages(): readonly Message[] {
    return this.#inner.messages;
  }

  get tools(): readonly ToolDefinition[] {
    return this.#inner.tools;
  }

  get cachedTokens(): number {
    return this.#inner.cachedTokens;
  }

  async *send(input: string | readonly NewMessage[], options?: SendOptions): AsyncGenerator<Part, void> {
    this.#assertUsable();
    clearTimeout(this.#timer);
    this.#turns += 1;
    try {
      yield* this.#inner.send(input, options);
    } finally {
      this.#turns -= 1;
      this.#saveSoon();
    }
  }

  fork(options?: ForkOptions): Conversation {
    this.#assertUsable();
    return this.#inner.fork(options);
  }

  endPause(): void {
    this.#inner.endPause();
  }

  rollback(messages: number): void {
    this.#assertUsable();
    this.#inner.rollback(messages);
    this.#saveSoon();
  }

  async export(): Promise<Uint8Array<ArrayBuffer>> {
    this.#assertUsable();
    return this.#inner.export();
  }

  save(): Promise<boolean> {
    clearTimeout(this.#timer);
    // One after the other: an older one that takes longer must not replace a newer one. (One fails where `onError` throws.)
    this.#saving = this.#saving.catch(() => false).then(() => this.#saveNow());
    return this.#saving;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#stopWatching();
    if (this.#inner.messages === this.#saved) this.#inner.dispose();
    else void this.save().finally(() => this.#inner.dispose());
  }

  async #saveNow(): Promise<boolean> {
    const { messages } = this.#inner;
    if (messages === this.#saved) return true;
    const saved = await this.#place.write(() => this.#inner.export());
    if (saved) this.#saved = messages;
    return saved;
  }

  #saveSoon(): void {
    clearTimeout(this.#timer);
    if (this.#disposed || this.#turns > 0 || this.#inner.messages === this.#saved) return;
    this.#timer = setTimeout(() => void this.save(), this.#saveAfterMs);
  }

  #assertUsable(): void {
    if (!this.#disposed) return;
    const message = `${this.id} was disposed: begin a new conversation.`;
    throw new InputError("disposed", message, { conversation: this.id });
  }
}
