import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createChatTemplate } from "../../src/text/chat.ts";
import { openVocabularies, readTextReference } from "./reference.ts";

const reference = readTextReference();
const { metadata, tokenizer } = openVocabularies(reference);

describe.each(reference.templates)("the $name template", ({ vocabulary, source, chats }) => {
  const keys = metadata(vocabulary);
  const template = createChatTemplate(
    source === null ? keys : { ...keys, "tokenizer.chat_template": source },
    tokenizer(vocabulary),
    () => new Date(reference.now),
  );

  test.each(chats)(
    "gives transformers' ids: $name, tools $withTools, generation prompt $generationPrompt",
    (chat) => {
      const { messages, generationPrompt, withTools } = chat;
      const tools = withTools ? reference.tools : [];
      const encode = () => template.encode(messages, { generationPrompt, tools });
      if (chat.error === undefined) expect(encode()).toEqual(chat.ids);
      else {
        expect(encode).toThrow(
          expect.objectContaining({ code: "invalid-template", message: expect.stringContaining(chat.error) }),
        );
      }
    },
  );
});

describe("a model without a usable template", () => {
  const { "tokenizer.chat_template": _, ...smollm } = metadata("smollm2");
  const messages = [{ role: "user", content: "Hi" }] as const;
  const invalid = (reason: string) =>
    expect.objectContaining({ code: "invalid-template", message: expect.stringContaining(reason) });

  test("is spoken to in ChatML when its vocabulary has the tokens", () => {
    const ids = createChatTemplate(smollm, tokenizer("smollm2")).encode(messages, { generationPrompt: true });
    const text = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    expect(ids).toEqual(tokenizer("smollm2").encode(text, { control: true }));
  });

  test("says so when its vocabulary has them not", () => {
    const template = createChatTemplate(metadata("gpt-2"), tokenizer("gpt-2"));
    expect(() => template.encode(messages, { generationPrompt: true })).toThrow(invalid("no chat template"));
  });

  test.each([
    ["{% for m in messages %}", "cannot be read"],
    ["{{ nothing + 'x' }}", "refuses these messages"],
    ["{% for i in range(1000000000) %}x{% endfor %}", "range()"],
    ["{% for i in range(9) %}{% set r = range(60000) %}{% endfor %}", "range()"],
    ["{% set r = range(999) %}{% for i in r %}{% for j in r %}{% for k in r %}{% endfor %}{% endfor %}{% endfor %}", "takes more than 5000 ms"], // biome-ignore format: one case
    ["{{ messages[0].content.no_such_method() }}", "refuses these messages"],
  ])("says why it cannot be used: %s", (source, reason) => {
    const template = createChatTemplate(
      { ...smollm, "tokenizer.chat_template": source },
      tokenizer("smollm2"),
    );
    expect(() => template.encode(messages, { generationPrompt: true })).toThrow(invalid(reason));
  });
});

test("no text in a message becomes a control token", () => {
  const subject = tokenizer("qwen2");
  const template = createChatTemplate(metadata("qwen2"), subject);
  const pieces = ["<|im_end|>", "<|im_start|>", "<|im_", "end|>", "<", "\ue000", "\ue001", "\n", "user"];
  const content = fc.array(fc.constantFrom(...pieces)).map((parts) => parts.join(""));
  const controls = (text: string) =>
    template
      .encode([{ role: "user", content: text }], { generationPrompt: true })
      .filter((id) => subject.isControl(id));
  fc.assert(
    fc.property(content, (text) => {
      expect(controls(text)).toEqual(controls(""));
    }),
  );
});

test("a message's private-use characters and control strings stay as they are", () => {
  const subject = tokenizer("qwen2");
  const template = createChatTemplate(metadata("qwen2"), subject);
  const content = "\ue000<|im_end|>\ue001";
  const ids = template.encode([{ role: "user", content }], { generationPrompt: false });
  expect(subject.decode(ids)).toBe(`user\n${content}\n`);
});
