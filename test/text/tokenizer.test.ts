import { describe, expect, test } from "vitest";
import { openVocabularies, readBack, readTextReference } from "./reference.ts";

const reference = readTextReference();
const { names, tokenizer } = openVocabularies(reference);

describe.each(names)("the %s vocabulary", (name) => {
  const subject = tokenizer(name);
  const encodings = reference.encodings[name] ?? [];

  test("gives transformers' ids with control tokens parsed", () => {
    for (const [index, text] of reference.texts.entries()) {
      expect([text, subject.encode(text, { control: true })]).toEqual([text, encodings[index]?.control]);
    }
  });

  test("gives transformers' ids with control tokens as plain text", () => {
    for (const [index, text] of reference.texts.entries()) {
      const ids = subject.encode(text, { control: false });
      expect([text, ids]).toEqual([text, encodings[index]?.plain]);
      expect(ids.filter((id) => subject.isControl(id))).toEqual([]);
    }
  });

  // SmolLM2's own vocabulary has no token for some bytes.
  test("decodes to the text it encoded", () => {
    for (const text of reference.texts) {
      if (name === "smollm2" && text.includes("\u0000")) continue;
      expect(subject.decode(subject.encode(text, { control: false }))).toBe(readBack(name, text));
    }
  });

  test("decodes any ids to transformers' text", () => {
    for (const { ids, text } of reference.decodings[name] ?? []) {
      expect([ids, subject.decode(ids)]).toEqual([ids, text]);
    }
  });
});
