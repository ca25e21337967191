import { originConversations } from "../platform/browser/conversation_files.ts";
import type { ConversationStore } from "../platform/conversation_store.ts";
import { asideName, checkKey, keyOf, savedName } from "./saved_names.ts";

export interface SavedConversation {
  readonly key: string;
  readonly bytes: number;
  /** When it was saved, in ms since 1970. */
  readonly savedMs: number;
  /** True when it could not be restored, and another one began under its key. */
  readonly aside: boolean;
}

/** The conversations that `openConversation` and agents have saved. One that is open is saved again after its next turn. */
export interface ConversationStorage {
  /** What was saved last comes first. */
  list(): Promise<readonly SavedConversation[]>;
  /** Takes it away, and what was put aside of that key; false where there is neither. @throws InputError `invalid-option` */
  remove(key: string): Promise<boolean>;
  clear(): Promise<void>;
}

/** @param store by default the files of the origin: where there are none, nothing is in it */
export function conversationStorage(store: ConversationStore = originConversations): ConversationStorage {
  return {
    async list() {
      const found = await store.list();
      const saved = found.flatMap(({ name, bytes, savedMs }) => {
        const known = keyOf(name);
        return known ? [{ ...known, bytes, savedMs }] : [];
      });
      return saved.toSorted((a, b) => b.savedMs - a.savedMs);
    },
    async remove(key) {
      checkKey("key", key);
      const removed = [await store.remove(savedName(key)), await store.remove(asideName(key))];
      return removed.includes(true);
    },
    async clear() {
      for (const { name } of await store.list()) if (keyOf(name)) await store.remove(name);
    },
  };
}
