import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelError } from "../../src/errors.ts";
import type { Metadata } from "../../src/text/metadata.ts";
import { createTokenizer } from "../../src/text/tokenizer.ts";
import { readTextReference } from "./reference.ts";

const { vocabularies } = readTextReference();
const small: Metadata = {
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "gpt-2",
  "tokenizer.ggml.tokens": ["a", "b", "ab", "Ġ", "<end>", "__proto__"],
  "tokenizer.ggml.token_type": [1, 1, 1, 1, 3, 1],
  "tokenizer.ggml.merges": ["a b"],
  "tokenizer.ggml.eos_token_id": 4,
};
const spelled: Metadata = {
  "tokenizer.ggml.model": "llama",
  "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", "<0x41>", "▁", "b", "▁b", "<", "s", ">", "s>", "<s"],
  "tokenizer.ggml.token_type": [2, 3, 3, 6, 1, 1, 1, 1, 1, 1, 1, 1],
  "tokenizer.ggml.scores": Float32Array.of(0, 0, 0, 0, -9, -8, -1, -9, -9, -9, -2, -2),
  "tokenizer.ggml.unknown_token_id": 0,
};

describe("a vocabulary", () => {
  test("may have the names of object properties as tokens", () => {
    const subject = createTokenizer(small);
    expect(subject.encode("ab a", { control: false })).toEqual([2, 3, 0]);
    expect(subject.decode([5, 2])).toBe("__proto__ab");
  });

  test("ends answers with the file's end of text and end of turn, and with what its template ends a turn with", () => {
    const tokens = ["a", "<eos>", "<eot>", "<end_of_turn>", "<think>"];
    const keys: Metadata = {
      ...small,
      "tokenizer.ggml.tokens": tokens,
      // Some files call their turn's end user-defined; it is control all the same.
      "tokenizer.ggml.token_type": [1, 3, 3, 4, 4],
      "tokenizer.ggml.merges": [],
      "tokenizer.ggml.eos_token_id": 1,
      "tokenizer.ggml.eot_token_id": 2,
      "tokenizer.chat_template": "{% for m in messages %}{{ m.content + '<end_of_turn>\n' }}{% endfor %}",
    };
    const subject = createTokenizer(keys);
    expect([...subject.endTokens].sort()).toEqual([1, 2, 3]);
    expect(subject.decode([0, 3, 4])).toBe("a<think>");
    const broken = createTokenizer({ ...keys, "tokenizer.chat_template": "{% if" });
    expect([...broken.endTokens].sort()).toEqual([1, 2]);
  });

  test("makes no control token out of text, not even where its pieces would merge into one", () => {
    const subject = createTokenizer(spelled);
    expect(subject.encode("<s>", { control: false })).toEqual([4, 7, 10]);
    expect(subject.encode("<s>", { control: true })).toEqual([1]);
  });

  test("of SentencePiece falls back to bytes, and to the unknown token where a byte is missing", () => {
    const subject = createTokenizer(spelled);
    expect(subject.encode("bAé", { control: false })).toEqual([6, 3, 0]);
    expect(subject.decode([6, 3])).toBe("bA");
    const without = createTokenizer({ ...spelled, "tokenizer.ggml.add_space_prefix": false });
    expect(without.encode("b", { control: false })).toEqual([5]);
    expect(without.decode([6])).toBe(" b");
  });

  test("has no bytes for ids outside of it", () => {
    const subject = createTokenizer(small);
    for (const id of [-1, 6, 0.5, Number.NaN]) {
      expect(() => subject.tokenBytes(id)).toThrow(expect.objectContaining({ code: "invalid-option" }));
    }
  });
});

describe("a file whose tokenizer cannot be used is refused", () => {
  test.each<[string, string, Metadata]>([
    ["no tokenizer", "unknown-tokenizer", {}],
    ["another kind", "unknown-tokenizer", { ...small, "tokenizer.ggml.model": "bert" }],
    ["another pre-tokenizer", "unknown-tokenizer", { ...small, "tokenizer.ggml.pre": "nobody-knows" }],
    ["no tokens", "gguf-invalid", { ...small, "tokenizer.ggml.tokens": [] }],
    ["tokens that are no text", "gguf-invalid", { ...small, "tokenizer.ggml.tokens": [1, 2] }],
    ["too few types", "gguf-invalid", { ...small, "tokenizer.ggml.token_type": [1, 1] }],
    ["types that are no numbers", "gguf-invalid", { ...small, "tokenizer.ggml.token_type": "111111" }],
    ["no merges", "gguf-invalid", { ...small, "tokenizer.ggml.merges": undefined }],
    ["a merge of unknown pieces", "gguf-invalid", { ...small, "tokenizer.ggml.merges": ["a b", "x y"] }],
    ["a merge into no token", "gguf-invalid", { ...small, "tokenizer.ggml.merges": ["b a"] }],
    ["a merge of one piece", "gguf-invalid", { ...small, "tokenizer.ggml.merges": ["ab"] }],
    ["an empty merge", "gguf-invalid", { ...small, "tokenizer.ggml.merges": [" "] }],
    ["an end token out of range", "gguf-invalid", { ...small, "tokenizer.ggml.eos_token_id": 6 }],
    ["a negative id", "gguf-invalid", { ...small, "tokenizer.ggml.bos_token_id": -1 }],
    ["an id that is text", "gguf-invalid", { ...small, "tokenizer.ggml.eot_token_id": "4" }],
    ["a template that is no text", "gguf-invalid", { ...small, "tokenizer.chat_template": 3 }],
    ["no scores", "gguf-invalid", { ...spelled, "tokenizer.ggml.scores": undefined }],
    ["too many scores", "gguf-invalid", { ...spelled, "tokenizer.ggml.scores": new Float32Array(99) }],
    ["a space prefix that is a number", "gguf-invalid", { ...spelled, "tokenizer.ggml.add_space_prefix": 1 }],
  ])("%s", (_, code, keys) => {
    expect(() => createTokenizer(keys)).toThrow(expect.objectContaining({ name: "ModelError", code }));
  });
});

test("whatever values the keys have, there is a tokenizer or a ModelError", () => {
  const keys = fc.constantFrom(...Object.keys(small), ...Object.keys(spelled), "tokenizer.chat_template");
  const value = fc.oneof(
    fc.anything(),
    fc.nat(12),
    fc.string(),
    fc.array(fc.string({ maxLength: 2 }), { maxLength: 12 }),
    fc.array(fc.nat(7), { minLength: 6, maxLength: 12 }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(small, spelled),
      fc.dictionary(keys, value),
      fc.string(),
      (base, changes, text) => {
        try {
          const subject = createTokenizer({ ...base, ...changes });
          for (const id of subject.encode(text, { control: true }))
            expect(id).toBeLessThan(subject.vocabTokens);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("a token of any length costs no more than its reading", () => {
  const tokens = ["<unk>", "a", "aa", "a".repeat(300_000)];
  const keys = { ...spelled, "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": [2, 1, 1, 1] };
  const subject = createTokenizer({ ...keys, "tokenizer.ggml.scores": [0, -2, -1, -3] });
  expect(subject.encode("aaa".repeat(20_000), { control: false }).length).toBeLessThan(60_000);
});

test("the reference's vocabularies have control tokens of their own", () => {
  for (const keys of Object.values(vocabularies))
    expect(createTokenizer(keys).endTokens.size).toBeGreaterThan(0);
});
