import { ModelError } from "../errors.ts";

/**
 * How byte-level vocabularies cut text into words before merging, by the name in `tokenizer.ggml.pre`. The expressions are those
 * of the models' own tokenizer files, in Oniguruma's syntax, which the tokenizer library translates: JavaScript's own `\s` and
 * `\d` mean other characters.
 */
export interface PreTokenizer {
  /** Each cuts the pieces of the one before; all text is kept. */
  readonly splits: readonly string[];
  readonly normalizeNfc: boolean;
  /** A word that is a token as a whole is taken as such, whatever the merges say. */
  readonly ignoreMerges: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const GPT2_SPLIT = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

function modernSplit(digits: string): string {
  const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
  return `${CONTRACTIONS}|${String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`}|${digits}|${rest}`;
}

const GPT2: PreTokenizer = { splits: [GPT2_SPLIT], normalizeNfc: false, ignoreMerges: false };
const SMOLLM: PreTokenizer = { ...GPT2, splits: [String.raw`\p{N}`, GPT2_SPLIT] };
const LLAMA3: PreTokenizer = {
  splits: [modernSplit(String.raw`\p{N}{1,3}`)],
  normalizeNfc: false,
  ignoreMerges: true,
};
const QWEN2: PreTokenizer = {
  splits: [modernSplit(String.raw`\p{N}`)],
  normalizeNfc: true,
  ignoreMerges: false,
};

const BY_NAME: ReadonlyMap<string, PreTokenizer> = new Map([
  ["default", GPT2],
  ["gpt-2", GPT2],
  ["smollm", SMOLLM],
  ["llama-bpe", LLAMA3],
  ["llama3", LLAMA3],
  ["llama-v3", LLAMA3],
  ["qwen2", QWEN2],
  ["deepseek-r1-qwen", QWEN2],
]);

/** @throws ModelError `unknown-tokenizer` */
export function preTokenizer(name: string): PreTokenizer {
  const found = BY_NAME.get(name);
  if (found !== undefined) return found;
  throw new ModelError(
    "unknown-tokenizer",
    `The model's tokenizer.ggml.pre is "${name}", a way of cutting text that is not supported; the supported ones are ${[...BY_NAME.keys()].join(", ")}.`,
    { pre: name },
  );
}
