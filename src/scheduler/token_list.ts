/** Tokens in a row that grows at its end, four bytes each, in one array that costs the garbage collector nothing. */
export class TokenList {
  #values = NONE;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The tokens, and behind them what does not count. Another array when the list has grown. */
  get values(): Int32Array {
    return this.#values;
  }

  push(token: number): void {
    this.#makeRoom(this.#length + 1);
    this.#values[this.#length] = token;
    this.#length += 1;
  }

  append(tokens: ArrayLike<number>, count: number): void {
    this.#makeRoom(this.#length + count);
    for (let at = 0; at < count; at++) this.#values[this.#length + at] = tokens[at] ?? 0;
    this.#length += count;
  }

  /** Keeps the first `length` at most. */
  cut(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  slice(first: number, end: number): readonly number[] {
    const tokens: number[] = [];
    const last = Math.min(end, this.#length);
    for (let at = first; at < last; at++) tokens.push(this.#values[at] ?? 0);
    return tokens;
  }

  #makeRoom(length: number): void {
    if (length <= this.#values.length) return;
    const values = new Int32Array(length + Math.max(LEAST_ROOM, this.#values.length >> 1));
    values.set(this.#values);
    this.#values = values;
  }
}

const NONE = new Int32Array(0);
/** For an answer. */
const LEAST_ROOM = 128;
