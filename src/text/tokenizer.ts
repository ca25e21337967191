import { InputError, ModelError } from "../errors.ts";
import { AddedTokens } from "./added_tokens.ts";
import { bytesOfSpelling } from "./byte_alphabet.ts";
import { createDetokenizer, type Detokenizer } from "./detokenizer.ts";
import { createEncoder, type Encoder } from "./encoder.ts";
import type { Metadata } from "./metadata.ts";
import { turnEndToken } from "./turn_end.ts";
import { readVocabulary, type Vocabulary } from "./vocabulary.ts";

/** A run of plain text, as the model reads it, or a control token's id. */
export type Piece = number | string;

export interface DecodedPiece {
  readonly piece: Piece;
  /** How many ids there are up to its end. */
  readonly end: number;
}

/**
 * Text to ids and back, as the model's file says. Control tokens (`<|im_start|>`) are never made by plain text; tokens that the
 * file calls user-defined (`<think>`) always are.
 */
export interface Tokenizer {
  readonly vocabTokens: number;
  readonly bosToken?: number;
  /** Tokens that end an answer: the file's end of text and end of turn, and what the chat template puts after an answer. */
  readonly endTokens: ReadonlySet<number>;
  /** `control`: whether control tokens' strings in the text become these tokens. No token is added. */
  encode(text: string, options: { readonly control: boolean }): number[];
  /** Control tokens are left out. Bytes that are no UTF-8 become U+FFFD. @throws InputError `invalid-option` */
  decode(ids: readonly number[]): string;
  isControl(id: number): boolean;
  /** For one answer, from its first token. */
  detokenizer(): Detokenizer;
  /** How the vocabulary spells its tokens, in the order of their ids; control tokens are empty. */
  readonly spelled: { readonly kind: "byte-level" | "sentencepiece"; readonly tokens: readonly string[] };
  /** The bytes a token stands for; of a control token, its name's; of padding, none. @throws InputError `invalid-option` */
  tokenBytes(id: number): Uint8Array;

  /** The text cut at control tokens, but not at those shielded with `mark`, whose marks are removed. */
  pieces(text: string, mark: string): Piece[];
  /** The text with `mark` put into every control token's string. `mark` is a character that does not occur in the text. */
  shield(text: string, mark: string): string;
  /** Ids of pieces; text that goes on after the given pieces is encoded as such, with nothing before it. */
  encodePieces(pieces: readonly Piece[]): number[];
  /** The pieces that ids read as. */
  decodePieces(ids: readonly number[]): DecodedPiece[];
}

/**
 * From the `tokenizer.*` keys of a GGUF header. `modelTokens`: how many ids the model knows, the vocabulary's by default; those beyond
 * the vocabulary are padding, which stands for no text.
 * @throws ModelError `unknown-tokenizer`, `gguf-invalid`, `wrong-shape` when the model knows fewer ids than the vocabulary has
 */
export function createTokenizer(metadata: Metadata, modelTokens?: number): Tokenizer {
  const vocabulary = readVocabulary(metadata);
  const vocabTokens = vocabulary.tokens.length;
  if (modelTokens !== undefined && modelTokens < vocabTokens) throw tooFewRows(modelTokens, vocabTokens);
  const turnEnd = turnEndToken(metadata, vocabulary);
  const control = new Set(vocabulary.control);
  if (turnEnd !== undefined) control.add(turnEnd);
  const ends = [vocabulary.special.eos, vocabulary.special.eot, turnEnd];
  return new GgufTokenizer(
    { ...vocabulary, control },
    new Set(ends.filter((id) => id !== undefined)),
    modelTokens ?? vocabTokens,
  );
}

function tooFewRows(rows: number, vocabTokens: number): ModelError {
  return new ModelError(
    "wrong-shape",
    `The model's embedding has ${rows} rows and its tokenizer ${vocabTokens} tokens, and every token needs a row. Download the file again, or choose another.`,
    { rows, vocabTokens },
  );
}

class GgufTokenizer implements Tokenizer {
  readonly vocabTokens: number;
  readonly bosToken?: number;
  readonly endTokens: ReadonlySet<number>;
  readonly #vocabulary: Vocabulary;
  readonly #modelTokens: number;
  readonly #control: AddedTokens;
  readonly #userDefined: AddedTokens;
  readonly #encoder: Encoder;

  constructor(vocabulary: Vocabulary, endTokens: ReadonlySet<number>, modelTokens: number) {
    const { tokens, control, userDefined, special } = vocabulary;
    this.vocabTokens = tokens.length;
    if (special.bos !== undefined) this.bosToken = special.bos;
    this.endTokens = endTokens;
    this.#vocabulary = vocabulary;
    this.#modelTokens = modelTokens;
    this.#control = new AddedTokens(tokens, control);
    this.#userDefined = new AddedTokens(
      tokens,
      [...userDefined].filter((id) => !control.has(id)),
    );
    this.#encoder = createEncoder(vocabulary);
  }

  encode(text: string, { control }: { readonly control: boolean }): number[] {
    return this.encodePieces(this.#normalize(control ? this.#control.cut(text) : [text]));
  }

  decode(ids: readonly number[]): string {
    const detokenizer = this.detokenizer();
    return ids.map((id) => detokenizer.push(id)).join("") + detokenizer.flush();
  }

  isControl(id: number): boolean {
    return this.#vocabulary.control.has(id);
  }

  get spelled(): Tokenizer["spelled"] {
    const { tokens, control, spelling } = this.#vocabulary;
    return { kind: spelling.kind, tokens: tokens.map((token, id) => (control.has(id) ? "" : token)) };
  }

  detokenizer(): Detokenizer {
    const { spelling } = this.#vocabulary;
    return createDetokenizer(this, spelling.kind === "sentencepiece" && spelling.spacePrefix);
  }

  tokenBytes(id: number): Uint8Array {
    const token = this.#vocabulary.tokens[id];
    if (token === undefined) {
      if (Number.isInteger(id) && id >= 0 && id < this.#modelTokens) return new Uint8Array();
      throw new InputError(
        "invalid-option",
        `${id} is no token id: the model's vocabulary has the ids 0 to ${this.#modelTokens - 1}.`,
        { id, vocabTokens: this.#modelTokens },
      );
    }
    const utf8 = (text: string) => new TextEncoder().encode(text);
    if (this.#vocabulary.control.has(id)) return utf8(token);
    if (this.#vocabulary.spelling.kind === "byte-level") {
      const spelled = this.#vocabulary.userDefined.has(id) ? undefined : bytesOfSpelling(token);
      return spelled ?? utf8(token);
    }
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    return utf8(token.replaceAll("▁", " "));
  }

  pieces(text: string, mark: string): Piece[] {
    return this.#normalize(this.#control.cut(text, mark));
  }

  shield(text: string, mark: string): string {
    return this.#control.shield(text, mark);
  }

  encodePieces(pieces: readonly Piece[]): number[] {
    const ids: number[] = [];
    for (const piece of pieces) {
      if (typeof piece === "number") {
        ids.push(piece);
        continue;
      }
      for (const part of this.#userDefined.cut(piece)) {
        if (typeof part === "number") ids.push(part);
        else for (const id of this.#encoder(part)) ids.push(id);
      }
    }
    return ids;
  }

  decodePieces(ids: readonly number[]): DecodedPiece[] {
    const pieces: DecodedPiece[] = [];
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    const endText = (end: number) => {
      text += utf8.decode();
      if (text !== "") pieces.push({ piece: text, end });
      text = "";
    };
    for (const [index, id] of ids.entries()) {
      if (this.isControl(id)) {
        endText(index);
        pieces.push({ piece: id, end: index + 1 });
      } else {
        text += utf8.decode(this.tokenBytes(id), { stream: true });
      }
    }
    endText(ids.length);
    return pieces;
  }

  /** Text as the model reads it: no lone surrogates, composed where the model wants it, with SentencePiece's space in front. */
  #normalize(pieces: readonly Piece[]): Piece[] {
    return pieces.map((piece, index) => {
      if (typeof piece === "number") return piece;
      const text = piece.replace(/\p{Surrogate}/gu, "\uFFFD");
      const { spelling } = this.#vocabulary;
      if (spelling.kind === "byte-level") {
        return spelling.preTokenizer.normalizeNfc ? this.#compose(text) : text;
      }
      const prefixed = index === 0 && spelling.spacePrefix && this.#startsWithWord(text);
      return prefixed ? ` ${text}` : text;
    });
  }

  #compose(text: string): string {
    const parts = this.#userDefined.cut(text);
    const { tokens } = this.#vocabulary;
    return parts
      .map((part) => (typeof part === "number" ? (tokens[part] ?? "") : part.normalize("NFC")))
      .join("");
  }

  #startsWithWord(text: string): boolean {
    const first = this.#userDefined.cut(text)[0];
    return typeof first === "string" && !first.startsWith(" ") && !first.startsWith("▁");
  }
}
