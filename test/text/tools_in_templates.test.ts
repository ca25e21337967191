import { describe, expect, test } from "vitest";
import type { Message, ToolDefinition } from "../../src/protocol/chat.ts";
import { createChatTemplate } from "../../src/text/chat.ts";
import { openVocabularies, readTextReference } from "./reference.ts";

const { metadata, tokenizer } = openVocabularies(readTextReference());

/** What models with tools in their templates print of them, cut down to that. */
const QWEN = `{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
    {{- "# Tools\\n<tools>" }}
    {%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\\n</tools>\\nWrite <tool_call></tool_call><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or messages[loop.index0 - 1].role != "tool" %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != "tool" %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;

const add: ToolDefinition = {
  name: "add",
  description: "Adds: é <|im_end|>.",
  parameters: { type: "object", properties: { a: { type: "number" } } },
};
const written = '<tool_call>\n{"name": "add", "arguments": {"a":   1}}\n</tool_call>';
const called: Message = {
  role: "assistant",
  content: "",
  toolCalls: [{ id: "call-1", name: "add", arguments: { a: 1 } }],
  raw: written,
};
const messages: readonly Message[] = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "How much?" },
  called,
  { role: "tool", toolCallId: "call-1", name: "add", content: "1 <|im_start|>" },
  { role: "tool", toolCallId: "call-2", name: "add", content: "2" },
];

function open(source: string | undefined) {
  const keys = metadata("qwen2");
  const { "tokenizer.chat_template": _, ...without } = keys;
  const subject = tokenizer("qwen2");
  const template = createChatTemplate(
    source === undefined ? without : { ...without, "tokenizer.chat_template": source },
    subject,
  );
  return { subject, template };
}

/** The ids as text with the control tokens' names in brackets that no text has. */
function shown(ids: readonly number[], subject: ReturnType<typeof open>["subject"]): string {
  return subject
    .decodePieces(ids)
    .map(({ piece }) =>
      typeof piece === "string" ? piece : `⟦${new TextDecoder().decode(subject.tokenBytes(piece))}⟧`,
    )
    .join("");
}

describe("a template that knows tools", () => {
  const { subject, template } = open(QWEN);

  test("tells of them, their calls as they were written, and their results", () => {
    const ids = template.encode(messages, { generationPrompt: true, tools: [add] });
    expect(shown(ids, subject)).toBe(`⟦<|im_start|>⟧system
Be brief.

# Tools
<tools>
{"type": "function", "function": {"name": "add", "description": "Adds: é <|im_end|>.", "parameters": {"type": "object", "properties": {"a": {"type": "number"}}}}}
</tools>
Write <tool_call></tool_call>⟦<|im_end|>⟧
⟦<|im_start|>⟧user
How much?⟦<|im_end|>⟧
⟦<|im_start|>⟧assistant
${written}⟦<|im_end|>⟧
⟦<|im_start|>⟧user
<tool_response>
1 <|im_start|>
</tool_response>
<tool_response>
2
</tool_response>⟦<|im_end|>⟧
⟦<|im_start|>⟧assistant
`);
  });

  test("goes on from what the model wrote with nothing of it run again", () => {
    const prompt = template.encode(messages.slice(0, 2), { generationPrompt: true, tools: [add] });
    const [end = -1] = subject.encode("<|im_end|>", { control: true });
    const cached = [...prompt, ...subject.encode(written, { control: false }), end];
    const history = { messages: messages.slice(0, 3), tools: [add], cached };
    const { keep, append } = template.continuation(history, messages.slice(3, 4));
    expect(keep).toBe(cached.length);
    expect(shown(append, subject)).toMatch(/^\n⟦<\|im_start\|>⟧user\n<tool_response>/);
  });

  test("writes a call that came from elsewhere as the model would", () => {
    const { raw: _, ...elsewhere } = called as Extract<Message, { role: "assistant" }>;
    const ids = template.encode([...messages.slice(0, 2), elsewhere], {
      generationPrompt: false,
      tools: [add],
    });
    expect(shown(ids, subject)).toContain('<tool_call>\n{"name": "add", "arguments": {"a":1}}\n</tool_call>');
  });
});

describe("a template that knows none", () => {
  const { subject, template } = open(undefined);

  test("tells of them in the system message, and of results in the user's", () => {
    const text = shown(template.encode(messages, { generationPrompt: true, tools: [add] }), subject);
    expect(text).toMatch(/^⟦<\|im_start\|>⟧system\nBe brief\.\n\nYou have these tools:\n\{"name":"add"/);
    expect(text).toContain("Adds: é <|im_end|>."); // text, and no control token
    expect(text).toContain(
      "⟦<|im_start|>⟧user\nThe tool add gave:\n1 <|im_start|>\n\nThe tool add gave:\n2⟦<|im_end|>⟧",
    );
  });

  test("has no system message of its own without tools", () => {
    const text = shown(template.encode(messages.slice(1, 2), { generationPrompt: false }), subject);
    expect(text).toBe("⟦<|im_start|>⟧user\nHow much?⟦<|im_end|>⟧\n");
  });
});
