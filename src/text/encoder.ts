import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import type { Spelling, Vocabulary } from "./vocabulary.ts";

/** Text without added tokens to ids. */
export type Encoder = (text: string) => number[];

/**
 * BPE by `@huggingface/tokenizers`, from the tokenizer.json that the vocabulary amounts to. Control tokens are left out of it (but the
 * unknown one), so that no text can become one.
 */
export function createEncoder(vocabulary: Vocabulary): Encoder {
  const { spelling, special, tokens } = vocabulary;
  // Without a prototype, for a token may be called "__proto__".
  const vocab: Record<string, number> = Object.create(null);
  for (const [token, id] of vocabulary.ids) {
    if (!vocabulary.control.has(id) || id === special.unknown) vocab[token] = id;
  }
  const sentencepiece = spelling.kind === "sentencepiece";
  const model = {
    type: "BPE",
    vocab,
    merges: vocabulary.merges,
    unk_token: sentencepiece && special.unknown !== undefined ? tokens[special.unknown] : undefined,
    fuse_unk: sentencepiece,
    byte_fallback: sentencepiece,
    ignore_merges: spelling.kind === "byte-level" && spelling.preTokenizer.ignoreMerges,
  };
  const tokenizer = new LibraryTokenizer(
    {
      model,
      normalizer: null,
      pre_tokenizer: preTokenizerJson(spelling),
      post_processor: null,
      decoder: null,
      added_tokens: [],
    },
    {},
  );
  const encode = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  return sentencepiece ? (text) => encode(text.replaceAll(" ", "▁")) : encode;
}

function preTokenizerJson(spelling: Spelling): object | null {
  if (spelling.kind === "sentencepiece") return null;
  const splits = spelling.preTokenizer.splits.map((regex) => ({
    type: "Split",
    pattern: { Regex: regex },
    behavior: "Isolated",
    invert: false,
  }));
  const bytes = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
  return { type: "Sequence", pretokenizers: [...splits, bytes] };
}
