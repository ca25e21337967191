import type { AssistantMessage, JsonObject, ToolCall } from "../../protocol/chat.ts";
import { atLineBegin, atText, jsonCalls } from "./json_calls.ts";
import { taggedCalls } from "./tagged_calls.ts";
import type { ToolCallParser } from "./tool_call_parser.ts";

/** How a model was taught to write tool calls. */
export interface ToolCallStyle {
  /** `tagged`: Hermes' and Qwen's; `llama`: Llama 3's; `json`: what a model is asked for whose chat template knows no tools. */
  readonly name: "tagged" | "llama" | "json";
  /** Whether the chat template tells the model of its tools and their results. */
  readonly inTemplate: boolean;
  /** Under a grammar a call is where its frame begins, and nowhere else. */
  parser(options?: { readonly constrained: boolean }): ToolCallParser;
  /** A message as the model wrote it, or would have. */
  write(message: AssistantMessage): string;
  /** What stands around the arguments of a call of this tool, and the beginning by which every call is known. */
  frame(tool: string): { readonly begin: string; readonly end: string };
  readonly trigger: string;
}

/** The style that a chat template shows. */
export function toolCallStyle(template: string): ToolCallStyle {
  const knowsTools = /\btools\b/.test(template);
  if (knowsTools && template.includes("<tool_call>")) return tagged;
  if (knowsTools && template.includes("ipython")) return llama;
  return json;
}

const JSON_TRIGGER = '{"name": ';

const tagged: ToolCallStyle = {
  name: "tagged",
  inTemplate: true,
  parser: taggedCalls,
  trigger: "<tool_call>",
  frame: (tool) => ({
    begin: `<tool_call>\n{"name": ${JSON.stringify(tool)}, "arguments": `,
    end: "}\n</tool_call>",
  }),
  write: (message) => written(tagged, message),
};

const llama: ToolCallStyle = {
  name: "llama",
  inTemplate: true,
  parser: jsonParser,
  trigger: JSON_TRIGGER,
  frame: (tool) => ({ begin: `{"name": ${JSON.stringify(tool)}, "parameters": `, end: "}" }),
  write: (message) => written(llama, message),
};

const json: ToolCallStyle = {
  name: "json",
  inTemplate: false,
  parser: jsonParser,
  trigger: JSON_TRIGGER,
  frame: (tool) => ({ begin: `{"name": ${JSON.stringify(tool)}, "arguments": `, end: "}" }),
  write: (message) => written(json, message),
};

function jsonParser({ constrained } = { constrained: false }): ToolCallParser {
  return jsonCalls(constrained ? atText(JSON_TRIGGER) : atLineBegin);
}

function written(style: ToolCallStyle, { raw, content, toolCalls = [] }: AssistantMessage): string {
  if (raw !== undefined) return raw;
  const call = ({ name, arguments: given }: ToolCall) => {
    const { begin, end } = style.frame(name);
    return `${begin}${spaced(given)}${end}`;
  };
  return [...(content === "" ? [] : [content]), ...toolCalls.map(call)].join("\n");
}

/** JSON as chat templates print it: with a space behind each comma and colon. */
function spaced(value: JsonObject): string {
  // A line break is never part of a text in it.
  return JSON.stringify(value, undefined, 1).replace(/,\n */g, ", ").replace(/\n */g, "");
}
