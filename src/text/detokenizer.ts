/**
 * Ids to text as they come. A character whose UTF-8 is spread over several tokens appears with the last of them; bytes that are
 * no UTF-8 become U+FFFD.
 */
export interface Detokenizer {
  /** The text that `id` completes; may be empty. */
  push(id: number): string;
  /** What was held back: U+FFFD for an unfinished character, else nothing. Ends the text. */
  flush(): string;
}

export interface DetokenizerSource {
  isControl(id: number): boolean;
  tokenBytes(id: number): Uint8Array;
}

/** `dropSpace`: the first character is dropped if it is a space, the one SentencePiece puts before every text. */
export function createDetokenizer(source: DetokenizerSource, dropSpace: boolean): Detokenizer {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let atStart = dropSpace;
  const show = (text: string): string => {
    if (!atStart || text === "") return text;
    atStart = false;
    return text.startsWith(" ") ? text.slice(1) : text;
  };
  return {
    push: (id) => (source.isControl(id) ? "" : show(utf8.decode(source.tokenBytes(id), { stream: true }))),
    flush: () => show(utf8.decode()),
  };
}
