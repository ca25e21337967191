import type { AssistantMessage, DonePart, Part } from "../api.ts";
import { turnTimings } from "../metrics/turn_metrics.ts";
import type { FinishReason, TurnRequest } from "../protocol/turn.ts";
import type { Grammar } from "../text/grammar.ts";
import { createStopMatcher } from "../text/stop_strings.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { ToolCallParser } from "../text/tools/tool_call_parser.ts";
import { Answer } from "./answer.ts";
import { PartStream } from "./part_stream.ts";
import type { TurnOptions } from "./send_options.ts";
import type { TurnLoop } from "./turn_loop.ts";
import type { TurnSink } from "./turn_sinks.ts";

export interface ChatTurnParts {
  readonly loop: TurnLoop;
  readonly tokenizer: Tokenizer;
  readonly options: TurnOptions;
  readonly toolCalls: ToolCallParser;
  /** What the answer is decoded under. */
  readonly grammar: Grammar | undefined;
  readonly arrivedMs: number;
  callId(index: number): string;
  /** Hears the whole answer when the turn has ended, unless it left nothing. */
  onAnswer(answer: AssistantMessage): void;
}

/** One turn from its tokens to its parts. */
export class ChatTurn implements TurnSink {
  readonly ended: Promise<void>;
  readonly #loop: TurnLoop;
  readonly #options: TurnOptions;
  readonly #grammar: Grammar | undefined;
  readonly #endTokens: readonly number[];
  readonly #answer: Answer;
  readonly #stream = new PartStream();
  readonly #arrivedMs: number;
  readonly #tokenMs: number[] = [];
  #turn: number | undefined;
  #end: (answer: AssistantMessage | undefined) => void = () => {};

  constructor(parts: ChatTurnParts) {
    const { loop, tokenizer, options, toolCalls, callId, onAnswer } = parts;
    this.#loop = loop;
    this.#options = options;
    this.#grammar = parts.grammar;
    this.#arrivedMs = parts.arrivedMs;
    this.#endTokens = [...tokenizer.endTokens];
    const silent = new Set([...this.#endTokens, ...options.stopTokens]);
    this.#answer = new Answer({
      detokenizer: tokenizer.detokenizer(),
      stops: createStopMatcher(options.stop),
      toolCalls,
      silent: (id) => silent.has(id),
      callId,
    });
    this.ended = new Promise((resolve) => {
      this.#end = (answer) => {
        if (answer !== undefined) onAnswer(answer);
        resolve();
      };
    });
  }

  /** @throws InputError `disposed` */
  begin(prompt: Pick<TurnRequest, "conversation" | "keep" | "tokens">): void {
    const { maxTokens, stopTokens, priority } = this.#options;
    const constraint = this.#grammar;
    const sampling = { ...this.#options.sampling, ...(constraint && { constraint }) };
    const output = { kind: "tokens", sampling, maxTokens, stopTokens, endTokens: this.#endTokens } as const;
    this.#turn = this.#loop.start({ ...prompt, output, priority }, this);
  }

  abort(): void {
    if (this.#turn !== undefined) this.#loop.stop(this.#turn, "abort");
  }

  parts(): AsyncGenerator<Part, void> {
    return this.#stream.read();
  }

  token(token: number, atMs: number): void {
    this.#tokenMs.push(atMs);
    this.#stream.push(...this.#answer.push(token));
    if (this.#answer.stopped && this.#turn !== undefined) this.#loop.stop(this.#turn, "stop");
  }

  finished(reason: FinishReason, usage: DonePart["usage"], endedMs: number): void {
    const failure = this.#grammar?.failure;
    if (failure !== undefined) {
      this.failed(failure);
      return;
    }
    this.#stream.push(...this.#answer.end());
    const timings = turnTimings({ arrivedMs: this.#arrivedMs, tokenMs: this.#tokenMs, endedMs });
    this.#stream.push({ type: "done", finishReason: this.#answer.reason(reason), usage, timings });
    this.#stream.close();
    this.#end(usage.completionTokens > 0 ? this.#answer.message : undefined);
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
}
