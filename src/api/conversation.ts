import type { TurnTimings as Timings } from "../metrics/turn_metrics.ts";
import type {
  AssistantMessage,
  JsonObject,
  JsonSchema,
  Message,
  SystemMessage,
  ToolCall,
  ToolDefinition,
  ToolMessage,
  UserMessage,
} from "../protocol/chat.ts";
import type { SamplingOptions } from "../protocol/sampling.ts";
import type { FinishReason as TurnEnd, TurnUsage as Usage } from "../protocol/turn.ts";

export type {
  AssistantMessage,
  JsonObject,
  JsonSchema,
  Message,
  SamplingOptions,
  SystemMessage,
  Timings,
  ToolCall,
  ToolDefinition,
  ToolMessage,
  Usage,
  UserMessage,
};

/** What a caller passes to a conversation and gets from it. */

/**
 * `end`: the model ended its turn; `tool-calls`: it did, and waits for what its tools give; `stop`: a stop string or token;
 * `length`: `maxTokens` or the context; `abort`: the signal.
 */
export type FinishReason = TurnEnd | "tool-calls";

export interface ConversationOptions {
  /** A name of the caller's own, which no open conversation has; it begins otherwise than `evaluation-`. Numbered when absent. */
  readonly id?: string;
  readonly system?: string;
  /** How it begins, in place of `system`: no question may be left without its answer. */
  readonly messages?: readonly Message[];
  /** What the model may call. It is told of them as its chat template says, or in the system message where that knows no tools. */
  readonly tools?: readonly ToolDefinition[];
}

/** What a turn begins with. */
export type NewMessage = UserMessage | ToolMessage;

export interface Conversation {
  readonly id: string;
  /** As the last turn that ended left them. */
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  /** Tokens whose K and V are in the cache; of a runtime in a worker, at the end of the last turn. */
  readonly cachedTokens: number;
  /**
   * Sends one user turn, or what tools gave, and streams the answer. The turn begins when the loop over it does, and errors come out of that loop.
   * Leaving the loop early stops the turn, like the signal, within a step. Afterwards `messages` hold the turn with what was
   * answered so far; a turn that failed, or was stopped before its first token, leaves no trace. The conversation stays usable.
   * After `tool-calls` the conversation is in its tool pause: should it run out of room its KV goes last, until the next turn.
   * @throws InputError `empty-prompt`, `prompt-too-long`, `invalid-option`, `invalid-schema`, `invalid-template`, `conversation-busy`, `disposed`;
   *   CapacityError `kv-full`; DeviceError `device-lost`, `gpu-error`, `gpu-out-of-memory`
   */
  send(input: string | readonly NewMessage[], options?: SendOptions): AsyncIterable<Part>;
  /** The tools that the last answer called will give nothing: ends the tool pause. */
  endPause(): void;
  /**
   * A new conversation that begins with this one's messages, the first `messages` of them when given, a system message included. It
   * shares the KV blocks of what both have in common: nothing is prefilled or copied for it. A turn that runs is no part of it.
   * @throws InputError `invalid-option`, `disposed`
   */
  fork(options?: ForkOptions): Conversation;
  /**
   * Takes back all but the first `messages` messages, range [0, messages.length]; no question may be left without its answer. The next
   * turn goes on from there with what of their KV is in the cache.
   * @throws InputError `invalid-option`, `conversation-busy`, `disposed`
   */
  rollback(messages: number): void;
  /**
   * The conversation as bytes, its KV cache included, for `Runtime.import` of the same model anywhere: there it goes on with the same
   * next logits, without prefilling. A turn that runs is no part of it.
   * @throws InputError `disposed`; DeviceError
   */
  export(): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends its turn, if one runs, and gives its KV blocks back; the conversation cannot be used again. */
  dispose(): void;
}

export interface ForkOptions {
  /** As `ConversationOptions.id`. */
  readonly id?: string;
  /** Range [0, messages.length], so that no question is left without its answer. */
  readonly messages?: number;
}

export interface SendOptions extends SamplingOptions {
  /** Most tokens of the answer. Default: what the model's context leaves. */
  readonly maxTokens?: number;
  /**
   * Range [-1000, 1000]. Of turns that wait, those of a higher one go first; one more counts as much as ten seconds of waiting, so that
   * nobody waits forever. Default 0.
   */
  readonly priority?: number;
  /** Strings that end the answer; they are never shown. */
  readonly stop?: readonly string[];
  /** Token ids that end the answer besides the model's own. */
  readonly stopTokens?: readonly number[];
  /**
   * `auto`: the model calls tools as it likes; `none`: its answer is text; `required`, or one tool's name: it has to call one, which
   * `constrained` decoding sees to. Default `auto` where there are tools.
   */
  readonly toolChoice?: ToolChoice;
  /** Decode under a grammar of the tools, so that every call is of a tool that there is, with arguments as its schema says. Default false. */
  readonly constrained?: boolean;
  /** Decode under a grammar of JSON: the whole answer is a value as the schema says, and calls no tool. */
  readonly responseFormat?: ResponseFormat;
  readonly signal?: AbortSignal;
}

export type ToolChoice = "auto" | "none" | "required" | { readonly tool: string };

export interface ResponseFormat {
  readonly type: "json";
  /** Any JSON when absent. */
  readonly schema?: JsonSchema;
}

export type Part = TextPart | ToolCallPart | DonePart;

export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** Comes once the call is whole. */
export interface ToolCallPart extends ToolCall {
  readonly type: "tool-call";
}

export interface DonePart {
  readonly type: "done";
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
}
