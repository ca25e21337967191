/** A conversation's messages and tools: plain data, and what is saved of them. */

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

export interface SystemMessage {
  readonly role: "system";
  readonly content: string;
}

export interface UserMessage {
  readonly role: "user";
  readonly content: string;
}

export interface AssistantMessage {
  readonly role: "assistant";
  /** What it said, without its calls. */
  readonly content: string;
  readonly toolCalls?: readonly ToolCall[];
  /** Its calls and what it said as the model wrote them, which is how it reads them again; made from the other two when absent. */
  readonly raw?: string;
}

/** What a tool gave for one call. */
export interface ToolMessage {
  readonly role: "tool";
  readonly content: string;
  readonly toolCallId: string;
  /** The tool's. */
  readonly name: string;
}

export interface ToolCall {
  /** Unique in its conversation. */
  readonly id: string;
  readonly name: string;
  /** Empty where `invalid` says why. */
  readonly arguments: JsonObject;
  /** The model wrote what is no call of a tool: what is wrong with it. */
  readonly invalid?: string;
}

/** A tool as the model is told of it. */
export interface ToolDefinition {
  /** Letters, digits, `_` and `-`; at most 64. */
  readonly name: string;
  readonly description?: string;
  /** Of an object. */
  readonly parameters: JsonSchema;
}

export type JsonSchema = Readonly<Record<string, unknown>>;
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
