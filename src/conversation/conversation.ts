import type { Conversation, DonePart, Message, Part, SendOptions } from "../api.ts";
import { InputError } from "../errors.ts";
import { turnTimings } from "../metrics/turn_metrics.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import type { ChatTemplate } from "../text/chat.ts";
import { createStopMatcher } from "../text/stop_strings.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { Answer } from "./answer.ts";
import { PartStream } from "./part_stream.ts";
import { checkPrompt, checkSendOptions, type TurnOptions } from "./send_options.ts";
import type { TurnLoop, TurnSink } from "./turn_loop.ts";

/** What a conversation stands on; the runtime's. */
export interface ConversationParts {
  readonly loop: TurnLoop;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly limits: RunnerLimits;
  cached(conversation: string): readonly number[];
}

/**
 * Messages on this side, tokens in the cache on the other. The cache keeps everything that ran, also what a stop string or an abort then
 * hid; the next turn keeps of it what reads as the messages do, so the model always goes on from what the user saw.
 */
export class ChatConversation implements Conversation {
  readonly id: string;
  readonly #parts: ConversationParts;
  #messages: readonly Message[];
  #running = false;
  #disposed = false;

  constructor(id: string, system: string | undefined, parts: ConversationParts) {
    this.id = id;
    this.#parts = parts;
    this.#messages = system === undefined ? [] : [{ role: "system", content: system }];
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  get cachedTokens(): number {
    return this.#parts.cached(this.id).length;
  }

  async *send(text: string, options: SendOptions = {}): AsyncGenerator<Part, void> {
    checkPrompt(text);
    const checked = checkSendOptions(options, this.#parts.limits);
    this.#assertFree();
    const prompt = this.#prompt({ role: "user", content: text });
    const turn = new ChatTurn(this.#parts, checked, (answer) => {
      this.#running = false;
      if (answer !== undefined) this.#remember(text, answer);
    });
    if (checked.signal?.aborted) {
      yield turn.neverBegun(prompt.keep, prompt.keep + prompt.tokens.length);
      return;
    }
    this.#running = true;
    const { signal } = checked;
    const abort = () => turn.abort();
    try {
      signal?.addEventListener("abort", abort);
      turn.begin({ conversation: this.id, ...prompt });
      yield* turn.parts();
    } finally {
      signal?.removeEventListener("abort", abort);
      abort();
      await turn.ended;
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#parts.loop.close(this.id);
  }

  #assertFree(): void {
    if (this.#disposed) {
      throw new InputError("disposed", `${this.id} was disposed: begin a new conversation.`);
    }
    if (this.#running) {
      const message = `${this.id} is still answering: read that answer to its end, or abort it, before sending again.`;
      throw new InputError("conversation-busy", message, { conversation: this.id });
    }
  }

  #prompt(next: Message): Pick<TurnRequest, "keep" | "tokens"> {
    const cached = this.#parts.cached(this.id);
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

/** One turn from its tokens to its parts. */
class ChatTurn implements TurnSink {
  readonly ended: Promise<void>;
  readonly #loop: TurnLoop;
  readonly #options: TurnOptions;
  readonly #endTokens: readonly number[];
  readonly #answer: Answer;
  readonly #stream = new PartStream();
  readonly #arrivedMs: number;
  readonly #tokenMs: number[] = [];
  #turn: number | undefined;
  #end: (answer: string | undefined) => void = () => {};

  /** `onEnd` hears the answer, or undefined when the turn left nothing. */
  constructor(
    { loop, tokenizer }: ConversationParts,
    options: TurnOptions,
    onEnd: (answer: string | undefined) => void,
  ) {
    this.#loop = loop;
    this.#options = options;
    this.#arrivedMs = loop.nowMs;
    this.#endTokens = [...tokenizer.endTokens];
    const silent = new Set([...this.#endTokens, ...options.stopTokens]);
    this.#answer = new Answer(tokenizer.detokenizer(), createStopMatcher(options.stop), (id) =>
      silent.has(id),
    );
    this.ended = new Promise((resolve) => {
      this.#end = (answer) => {
        onEnd(answer);
        resolve();
      };
    });
  }

  begin(prompt: Pick<TurnRequest, "conversation" | "keep" | "tokens">): void {
    const { sampling, maxTokens, stopTokens } = this.#options;
    const output = { kind: "tokens", sampling, maxTokens, stopTokens, endTokens: this.#endTokens } as const;
    try {
      this.#turn = this.#loop.start({ ...prompt, output }, this);
    } catch (error) {
      this.#end(undefined);
      throw error;
    }
  }

  abort(): void {
    if (this.#turn !== undefined) this.#loop.stop(this.#turn, "abort");
  }

  parts(): AsyncGenerator<Part, void> {
    return this.#stream.read();
  }

  token(token: number, atMs: number): void {
    this.#tokenMs.push(atMs);
    this.#show(this.#answer.push(token));
    if (this.#answer.stopped && this.#turn !== undefined) this.#loop.stop(this.#turn, "stop");
  }

  finished(reason: DonePart["finishReason"], usage: DonePart["usage"], endedMs: number): void {
    this.#show(this.#answer.end());
    const timings = turnTimings({ arrivedMs: this.#arrivedMs, tokenMs: this.#tokenMs, endedMs });
    this.#stream.push({ type: "done", finishReason: this.#answer.reason(reason), usage, timings });
    this.#stream.close();
    this.#end(usage.completionTokens > 0 ? this.#answer.text : undefined);
  }

  failed(error: Error): void {
    this.#stream.close(error);
    this.#end(undefined);
  }

  /** What a turn says whose signal was aborted before it came. */
  neverBegun(cachedTokens: number, promptTokens: number): DonePart {
    const timings = turnTimings({ arrivedMs: this.#arrivedMs, tokenMs: [], endedMs: this.#loop.nowMs });
    const usage = { promptTokens, cachedTokens, completionTokens: 0 };
    return { type: "done", finishReason: "abort", usage, timings };
  }

  #show(text: string): void {
    if (text !== "") this.#stream.push({ type: "text", text });
  }
}
