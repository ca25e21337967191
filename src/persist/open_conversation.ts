import type { Conversation, ConversationOptions, Runtime } from "../api.ts";
import { checkFunction, checkNumber, checkObject } from "../conversation/option_checks.ts";
import { type BatonError, InputError, StorageError } from "../errors.ts";
import { originConversations } from "../platform/browser/conversation_files.ts";
import type { ConversationStore } from "../platform/conversation_store.ts";
import { type Beginning, type PersistedConversation, SavingConversation } from "./persisted_conversation.ts";
import { checkKey } from "./saved_names.ts";
import { SavedPlace } from "./saved_place.ts";

/** How a conversation is saved. */
export interface PersistOptions {
  /** By default the files of the origin, which browsers have and Node has not. */
  readonly store?: ConversationStore;
  /** For how long it has to rest after a turn before it is saved, in ms. Range [0, 3600000]; default 1000. */
  readonly saveAfterMs?: number;
  /** Told what could not be read or saved, as where there is no room. The conversation goes on. */
  readonly onError?: (error: StorageError) => void;
}

export interface OpenConversationOptions extends ConversationOptions, PersistOptions {}

/** What a saved conversation needs of a runtime. */
export type PersistRuntime = Pick<Runtime, "conversation" | "import">;

/**
 * The conversation that was saved under `key`, which goes on without prefilling, or a new one as the other options say; from then on it is
 * saved there after each turn, and when the page is hidden. What is saved and cannot be used is put aside: `beginning` says what came
 * of it. Open a key once at a time: of two that are open, what was saved last stays.
 * @throws InputError `invalid-option`, `disposed`; DeviceError
 */
export async function openConversation(
  runtime: PersistRuntime,
  key: string,
  options: OpenConversationOptions = {},
): Promise<PersistedConversation> {
  const { store = originConversations, saveAfterMs, onError, ...begin } = checkPersistOptions(options);
  const place = new SavedPlace(checkKey("key", key), store, onError);
  const { conversation, beginning } = await restored(runtime, place, begin);
  return new SavingConversation({ conversation, beginning, place, saveAfterMs });
}

/** @throws InputError `invalid-option` */
export function checkPersistOptions<Options extends PersistOptions>(
  options: Options,
): Options & { readonly saveAfterMs: number } {
  checkObject("options", options);
  const { store, saveAfterMs = 1000, onError } = options;
  if (store !== undefined) checkObject("store", store);
  checkFunction("onError", onError);
  checkNumber("saveAfterMs", saveAfterMs, { min: 0, max: 3_600_000 });
  return { ...options, saveAfterMs };
}

async function restored(
  runtime: PersistRuntime,
  place: SavedPlace,
  begin: ConversationOptions,
): Promise<{ readonly conversation: Conversation; readonly beginning: Beginning }> {
  const saved = await place.read();
  if (saved === undefined) return { conversation: runtime.conversation(begin), beginning: { kind: "new" } };
  const restored = saved instanceof StorageError ? saved : await imported(runtime, saved);
  if (!("code" in restored)) return { conversation: restored, beginning: { kind: "restored" } };
  await place.putAside();
  return { conversation: runtime.conversation(begin), beginning: { kind: "put-aside", error: restored } };
}

/** The conversation, or why these bytes give none. */
async function imported(
  runtime: PersistRuntime,
  saved: Blob | Uint8Array<ArrayBuffer>,
): Promise<Conversation | BatonError> {
  try {
    return await runtime.import(saved);
  } catch (error) {
    if (error instanceof InputError && error.code !== "disposed") return error;
    throw error;
  }
}
