import type { AssistantMessage, FinishReason, TextPart, ToolCall, ToolCallPart } from "../api.ts";
import type { Detokenizer } from "../text/detokenizer.ts";
import type { StopMatcher } from "../text/stop_strings.ts";
import type { AnswerPiece, ToolCallParser } from "../text/tools/tool_call_parser.ts";

export interface AnswerParts {
  readonly detokenizer: Detokenizer;
  readonly stops: StopMatcher;
  readonly toolCalls: ToolCallParser;
  /** Tokens that end the answer and are no part of its text. */
  silent(token: number): boolean;
  /** Of the tool call that comes at this place in the answer, from 0. */
  callId(index: number): string;
}

/** One answer as its tokens come: its text, cut where the first stop string begins, and its tool calls. */
export class Answer {
  readonly #parts: AnswerParts;
  readonly #calls: ToolCall[] = [];
  #raw = "";
  #content = "";
  #stopped = false;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  /** A stop string has come: nothing more will be shown. */
  get stopped(): boolean {
    return this.#stopped;
  }

  get callsTools(): boolean {
    return this.#calls.length > 0;
  }

  /** All of it so far, as the conversation keeps it. */
  get message(): AssistantMessage {
    const content = this.#content;
    if (!this.callsTools) return { role: "assistant", content };
    return { role: "assistant", content, toolCalls: [...this.#calls], raw: this.#raw };
  }

  /** What `token` makes sure of; may be nothing. */
  push(token: number): (TextPart | ToolCallPart)[] {
    return this.#parts.silent(token) ? [] : this.#read(this.#parts.detokenizer.push(token));
  }

  /** What was held back: no more tokens come. */
  end(): (TextPart | ToolCallPart)[] {
    const { detokenizer, stops, toolCalls } = this.#parts;
    const read = this.#read(detokenizer.flush());
    const rest = this.#parse(stops.flush());
    return [...read, ...rest, ...toolCalls.flush().map((piece) => this.#keep(piece))];
  }

  /** A stop string is why the answer ends, also when its last token met another limit at the same time. */
  reason(reason: FinishReason): FinishReason {
    const why = this.#stopped ? "stop" : reason;
    return this.callsTools && (why === "end" || why === "stop") ? "tool-calls" : why;
  }

  #read(text: string): (TextPart | ToolCallPart)[] {
    const { text: shown, stopped } = this.#parts.stops.push(text);
    this.#stopped = stopped;
    return this.#parse(shown);
  }

  #parse(text: string): (TextPart | ToolCallPart)[] {
    this.#raw += text;
    return this.#parts.toolCalls.push(text).map((piece) => this.#keep(piece));
  }

  #keep(piece: AnswerPiece): TextPart | ToolCallPart {
    if (typeof piece === "string") {
      this.#content += piece;
      return { type: "text", text: piece };
    }
    const call = { id: this.#parts.callId(this.#calls.length), ...piece };
    this.#calls.push(call);
    return { type: "tool-call", ...call };
  }
}
