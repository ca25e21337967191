import type { AssistantMessage, ToolCall } from "../../protocol/chat.ts";
import { jsonCalls } from "./json_calls.ts";
import { taggedCalls } from "./tagged_calls.ts";
import type { ToolCallParser } from "./tool_call_parser.ts";

/** How a model was taught to write tool calls. */
export interface ToolCallStyle {
  /** `tagged`: Hermes' and Qwen's; `llama`: Llama 3's; `json`: what a model is asked for whose chat template knows no tools. */
  readonly name: "tagged" | "llama" | "json";
  /** Whether the chat template tells the model of its tools and their results. */
  readonly inTemplate: boolean;
  parser(): ToolCallParser;
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
  parser: jsonCalls,
  trigger: '{"name": ',
  frame: (tool) => ({ begin: `{"name": ${JSON.stringify(tool)}, "parameters": `, end: "}" }),
  write: (message) => written(llama, message),
};

const json: ToolCallStyle = {
  name: "json",
  inTemplate: false,
  parser: jsonCalls,
  trigger: '{"name": ',
  frame: (tool) => ({ begin: `{"name": ${JSON.stringify(tool)}, "arguments": `, end: "}" }),
  write: (message) => written(json, message),
};

function written(style: ToolCallStyle, { raw, content, toolCalls = [] }: AssistantMessage): string {
  if (raw !== undefined) return raw;
  const call = ({ name, arguments: given }: ToolCall) => {
    const { begin, end } = style.frame(name);
    return `${begin}${JSON.stringify(given)}${end}`;
  };
  return [...(content === "" ? [] : [content]), ...toolCalls.map(call)].join("\n");
}
