import type { Conversation, Runtime } from "../../index.ts";
import { beginConversation, forkConversation } from "../engine.ts";
import { type ChatTurn, isSaid, messagesOf } from "./tree.ts";

/** A conversation, and the turns that it holds. */
interface Held {
  readonly conversation: Conversation;
  path: readonly number[];
}

/** So many keep their KV; of older ones it is prefilled again. */
const MOST = 8;

/** The conversations behind a chat's branches: one goes on where it ends, and one that went on is forked where a branch begins. */
export class Conversations {
  readonly #runtime: Runtime;
  readonly #system: string;
  #held: Held[] = [];

  constructor(runtime: Runtime, system: string) {
    this.#runtime = runtime;
    this.#system = system;
  }

  /** One that ends with the last of these turns. */
  async after(path: readonly ChatTurn[]): Promise<Conversation> {
    const said = path.filter(isSaid);
    const ids = said.map(({ id }) => id);
    const ended = this.#held.find((one) => isSame(one.path, ids));
    if (ended) return this.#keep(ended);
    const longer = this.#held.find((one) => isSame(one.path.slice(0, ids.length), ids));
    const messages = messagesOf(this.#system, said);
    const conversation =
      longer && ids.length > 0
        ? await forkConversation(longer.conversation, messages.length)
        : await beginConversation(this.#runtime, messages);
    return this.#keep({ conversation, path: ids });
  }

  /** The turn has ended and is part of it. */
  grew(conversation: Conversation, turn: number): void {
    const held = this.#held.find((one) => one.conversation === conversation);
    if (held) held.path = [...held.path, turn];
  }

  dispose(): void {
    for (const { conversation } of this.#held) conversation.dispose();
    this.#held = [];
  }

  #keep(used: Held): Conversation {
    this.#held = [used, ...this.#held.filter((one) => one !== used)];
    for (const { conversation } of this.#held.splice(MOST)) conversation.dispose();
    return used.conversation;
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
