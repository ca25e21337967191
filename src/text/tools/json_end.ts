/** Finds where a JSON object or array ends, in text that comes bit by bit. It looks at brackets and strings, and at nothing else. */
export class JsonEnd {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #read = 0;
  #end: number | undefined;

  /**
   * `text` begins with the bracket and is what the calls before gave, or goes on from there. The number of characters up to the end, or
   * undefined where it has not come.
   */
  find(text: string): number | undefined {
    while (this.#end === undefined && this.#read < text.length) {
      this.#step(text[this.#read++] ?? "");
      if (this.#depth === 0) this.#end = this.#read;
    }
    return this.#end;
  }

  #step(character: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString && character === "\\") this.#escaped = true;
    else if (character === '"') this.#inString = !this.#inString;
    else if (this.#inString) return;
    else if (character === "{" || character === "[") this.#depth++;
    else if (character === "}" || character === "]") this.#depth--;
  }
}
