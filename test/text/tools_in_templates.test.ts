import { describe, expect, test } from "vitest";
import type { Message, ToolDefinition } from "../../src/protocol/chat.ts";
import { createChatTemplate } from "../../src/text/chat.ts";
import { openVocabularies, readTextReference } from "./reference.ts";

const reference = readTextReference();
const { metadata, tokenizer } = openVocabularies(reference);

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

/** What transformers makes of its messages and tools is compared with in chat.test.ts. */
describe("a template that knows tools", () => {
  const known = reference.templates.find(({ name }) => name === "qwen2.5");
  const { subject, template } = open(known?.source ?? undefined);
  const { tools } = reference;

  test("prints calls as they were written", () => {
    const chat = known?.chats.find(({ name, generationPrompt }) => name === "result" && generationPrompt);
    const asMade = '{"name": "add", "arguments": {"a": 2.5, "b": -3}}';
    const asWritten = '{"name":"add",\n "arguments": {"a":2.50,"b":-3}}';
    const raw = `<tool_call>\n${asWritten}\n</tool_call>`;
    const messages = chat?.messages.map((one) => (one.role === "assistant" ? { ...one, raw } : one)) ?? [];
    const text = shown(template.encode(messages, { generationPrompt: true, tools }), subject);
    expect(chat?.rendered).toContain(asMade);
    expect(text.replace(/[⟦⟧]/g, "")).toBe(chat?.rendered?.replace(asMade, asWritten));
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
