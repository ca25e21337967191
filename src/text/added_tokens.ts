interface Match {
  readonly start: number;
  readonly token: string;
  readonly id: number;
}

/**
 * Tokens that are taken whole from text before anything else: control tokens, and those the vocabulary calls user-defined.
 * At each place the longest wins, the leftmost place first. (Not a regular expression: a header may call all its tokens
 * control, and compiling that takes a minute.)
 */
export class AddedTokens {
  readonly #ids = new Map<string, number>();
  /** Lengths of the tokens by their first character, the longest first. */
  readonly #lengths = new Map<string, number[]>();

  constructor(tokens: readonly string[], ids: Iterable<number>) {
    const lengths = new Map<string, Set<number>>();
    for (const id of ids) {
      const token = tokens[id];
      if (token === undefined || token === "") continue;
      this.#ids.set(token, id);
      const first = token.charAt(0);
      lengths.set(first, (lengths.get(first) ?? new Set()).add(token.length));
    }
    for (const [first, set] of lengths) {
      this.#lengths.set(
        first,
        [...set].sort((a, b) => b - a),
      );
    }
  }

  /**
   * The text in order, added tokens as their ids, the rest as non-empty strings. A token shielded with `mark` stays text, and the
   * marks are gone from the strings.
   */
  cut(text: string, mark?: string): (number | string)[] {
    const parts: (number | string)[] = [];
    let from = 0;
    const addText = (to: number) => {
      const plain = text.slice(from, to);
      const shown = mark === undefined ? plain : plain.replaceAll(mark, "");
      if (shown !== "") parts.push(shown);
    };
    for (const { start, token, id } of this.#matches(text, mark)) {
      addText(start);
      parts.push(id);
      from = start + token.length;
    }
    addText(text.length);
    return parts;
  }

  /** The text with `mark`, a character of its own, before every character of an added token in it. */
  shield(text: string, mark: string): string {
    let shielded = "";
    let from = 0;
    for (const { start, token } of this.#matches(text)) {
      shielded += text.slice(from, start) + mark + token.split("").join(mark);
      from = start + token.length;
    }
    return shielded + text.slice(from);
  }

  *#matches(text: string, mark?: string): Generator<Match, void, void> {
    for (let start = 0; start < text.length; start++) {
      const lengths = this.#lengths.get(text.charAt(start));
      if (lengths === undefined || (mark !== undefined && text.charAt(start - 1) === mark)) continue;
      const match = this.#longest(text, start, lengths);
      if (match === undefined) continue;
      yield match;
      start += match.token.length - 1;
    }
  }

  #longest(text: string, start: number, lengths: readonly number[]): Match | undefined {
    for (const length of lengths) {
      const token = text.slice(start, start + length);
      const id = this.#ids.get(token);
      if (id !== undefined) return { start, token, id };
    }
    return undefined;
  }
}
