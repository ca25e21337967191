import type { Message, ToolDefinition } from "../../protocol/chat.ts";
import type { ChatMessage } from "../template.ts";
import type { ToolCallStyle } from "./style.ts";

/** Tools for a chat template that knows none: told of in the system message, and their results in the user's. */
export function withPreamble(
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  style: ToolCallStyle,
): ChatMessage[] {
  const [first] = messages;
  const system = first?.role === "system" ? first.content : undefined;
  const told: ChatMessage[] = [];
  const instructions = [system, tools.length > 0 ? preamble(tools) : undefined].filter(
    (text) => text !== undefined,
  );
  if (instructions.length > 0) told.push({ role: "system", content: instructions.join("\n\n") });
  let before: Message["role"] | undefined;
  for (const message of system === undefined ? messages : messages.slice(1)) {
    const next = plainMessage(message, style);
    const last = told.at(-1);
    // Templates that want turns to alternate refuse two of one side in a row: results go with what is beside them.
    const joins = message.role === "tool" || before === "tool";
    if (joins && last?.role === "user" && next.role === "user")
      told[told.length - 1] = { role: "user", content: `${last.content}\n\n${next.content}` };
    else told.push(next);
    before = message.role;
  }
  return told;
}

function plainMessage(message: Message, style: ToolCallStyle): ChatMessage {
  if (message.role === "tool")
    return { role: "user", content: `The tool ${message.name} gave:\n${message.content}` };
  return {
    role: message.role,
    content: message.role === "assistant" ? style.write(message) : message.content,
  };
}

function preamble(tools: readonly ToolDefinition[]): string {
  const lines = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ name, description, parameters }),
  );
  return `You have these tools:
${lines.join("\n")}

To use one, answer with its call alone, on one line:
{"name": "the tool's name", "arguments": {…}}
You will be told what it gave. Where no tool helps, answer in plain words.`;
}
