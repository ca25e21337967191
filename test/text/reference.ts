import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Message, ToolDefinition } from "../../src/protocol/chat.ts";
import type { Metadata } from "../../src/text/metadata.ts";
import { createTokenizer, type Tokenizer } from "../../src/text/tokenizer.ts";

/** What transformers gives: `test/reference/make_text.py` says what is in it. */
export interface TextReference {
  readonly now: string;
  readonly vocabularies: Readonly<Record<string, Metadata>>;
  readonly texts: readonly string[];
  readonly encodings: Readonly<Record<string, readonly { control: number[]; plain: number[] }[]>>;
  readonly decodings: Readonly<Record<string, readonly { ids: number[]; text: string }[]>>;
  readonly tools: readonly ToolDefinition[];
  readonly templates: readonly ReferenceTemplate[];
}

export interface ReferenceTemplate {
  readonly name: string;
  readonly vocabulary: string;
  /** Null: the vocabulary's own. */
  readonly source: string | null;
  readonly chats: readonly ReferenceChat[];
}

export interface ReferenceChat {
  readonly name: string;
  readonly messages: readonly Message[];
  readonly withTools: boolean;
  readonly generationPrompt: boolean;
  readonly rendered?: string;
  readonly ids?: readonly number[];
  readonly error?: string;
}

function readJson(name: string): unknown {
  const packed = readFileSync(new URL(`../reference/${name}.data.json.gz`, import.meta.url));
  return JSON.parse(gunzipSync(packed).toString("utf8"));
}

export function readTextReference(): TextReference {
  return readJson("text") as TextReference;
}

/** SmolLM2's tokenizer as its GGUF header has it. */
export function readSmollm2Metadata(): Metadata {
  const packed = readJson("smollm2_tokenizer") as Readonly<Record<string, string | number | boolean>>;
  const list = (key: string) => String(packed[key]).split("\n");
  return {
    ...packed,
    "tokenizer.ggml.tokens": list("tokenizer.ggml.tokens"),
    "tokenizer.ggml.merges": list("tokenizer.ggml.merges"),
    "tokenizer.ggml.token_type": Int32Array.from(String(packed["tokenizer.ggml.token_type"]), Number),
  };
}

/** Every vocabulary of the reference by name, with its tokenizer. */
export function openVocabularies(reference: TextReference) {
  const metadata: Record<string, Metadata> = { ...reference.vocabularies, smollm2: readSmollm2Metadata() };
  const tokenizers = new Map<string, Tokenizer>();
  for (const [name, keys] of Object.entries(metadata)) tokenizers.set(name, createTokenizer(keys));
  return {
    names: [...tokenizers.keys()],
    metadata: (name: string): Metadata => metadata[name] ?? {},
    tokenizer: (name: string): Tokenizer => {
      const found = tokenizers.get(name);
      if (found === undefined) throw new Error(`no vocabulary ${name}`);
      return found;
    },
  };
}

/** What a model reads of a text: Qwen composes characters, SentencePiece has "▁" for a space and a space before all text. */
export function readBack(vocabulary: string, text: string): string {
  if (vocabulary === "qwen2") return text.normalize("NFC");
  return vocabulary === "llama" ? text.replaceAll("▁", " ").replace(/^ /, "") : text;
}
