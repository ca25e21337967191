import type { Conversation, Message, Runtime, ToolDefinition } from "../api.ts";
import type { Prompt } from "./prompt.ts";

/** How many conversations are kept open for calls that may go on with them. */
const MOST_OPEN = 32;

/**
 * The AI SDK gives the whole history with each call. A call that goes on from where an earlier one ended gets that conversation, so that
 * it stays on its device with its KV; one that shares a beginning gets a fork.
 */
export class OpenConversations {
  readonly #runtime: Pick<Runtime, "conversation">;
  /** The one that was used last is the last. */
  readonly #idle: Conversation[] = [];

  constructor(runtime: Pick<Runtime, "conversation">) {
    this.#runtime = runtime;
  }

  /** A conversation with this history, which is the caller's until `release`. */
  take({ history }: Pick<Prompt, "history">, tools: readonly ToolDefinition[]): Conversation {
    const sameTools = this.#idle.filter((one) => same(one.tools, tools));
    const found = sameTools
      .map((conversation) => ({ conversation, shared: sharedMessages(conversation.messages, history) }))
      .filter(({ shared }) => shared === history.length)
      .toSorted((a, b) => a.conversation.messages.length - b.conversation.messages.length)[0];
    if (found === undefined || history.length === 0)
      return this.#runtime.conversation({ messages: history, tools });
    const { conversation } = found;
    if (conversation.messages.length > history.length) return conversation.fork({ messages: history.length });
    this.#idle.splice(this.#idle.indexOf(conversation), 1);
    return conversation;
  }

  release(conversation: Conversation): void {
    this.#idle.push(conversation);
    while (this.#idle.length > MOST_OPEN) this.#idle.shift()?.dispose();
  }

  dispose(): void {
    for (const conversation of this.#idle.splice(0)) conversation.dispose();
  }
}

function sharedMessages(a: readonly Message[], b: readonly Message[]): number {
  const differs = b.findIndex((message, index) => {
    const other = a[index];
    return other === undefined || !same(asSeen(message), asSeen(other));
  });
  return differs < 0 ? b.length : differs;
}

/** What the AI SDK keeps of a message: not how the model wrote it, nor the white space around it. */
function asSeen(message: Message): unknown {
  if (message.role !== "assistant") return [message.role, message.content];
  const calls = message.toolCalls?.map(({ name, arguments: given }) => [name, given]) ?? [];
  return [message.role, message.content.trim(), calls];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
