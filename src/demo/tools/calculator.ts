/**
 * Arithmetic as people write it, without `eval`: numbers, + - * / % ^, parentheses, a sign, constants and functions. It is read from left to
 * right by the usual grammar (a sum of products of powers), and computed as it is read.
 */

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  sqrt: Math.sqrt,
  abs: Math.abs,
  round: Math.round,
  floor: Math.floor,
  ceil: Math.ceil,
  min: Math.min,
  max: Math.max,
  ln: Math.log,
  log: Math.log10,
  exp: Math.exp,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
};

const TOKEN = /\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)|([a-z]+)|([-+*/%^(),×÷−]))/iy;
const SAME: Readonly<Record<string, string>> = { "×": "*", "÷": "/", "−": "-" };
const MOST_CHARACTERS = 500;

/** @throws Error in words for whoever wrote it */
export function calculate(expression: string): number {
  if (expression.length > MOST_CHARACTERS)
    throw new Error(`An expression has at most ${MOST_CHARACTERS} characters.`);
  const reader = new Reader(tokensOf(expression));
  const value = reader.sum();
  reader.expectEnd();
  if (!Number.isFinite(value)) throw new Error("The result is no finite number.");
  return value;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  const spoken = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < spoken.length) {
    const at = TOKEN.lastIndex;
    const [, number, word, sign] = TOKEN.exec(spoken) ?? [];
    const token = number ?? word?.toLowerCase() ?? (sign && (SAME[sign] ?? sign));
    if (token === undefined) throw new Error(`"${spoken.slice(at).trim().slice(0, 12)}" is no arithmetic.`);
    tokens.push(token);
  }
  if (tokens.length === 0) throw new Error("There is nothing to calculate.");
  return tokens;
}

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  sum(): number {
    let value = this.#product();
    for (;;) {
      if (this.#takes("+")) value += this.#product();
      else if (this.#takes("-")) value -= this.#product();
      else return value;
    }
  }

  expectEnd(): void {
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw new Error(`"${rest}" was not expected there.`);
  }

  #product(): number {
    let value = this.#signed();
    for (;;) {
      if (this.#takes("*")) value *= this.#signed();
      else if (this.#takes("/")) value = divided(value, this.#signed());
      else if (this.#takes("%")) value = divided(value, this.#signed(), true);
      else return value;
    }
  }

  /** A sign binds less than a power: -2 ^ 2 is -4. */
  #signed(): number {
    if (this.#takes("-")) return -this.#signed();
    return this.#takes("+") ? this.#signed() : this.#power();
  }

  /** From right to left: 2 ^ 3 ^ 2 is 2 ^ 9. */
  #power(): number {
    const base = this.#atom();
    return this.#takes("^") ? base ** this.#signed() : base;
  }

  #atom(): number {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Error("The expression ends too early.");
    if (/^[\d.]/.test(token)) return Number(token);
    if (token === "(") return this.#inParentheses();
    if (Object.hasOwn(CONSTANTS, token)) return CONSTANTS[token] ?? 0;
    const apply = Object.hasOwn(FUNCTIONS, token) ? FUNCTIONS[token] : undefined;
    if (apply !== undefined) return apply(...this.#given(token));
    throw new Error(`"${token}" was not expected there.`);
  }

  #inParentheses(): number {
    const value = this.sum();
    if (!this.#takes(")")) throw new Error("A closing parenthesis is missing.");
    return value;
  }

  #given(name: string): number[] {
    if (!this.#takes("(")) throw new Error(`${name} needs parentheses, as in ${name}(2).`);
    const values = [this.sum()];
    while (this.#takes(",")) values.push(this.sum());
    if (!this.#takes(")")) throw new Error("A closing parenthesis is missing.");
    return values;
  }

  #takes(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }
}

function divided(value: number, by: number, remainder = false): number {
  if (by === 0) throw new Error("Nothing can be divided by zero.");
  return remainder ? value % by : value / by;
}
