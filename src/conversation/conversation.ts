import type { Conversation, ForkOptions, Message, Part, SendOptions } from "../api.ts";
import { InputError } from "../errors.ts";
import { type ArtefactModel, encodeArtefact } from "../kv/artefact.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import type { ChatTemplate } from "../text/chat.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { ChatTurn } from "./chat_turn.ts";
import { checkNumber, invalidOption } from "./option_checks.ts";
import { checkPrompt, checkSendOptions } from "./send_options.ts";
import type { TurnLoop } from "./turn_loop.ts";

/** What a conversation stands on; the runtime's. */
export interface ConversationParts {
  readonly loop: TurnLoop;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly limits: RunnerLimits;
  /** The tokens that a conversation has run. */
  history(conversation: string): readonly number[];
  /** How many of them are in the cache. */
  cachedTokens(conversation: string): number;
  newId(): string;
  readonly artefactModel: ArtefactModel;
}

/**
 * Messages on this side, tokens that have run on the other. These are everything that ran, also what a stop string or an abort then
 * hid; the next turn keeps of it what reads as the messages do, so the model always goes on from what the user saw.
 */
export class ChatConversation implements Conversation {
  readonly id: string;
  readonly #parts: ConversationParts;
  #messages: readonly Message[];
  #disposed = false;
  #turns = 0;

  constructor(id: string, messages: readonly Message[], parts: ConversationParts) {
    this.id = id;
    this.#parts = parts;
    this.#messages = messages;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  get cachedTokens(): number {
    return this.#parts.cachedTokens(this.id);
  }

  async *send(text: string, options: SendOptions = {}): AsyncGenerator<Part, void> {
    checkPrompt(text);
    const checked = checkSendOptions(options, this.#parts.limits);
    if (this.#disposed) throw conversationDisposed(this.id);
    const turn = new ChatTurn(this.#parts, checked, (answer) => this.#remember(text, answer));
    const prompt = this.#prompt({ role: "user", content: text });
    const { signal } = checked;
    if (signal?.aborted) {
      yield turn.neverBegun(prompt.keep, prompt.keep + prompt.tokens.length);
      return;
    }
    const abort = () => turn.abort();
    turn.begin({ conversation: this.id, ...prompt });
    this.#turns += 1;
    try {
      signal?.addEventListener("abort", abort);
      yield* turn.parts();
    } finally {
      signal?.removeEventListener("abort", abort);
      abort();
      await turn.ended;
      this.#turns -= 1;
    }
  }

  fork({ messages = this.#messages.length }: ForkOptions = {}): ChatConversation {
    const kept = this.#first(messages);
    const id = this.#parts.newId();
    this.#parts.loop.fork(id, this.id);
    return new ChatConversation(id, kept, this.#parts);
  }

  rollback(messages: number): void {
    const kept = this.#first(messages);
    if (this.#turns > 0) {
      const message = `${this.id} has a turn that runs: stop it, or wait for its end, before you roll back.`;
      throw new InputError("conversation-busy", message, { conversation: this.id });
    }
    this.#messages = kept;
  }

  async export(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#disposed) throw conversationDisposed(this.id);
    const { loop, artefactModel: model } = this.#parts;
    const messages = this.#messages;
    return encodeArtefact({ model, messages, ...(await loop.save(this.id)) });
  }

  dispose(): void {
    this.#disposed = true;
    this.#parts.loop.close(this.id);
  }

  /** @throws InputError `invalid-option`, `disposed` */
  #first(messages: number): readonly Message[] {
    if (this.#disposed) throw conversationDisposed(this.id);
    this.#parts.loop.assertAlive();
    checkNumber("messages", messages, { min: 0, max: this.#messages.length, integer: true });
    const kept = this.#messages.slice(0, messages);
    if (kept.at(-1)?.role === "user")
      throw invalidOption("messages", messages, "a number that leaves no question without its answer");
    return kept;
  }

  #prompt(next: Message): Pick<TurnRequest, "keep" | "tokens"> {
    const cached = this.#parts.history(this.id);
    const { keep, append } = this.#parts.template.continuation({ messages: this.#messages, cached }, next);
    return { keep, tokens: append };
  }

  #remember(prompt: string, answer: string): void {
    this.#messages = [
      ...this.#messages,
      { role: "user", content: prompt },
      { role: "assistant", content: answer },
    ];
  }
}

export function systemMessages(system: string | undefined): readonly Message[] {
  return system === undefined ? [] : [{ role: "system", content: system }];
}

function conversationDisposed(conversation: string): InputError {
  const message = `${conversation} was disposed: begin a new conversation.`;
  return new InputError("disposed", message, { conversation });
}
