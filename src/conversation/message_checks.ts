import type { ConversationOptions, Message, NewMessage, ToolDefinition } from "../api.ts";
import { InputError } from "../errors.ts";
import { isJsonObject } from "../protocol/chat.ts";
import { checkNumber, checkObject, checkText, invalidOption } from "./option_checks.ts";

/** Checks of the messages and tools that callers pass in. */

/** @throws InputError `empty-prompt`, `invalid-option` */
export function checkInput(input: unknown): readonly NewMessage[] {
  if (Array.isArray(input)) return checkNewMessages(input);
  if (typeof input !== "string") throw invalidOption("input", input, "text, or a list of messages");
  return checkNewMessages([{ role: "user", content: input }]);
}

function checkNewMessages(messages: readonly unknown[]): readonly NewMessage[] {
  if (messages.length === 0) throw emptyPrompt();
  return messages.map((message, index) => {
    const checked = checkMessage(`input[${index}]`, message);
    const { role, content } = checked;
    if (role !== "user" && role !== "tool")
      throw invalidOption(`input[${index}].role`, role, '"user" or "tool": the model says the rest');
    if (role === "user" && content.trim() === "") throw emptyPrompt();
    return checked;
  });
}

/** How a conversation begins. @throws InputError `invalid-option` */
export function checkConversationOptions(
  options: ConversationOptions,
): Required<Pick<ConversationOptions, "messages" | "tools">> {
  checkObject("options", options);
  const { system, messages, tools = [] } = options;
  if (system !== undefined) checkText("system", system);
  if (system !== undefined && messages !== undefined)
    throw invalidOption(
      "system",
      system,
      "left out where there are messages: begin them with a system message",
    );
  return {
    messages: checkMessages(messages ?? (system === undefined ? [] : [{ role: "system", content: system }])),
    tools: checkTools(tools),
  };
}

/** The first `count` of them. @throws InputError `invalid-option` */
export function firstMessages(messages: readonly Message[], count: number): readonly Message[] {
  checkNumber("messages", count, { min: 0, max: messages.length, integer: true });
  const kept = messages.slice(0, count);
  if (asksSomething(kept))
    throw invalidOption("messages", count, "a number that leaves no question without its answer");
  return kept;
}

/** Whether the messages end with something that the model is to answer. */
export function asksSomething(messages: readonly Message[]): boolean {
  const role = messages.at(-1)?.role;
  return role === "user" || role === "tool";
}

function checkMessages(messages: unknown): readonly Message[] {
  if (!Array.isArray(messages)) throw invalidOption("messages", messages, "a list of messages");
  const checked = messages.map((message, index) => checkMessage(`messages[${index}]`, message));
  if (asksSomething(checked))
    throw invalidOption("messages", messages, "without its last question: send that");
  return checked;
}

function checkMessage(option: string, message: unknown): Message {
  if (!isJsonObject(message)) throw invalidOption(option, message, "a message: { role, content }");
  const { role, content } = message;
  checkText(`${option}.content`, content);
  if (role === "system" || role === "user") return { role, content };
  if (role === "assistant") return checkAnswer(option, message, content);
  if (role !== "tool") throw invalidOption(`${option}.role`, role, '"system", "user", "assistant" or "tool"');
  const { toolCallId, name } = message;
  checkText(`${option}.toolCallId`, toolCallId);
  checkText(`${option}.name`, name);
  return { role, content, toolCallId, name };
}

function checkAnswer(option: string, message: Readonly<Record<string, unknown>>, content: string): Message {
  const { toolCalls = [], raw } = message;
  if (raw !== undefined) checkText(`${option}.raw`, raw);
  if (!Array.isArray(toolCalls)) throw invalidOption(`${option}.toolCalls`, toolCalls, "a list of calls");
  const calls = toolCalls.map((call: unknown, index) => {
    const at = `${option}.toolCalls[${index}]`;
    if (!isJsonObject(call)) throw invalidOption(at, call, "a call: { id, name, arguments }");
    const { id, name, arguments: given, invalid } = call;
    checkText(`${at}.id`, id);
    checkText(`${at}.name`, name);
    if (!isJsonObject(given)) throw invalidOption(`${at}.arguments`, given, "an object");
    return { id, name, arguments: given, ...(typeof invalid === "string" && { invalid }) };
  });
  return {
    role: "assistant",
    content,
    ...(calls.length > 0 && { toolCalls: calls }),
    ...(raw !== undefined && { raw }),
  };
}

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

function checkTools(tools: unknown): readonly ToolDefinition[] {
  if (!Array.isArray(tools)) throw invalidOption("tools", tools, "a list of tools");
  const names = new Set<string>();
  return tools.map((tool: unknown, index) => {
    const at = `tools[${index}]`;
    if (!isJsonObject(tool)) throw invalidOption(at, tool, "a tool: { name, description, parameters }");
    const { name, description, parameters } = tool;
    if (typeof name !== "string" || !TOOL_NAME.test(name))
      throw invalidOption(`${at}.name`, name, "1 to 64 letters, digits, _ and -");
    if (names.has(name)) throw invalidOption(`${at}.name`, name, "another: each tool has a name of its own");
    names.add(name);
    if (description !== undefined) checkText(`${at}.description`, description);
    if (!isJsonObject(parameters))
      throw invalidOption(`${at}.parameters`, parameters, "a JSON schema of an object");
    return { name, parameters, ...(description !== undefined && { description }) };
  });
}

function emptyPrompt(): InputError {
  return new InputError("empty-prompt", "The prompt is empty: say something.");
}
