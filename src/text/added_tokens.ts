/**
 * Tokens that are taken whole from text before anything else: control tokens, and those the vocabulary calls user-defined.
 * At each place the longest wins, the leftmost place first.
 */
export class AddedTokens {
  readonly #ids: ReadonlyMap<string, number>;
  /** Undefined when there are none. One capturing group, so that `split` keeps the tokens. */
  readonly #source: string | undefined;

  constructor(tokens: readonly string[], ids: Iterable<number>) {
    const byText = new Map<string, number>();
    for (const id of ids) {
      const text = tokens[id];
      if (text !== undefined && text !== "") byText.set(text, id);
    }
    this.#ids = byText;
    const longestFirst = [...byText.keys()].sort((a, b) => b.length - a.length);
    this.#source = longestFirst.length === 0 ? undefined : `(${longestFirst.map(literal).join("|")})`;
  }

  /**
   * The text in order, added tokens as their ids, the rest as non-empty strings. A token shielded with `mark` stays text, and the
   * marks are gone from the strings.
   */
  cut(text: string, mark?: string): (number | string)[] {
    if (this.#source === undefined) return text === "" ? [] : [text];
    const shielded = mark !== undefined && text.includes(mark);
    const pattern = new RegExp(shielded ? `(?<!${mark})${this.#source}` : this.#source);
    const parts: (number | string)[] = [];
    for (const [index, part] of text.split(pattern).entries()) {
      const id = index % 2 === 1 ? this.#ids.get(part) : undefined;
      const plain = shielded ? part.replaceAll(mark, "") : part;
      if (id !== undefined) parts.push(id);
      else if (plain !== "") parts.push(plain);
    }
    return parts;
  }

  /** The text with `mark`, a character of its own, before every character of an added token in it. */
  shield(text: string, mark: string): string {
    if (this.#source === undefined) return text;
    return text.replace(new RegExp(this.#source, "g"), (token) => mark + token.split("").join(mark));
  }
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
