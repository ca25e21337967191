export type { ConversationStore, StoredBytes } from "../platform/conversation_store.ts";
export { memoryConversationStore } from "../platform/conversation_store.ts";
export type { ConversationStorage, SavedConversation } from "./conversation_storage.ts";
export { conversationStorage } from "./conversation_storage.ts";
export type { OpenConversationOptions, PersistOptions, PersistRuntime } from "./open_conversation.ts";
export { openConversation } from "./open_conversation.ts";
export type { Beginning, PersistedConversation } from "./persisted_conversation.ts";
