import type {
  LanguageModelV3CallOptions,
  LanguageModelV3Message,
  LanguageModelV3ToolResultOutput,
} from "@ai-sdk/provider";
import type { Message, NewMessage, ToolCall, ToolDefinition } from "../api.ts";
import { InputError } from "../errors.ts";
import { isJsonObject } from "../protocol/chat.ts";

/** The AI SDK's prompt as Baton's messages. */

export interface Prompt {
  /** Up to the last answer. */
  readonly history: readonly Message[];
  /** What is to be answered. At least one. */
  readonly request: readonly NewMessage[];
}

/** @throws InputError `empty-prompt`, `invalid-option` */
export function promptOf(messages: readonly LanguageModelV3Message[]): Prompt {
  const all = messages.flatMap(messagesOf);
  const request: NewMessage[] = [];
  for (let last = all.at(-1); last?.role === "user" || last?.role === "tool"; last = all.at(-1)) {
    request.unshift(last);
    all.pop();
  }
  if (request.length === 0)
    throw new InputError("empty-prompt", "The prompt ends with an answer: end it with a question.");
  return { history: all, request };
}

/** @throws InputError `invalid-option` */
export function toolsOf(tools: LanguageModelV3CallOptions["tools"] = []): readonly ToolDefinition[] {
  return tools.map((tool) => {
    if (tool.type !== "function") throw unsupported(`the provider's tool ${tool.id}`);
    const { name, description, inputSchema } = tool;
    const { $schema: _, ...parameters } = inputSchema;
    return { name, parameters, ...(description !== undefined && { description }) };
  });
}

function messagesOf(message: LanguageModelV3Message): Message[] {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: message.content }];
    case "user":
      return [{ role: "user", content: textOf(message.content) }];
    case "assistant":
      return [answerOf(message)];
    case "tool":
      return message.content.map((part) => {
        if (part.type !== "tool-result") throw unsupported(`a ${part.type} in a prompt`);
        const { toolCallId, toolName, output } = part;
        return { role: "tool", toolCallId, name: toolName, content: resultOf(output) };
      });
  }
}

/** What the model thought aloud is left out, as chat templates do with what lies behind. */
function answerOf({ content }: Extract<LanguageModelV3Message, { role: "assistant" }>): Message {
  const text = textOf(content.filter(({ type }) => type !== "tool-call" && type !== "reasoning"));
  const toolCalls = content.flatMap((part): ToolCall[] => {
    if (part.type !== "tool-call") return [];
    const given = part.input;
    return [{ id: part.toolCallId, name: part.toolName, arguments: isJsonObject(given) ? given : {} }];
  });
  return { role: "assistant", content: text, ...(toolCalls.length > 0 && { toolCalls }) };
}

function textOf(parts: readonly { readonly type: string; readonly text?: string }[]): string {
  return parts
    .map(({ type, text }) => {
      if (type !== "text" || text === undefined) throw unsupported(`a ${type} in a prompt`);
      return text;
    })
    .join("");
}

function resultOf(output: LanguageModelV3ToolResultOutput): string {
  switch (output.type) {
    case "text":
      return output.value;
    case "json":
      return JSON.stringify(output.value);
    case "error-text":
      return `Error: ${output.value}`;
    case "error-json":
      return `Error: ${JSON.stringify(output.value)}`;
    case "execution-denied":
      return `Error: ${output.reason ?? "The person refused this call."}`;
    case "content":
      return textOf(output.value);
  }
}

function unsupported(what: string): InputError {
  return new InputError(
    "invalid-option",
    `Baton's models read text alone, and this is ${what}. Leave it out.`,
    {
      what,
    },
  );
}
