import type {
  Conversation,
  ConversationOptions,
  ForkOptions,
  Message,
  NewMessage,
  Part,
  SendOptions,
  ToolDefinition,
} from "../api.ts";
import { type ArtefactModel, encodeArtefact } from "../kv/artefact.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import type { ChatTemplate } from "../text/chat.ts";
import type { Grammar, Grammars } from "../text/grammar.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { noToolCalls } from "../text/tools/tool_call_parser.ts";
import { ChatTurn, type ChatTurnParts } from "./chat_turn.ts";
import type { ConversationIds } from "./conversation_ids.ts";
import { conversationBusy, conversationDisposed } from "./loop_errors.ts";
import { checkInput, firstMessages } from "./message_checks.ts";
import { checkSendOptions, type TurnOptions } from "./send_options.ts";
import type { TurnLoop } from "./turn_loop.ts";

/** What a conversation stands on; the runtime's. */
export interface ConversationParts {
  readonly loop: TurnLoop;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly grammars: Grammars;
  readonly limits: RunnerLimits;
  /** The tokens that a conversation has run. */
  history(conversation: string): readonly number[];
  /** How many of them are in the cache. */
  cachedTokens(conversation: string): number;
  readonly ids: Pick<ConversationIds, "claim" | "release">;
  readonly artefactModel: ArtefactModel;
}

/**
 * Messages on this side, tokens that have run on the other. These are everything that ran, also what a stop string or an abort then
 * hid; the next turn keeps of it what reads as the messages do, so the model always goes on from what the user saw.
 */
export class ChatConversation implements Conversation {
  readonly id: string;
  readonly tools: readonly ToolDefinition[];
  readonly #parts: ConversationParts;
  #messages: readonly Message[];
  #disposed = false;
  #turns = 0;

  constructor(
    id: string,
    { messages, tools }: Required<Pick<ConversationOptions, "messages" | "tools">>,
    parts: ConversationParts,
  ) {
    this.id = id;
    this.tools = tools;
    this.#parts = parts;
    this.#messages = messages;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  get cachedTokens(): number {
    return this.#disposed ? 0 : this.#parts.cachedTokens(this.id);
  }

  async *send(input: string | readonly NewMessage[], options: SendOptions = {}): AsyncGenerator<Part, void> {
    const added = checkInput(input);
    const checked = checkSendOptions(options, this.#parts.limits, this.tools);
    const arrivedMs = this.#parts.loop.nowMs;
    const compiling = this.#grammar(checked);
    // A turn without one begins at once.
    const grammar = compiling && (await compiling);
    try {
      if (this.#disposed) throw conversationDisposed(this.id);
      yield* this.#run(this.#turn({ options: checked, grammar, arrivedMs }, added), added, checked.signal);
    } finally {
      grammar?.dispose();
    }
  }

  fork({ messages = this.#messages.length, id: wanted }: ForkOptions = {}): ChatConversation {
    const kept = this.#first(messages);
    const id = this.#parts.ids.claim(wanted);
    this.#parts.loop.fork(id, this.id);
    return new ChatConversation(id, { messages: kept, tools: this.tools }, this.#parts);
  }

  endPause(): void {
    if (!this.#disposed) this.#parts.loop.resume(this.id);
  }

  rollback(messages: number): void {
    const kept = this.#first(messages);
    if (this.#turns > 0) throw conversationBusy(this.id);
    this.#messages = kept;
  }

  async export(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#disposed) throw conversationDisposed(this.id);
    const { loop, artefactModel: model } = this.#parts;
    const [messages, tools] = [this.#messages, this.tools];
    return encodeArtefact({ model, messages, tools, ...(await loop.save(this.id)) });
  }

  dispose(): void {
    // Another conversation may have its name since.
    if (this.#disposed) return;
    this.#disposed = true;
    this.#parts.loop.close(this.id);
    this.#parts.ids.release(this.id);
  }

  /** @throws InputError `invalid-option`, `disposed` */
  #first(messages: number): readonly Message[] {
    if (this.#disposed) throw conversationDisposed(this.id);
    this.#parts.loop.assertAlive();
    return firstMessages(this.#messages, messages);
  }

  #prompt(next: readonly Message[]): Pick<TurnRequest, "keep" | "tokens"> {
    const cached = this.#parts.history(this.id);
    const history = { messages: this.#messages, tools: this.tools, cached };
    const { keep, append } = this.#parts.template.continuation(history, next);
    return { keep, tokens: append };
  }

  async *#run(
    turn: ChatTurn,
    added: readonly NewMessage[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Part, void> {
    const prompt = this.#prompt(added);
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

  #turn(
    { options, ...given }: Pick<ChatTurnParts, "options" | "grammar" | "arrivedMs">,
    added: readonly NewMessage[],
  ): ChatTurn {
    const { loop, tokenizer, template } = this.#parts;
    const mayCall = this.tools.length > 0 && options.toolChoice !== "none" && !options.responseFormat;
    const earlier = this.#messages.flatMap((message) =>
      message.role === "assistant" ? (message.toolCalls ?? []) : [],
    );
    return new ChatTurn({
      loop,
      tokenizer,
      options,
      ...given,
      toolCalls: mayCall
        ? template.toolCalls.parser({ constrained: given.grammar !== undefined })
        : noToolCalls,
      callId: (index) => `call-${earlier.length + index + 1}`,
      onAnswer: (answer) => {
        this.#messages = [...this.#messages, ...added, answer];
        if (answer.toolCalls) loop.pause(this.id);
      },
    });
  }

  #grammar({ responseFormat, toolChoice, constrained }: TurnOptions): Promise<Grammar> | undefined {
    const { grammars, template } = this.#parts;
    if (responseFormat) return grammars.json(responseFormat.schema);
    const mustCall = toolChoice !== "auto" && toolChoice !== "none";
    if (toolChoice === "none" || this.tools.length === 0 || !(constrained || mustCall)) return undefined;
    const named = typeof toolChoice === "object" ? toolChoice.tool : undefined;
    const tools = this.tools.filter(({ name }) => named === undefined || name === named);
    return grammars.toolCalls(tools, { style: template.toolCalls, atLeastOne: mustCall });
  }
}
