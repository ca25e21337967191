import { TailIndex } from "./tail_index.ts";
import { TokenList } from "./token_list.ts";

/**
 * Guesses how a turn goes on by looking its last tokens up in what it has seen (prompt-lookup decoding, A. Saxena 2023): where the
 * last three tokens, or else the last two, stood before, and what followed there. One look-up and two writes a token.
 *
 * Whether it guesses well is seen without running anything: each token that comes is held against the guess. How likely a guess is
 * right is counted by how many in a row were right before it, over this turn alone.
 */
export class DraftSource {
  readonly #tokens = new TokenList();
  readonly #afterThree = new TailIndex(3);
  readonly #afterTwo = new TailIndex(2);
  /** Where the token that is expected next stands; undefined where nothing like the last tokens was seen. */
  #next: number | undefined;
  /** How many guesses in a row were right. */
  #streak = 0;
  readonly #right = new Float64Array(STREAK_CLASSES);
  readonly #guesses = new Float64Array(STREAK_CLASSES);

  get length(): number {
    return this.#tokens.length;
  }

  /** Tokens of the prompt: they can be found, and say nothing of how well the answer is guessed. */
  read(tokens: Iterable<number>): void {
    for (const token of tokens) this.#add(token);
    this.#streak = 0;
    this.#next = undefined;
  }

  /** The next token of the answer. */
  push(token: number): void {
    const guessed = this.#next;
    const expected = guessed === undefined ? undefined : this.#tokens.values[guessed];
    if (expected !== undefined) this.#count(expected === token);
    const found = this.#add(token);
    if (expected === token && guessed !== undefined) {
      this.#next = guessed + 1;
      this.#streak += 1;
    } else {
      this.#next = found;
      this.#streak = 0;
    }
  }

  /** How likely it is that the next token, the next two, … are guessed right: at most `most` of them, none where there is no guess. */
  chances(most: number): readonly number[] {
    if (this.#next === undefined) return [];
    const chances: number[] = [];
    let chance = 1;
    for (let depth = 0; depth < most; depth++) {
      chance *= this.#chance(this.#streak + depth);
      chances.push(chance);
    }
    return chances;
  }

  /** The next `count` tokens as guessed. What runs into the end of the tokens repeats from where it began. */
  draft(count: number): readonly number[] {
    const { length, values } = this.#tokens;
    const first = this.#next ?? length;
    if (first >= length) return [];
    return Array.from({ length: count }, (_, at) => values[first + (at % (length - first))] ?? 0);
  }

  /** Returns where the tokens begin that followed the last three, or else the last two, when they stood there before. */
  #add(token: number): number | undefined {
    this.#tokens.push(token);
    const { length, values } = this.#tokens;
    const afterTwo = length < 2 ? undefined : this.#afterTwo.look(values, length);
    const afterThree = length < 3 ? undefined : this.#afterThree.look(values, length);
    return afterThree ?? afterTwo;
  }

  #count(right: boolean): void {
    const at = classOf(this.#streak);
    this.#guesses[at] = (this.#guesses[at] ?? 0) + 1;
    if (right) this.#right[at] = (this.#right[at] ?? 0) + 1;
    if ((this.#guesses[at] ?? 0) <= MEMORY) return;
    this.#guesses[at] = (this.#guesses[at] ?? 0) / 2;
    this.#right[at] = (this.#right[at] ?? 0) / 2;
  }

  /** Laplace's rule of succession stands in for what has not been seen. */
  #chance(streak: number): number {
    const at = classOf(streak);
    const expected = (streak + 1) / (streak + 2);
    return ((this.#right[at] ?? 0) + PRIOR * expected) / ((this.#guesses[at] ?? 0) + PRIOR);
  }
}

/** Streaks of 0, 1–2, 3–6, 7–14, 15–30 and more. */
const STREAK_CLASSES = 6;
/** So many guesses are remembered of a class before older ones count half, so that a text may change its nature. */
const MEMORY = 48;
/** How many guesses the expectation without any counts as. */
const PRIOR = 2;

function classOf(streak: number): number {
  return Math.min(STREAK_CLASSES - 1, 31 - Math.clz32(streak + 1));
}
