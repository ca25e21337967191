import { ModelError } from "../errors.ts";
import { impliedMerges, listedMerges, type Merge } from "./merges.ts";
import {
  invalidMetadata,
  type Metadata,
  optionalBoolean,
  optionalNumbers,
  optionalString,
  optionalStrings,
  optionalTokenId,
} from "./metadata.ts";
import { type PreTokenizer, preTokenizer } from "./pre_tokenizer.ts";

/** `tokenizer.ggml.token_type` of GGUF. */
const CONTROL_TYPE = 3;
const USER_DEFINED_TYPE = 4;

/** A checked vocabulary: what the file's `tokenizer.ggml.*` keys say, with every id in range. */
export interface Vocabulary {
  /** Token by id. */
  readonly tokens: readonly string[];
  /** Id by token; the last of equal ones. */
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: readonly Merge[];
  /** Never text: not produced by plain text, not shown. */
  readonly control: ReadonlySet<number>;
  /** Always taken whole from text, control or not (`<think>`). */
  readonly userDefined: ReadonlySet<number>;
  readonly special: SpecialTokens;
  readonly spelling: Spelling;
}

/** Ids of the tokens with a role; absent where the file names none. */
export interface SpecialTokens {
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly eot: number | undefined;
  readonly unknown: number | undefined;
  readonly padding: number | undefined;
}

/** How tokens are written. */
export type Spelling =
  | { readonly kind: "byte-level"; readonly preTokenizer: PreTokenizer }
  /** Spaces are "▁", bytes without a token "<0x0A>"; `spacePrefix`: text begins with a space of its own. */
  | { readonly kind: "sentencepiece"; readonly spacePrefix: boolean };

/** @throws ModelError `unknown-tokenizer`, `gguf-invalid` */
export function readVocabulary(metadata: Metadata): Vocabulary {
  const spelling = readSpelling(metadata);
  const tokens = optionalStrings(metadata, "tokenizer.ggml.tokens");
  if (tokens === undefined || tokens.length === 0) {
    throw invalidMetadata("tokenizer.ggml.tokens", "is missing or empty");
  }
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) ids.set(token, id);
  const special = readSpecialTokens(metadata, tokens.length);
  const types = optionalNumbers(metadata, "tokenizer.ggml.token_type", tokens.length);
  const control = idsOfType(types, CONTROL_TYPE);
  for (const id of Object.values(special)) if (id !== undefined) control.add(id);
  const userDefined = idsOfType(types, USER_DEFINED_TYPE);
  for (const id of control) userDefined.delete(id);
  const merges = readMerges(metadata, spelling, tokens, ids, control);
  return { tokens, ids, merges, control, userDefined, special, spelling };
}

function readSpelling(metadata: Metadata): Spelling {
  const model = optionalString(metadata, "tokenizer.ggml.model");
  if (model === "gpt2") {
    const name = optionalString(metadata, "tokenizer.ggml.pre") ?? "default";
    return { kind: "byte-level", preTokenizer: preTokenizer(name) };
  }
  if (model === "llama") {
    const spacePrefix = optionalBoolean(metadata, "tokenizer.ggml.add_space_prefix") ?? true;
    return { kind: "sentencepiece", spacePrefix };
  }
  const what =
    model === undefined ? "The model file names no tokenizer" : `The model's tokenizer is "${model}"`;
  throw new ModelError(
    "unknown-tokenizer",
    `${what} (tokenizer.ggml.model); the supported ones are "gpt2" and "llama".`,
    model === undefined ? {} : { model },
  );
}

export function readSpecialTokens(metadata: Metadata, vocabTokens: number): SpecialTokens {
  const id = (name: string) => optionalTokenId(metadata, `tokenizer.ggml.${name}_token_id`, vocabTokens);
  return {
    bos: id("bos"),
    eos: id("eos"),
    eot: id("eot"),
    unknown: id("unknown"),
    padding: id("padding"),
  };
}

function idsOfType(types: ArrayLike<number> | undefined, type: number): Set<number> {
  const ids = new Set<number>();
  for (let id = 0; id < (types?.length ?? 0); id++) if (types?.[id] === type) ids.add(id);
  return ids;
}

function readMerges(
  metadata: Metadata,
  spelling: Spelling,
  tokens: readonly string[],
  ids: ReadonlyMap<string, number>,
  control: ReadonlySet<number>,
): Merge[] {
  const lines = optionalStrings(metadata, "tokenizer.ggml.merges");
  if (lines !== undefined) return listedMerges(lines, ids, control);
  if (spelling.kind === "byte-level") throw invalidMetadata("tokenizer.ggml.merges", "is missing");
  const scores = optionalNumbers(metadata, "tokenizer.ggml.scores", tokens.length);
  if (scores === undefined) throw invalidMetadata("tokenizer.ggml.scores", "is missing");
  return impliedMerges(scores, ids, control);
}
