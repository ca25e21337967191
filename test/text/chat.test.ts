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

  test.each(chats)("gives transformers' ids: $name, generation prompt $generationPrompt", (chat) => {
    const encode = () => template.encode(chat.messages, { generationPrompt: chat.generationPrompt });
    if (chat.error === undefined) expect(encode()).toEqual(chat.ids);
    else {
      expect(encode).toThrow(
        expect.objectContaining({ code: "invalid-template", message: expect.stringContaining(chat.error) }),
      );
    }
  });
});
