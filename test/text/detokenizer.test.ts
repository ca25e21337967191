import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openVocabularies, readBack, readTextReference } from "./reference.ts";

const reference = readTextReference();
const { names, tokenizer } = openVocabularies(reference);

describe.each(names)("streamed text of the %s vocabulary", (name) => {
  const subject = tokenizer(name);
  const ids = fc.array(fc.nat(subject.vocabTokens - 1), { maxLength: 40 });

  function stream(tokens: readonly number[]) {
    const detokenizer = subject.detokenizer();
    return { parts: tokens.map((id) => detokenizer.push(id)), rest: detokenizer.flush() };
  }

  test("is the text of all ids, whatever they are", () => {
    fc.assert(
      fc.property(ids, (tokens) => {
        const { parts, rest } = stream(tokens);
        expect(parts.join("") + rest).toBe(subject.decode(tokens));
      }),
      { numRuns: 300 },
    );
  });

  test("never has half a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const tokens = subject.encode(text, { control: false });
        for (const part of stream(tokens).parts) expect(part).not.toMatch(/\p{Surrogate}/u);
        if (name !== "smollm2" && !text.includes("\uFFFD")) {
          expect(stream(tokens).parts.join("")).not.toContain("\uFFFD");
        }
      }),
      { numRuns: 300 },
    );
  });

  test("is what plain text was before it was encoded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const decoded = subject.decode(subject.encode(text, { control: false }));
        expect(decoded).toBe(readBack(name, text));
      }),
      { numRuns: 300 },
    );
  });

  test("leaves control tokens out, in the middle of a character too", () => {
    const [first, ...others] = subject.encode("\u{1F9FF}", { control: false });
    const end = [...subject.endTokens][0];
    if (first === undefined || end === undefined) throw new Error("no such tokens");
    expect(subject.decode([first, end, ...others])).toBe("\u{1F9FF}");
  });
});

test("an unfinished character becomes U+FFFD at the end only", () => {
  const subject = tokenizer("gpt-2");
  const detokenizer = subject.detokenizer();
  const ids = subject.encode("\u{1F9FF}", { control: false }).slice(0, -1);
  expect(ids.map((id) => detokenizer.push(id)).join("")).toBe("");
  expect(detokenizer.flush()).toBe("\uFFFD");
});

test("SentencePiece's space is dropped from the first word and kept before the others", () => {
  const subject = tokenizer("llama");
  const ids = subject.encode("the model the", { control: false });
  const detokenizer = subject.detokenizer();
  const parts = ids.map((id) => detokenizer.push(id));
  expect(new TextDecoder().decode(subject.tokenBytes(ids[0] ?? -1)).startsWith(" ")).toBe(true);
  expect(parts[0]?.startsWith(" ")).toBe(false);
  expect(parts.join("")).toBe("the model the");
});
