import type { TurnState } from "./state.ts";

/**
 * When drafts pay: known are how long decode steps of each size took, and how likely each drafted token is accepted. All turns of a
 * step wait for its drafts, so a step takes those that raise the turns' tokens a millisecond most in the geometric mean
 * (proportional fairness, F. Kelly 1997), if that is clearly more than without, and if those without guesses lose next to nothing.
 */
export class Speculation {
  /** By tokens of the step; NaN where none was seen. */
  readonly #ms = new Float64Array(MAX_TOKENS + 1).fill(Number.NaN);
  /** Tokens of the largest step that was seen. */
  #largest = 0;

  /** What drafts cost more than they brought, lately; never less than nothing, so that old gains pay for no losses. */
  #lostMs = 0;
  #spentMs = 0;

  /** A step in which every row decodes took so long; `drafted` says what came of its drafts, if it had any. */
  record(tokens: number, ms: number, drafted?: DraftedStep): void {
    this.#spentMs += ms;
    if (drafted) {
      const plainMs = (this.expectedMs(drafted.rows) * drafted.taken) / drafted.rows;
      const lostMs = Math.min(ms, this.#mostMs(tokens)) - plainMs;
      if (!Number.isNaN(lostMs)) this.#lostMs = Math.max(0, this.#lostMs + lostMs);
    }
    if (tokens > MAX_TOKENS) return;
    this.#largest = Math.max(this.#largest, tokens);
    const before = this.#ms[tokens] ?? Number.NaN;
    const seen = Math.min(ms, this.#mostMs(tokens));
    // Other sizes fade, so that they are tried again when the machine has become another.
    for (let size = 1; size <= MAX_TOKENS; size++) this.#ms[size] = (this.#ms[size] ?? Number.NaN) * FADING;
    this.#ms[tokens] = Number.isNaN(before) ? seen : before + FOLLOWING * (seen - before);
  }

  /**
   * How many drafted tokens each of the turns that decode in one step should have; `room` is how many there may be at most, of each
   * turn and of all. Chances fall with depth, so the best drafts are found one by one.
   */
  choose(turns: readonly DraftChances[], room: number): readonly number[] {
    const rows = turns.length;
    const counts = turns.map(() => 0);
    const plainMs = this.expectedMs(rows);
    if (rows > this.#largest || Number.isNaN(plainMs)) return counts;
    if (this.#lostMs > LOSS_STEPS * plainMs + LOSS_SHARE * this.#spentMs) return counts;
    const expected = turns.map(() => 1);
    let best = Math.log(MARGIN);
    let gained = 0;
    let chosen: readonly number[] = [...counts];
    // What larger steps cost is tried out by steps twice as large as any before: a guess at more than that may cost dearly.
    for (let size = rows + 1; size <= Math.min(MAX_TOKENS, rows + room, 2 * this.#largest); size++) {
      const next = mostGaining(turns, counts, expected);
      if (next === undefined) break;
      const [count, tokens] = [counts[next] ?? 0, expected[next] ?? 1];
      const chance = turns[next]?.[count] ?? 0;
      gained += Math.log1p(chance / tokens);
      expected[next] = tokens + chance;
      counts[next] = count + 1;
      const slower = this.expectedMs(size) / plainMs;
      const gain = gained / rows - Math.log(slower);
      // Until the turn with the most guesses has a token more, a turn with the fewest loses so much of a plain step.
      const loss = (slower - Math.min(...expected)) / Math.max(...expected);
      if (gain <= best || loss > MOST_LOSS) continue;
      best = gain;
      chosen = [...counts];
    }
    return chosen;
  }

  /** What took longer met a busy moment: twice what is expected, or of a new size, what smaller steps for as many tokens take. */
  #mostMs(tokens: number): number {
    const before = this.#ms[tokens] ?? Number.NaN;
    if (!Number.isNaN(before)) return 2 * before;
    const below = this.#ms.subarray(0, tokens).findLastIndex((ms) => !Number.isNaN(ms));
    return below === -1 ? Number.POSITIVE_INFINITY : Math.ceil(tokens / below) * (this.#ms[below] ?? 0);
  }

  /** Between sizes that were seen on a line; beyond them growing with the square root, until they are seen. NaN where nothing is known. */
  expectedMs(tokens: number): number {
    let [below, above] = [tokens, tokens];
    while (below > 0 && Number.isNaN(this.#ms[below])) below--;
    while (above <= MAX_TOKENS && Number.isNaN(this.#ms[above])) above++;
    if (below === 0) return Number.NaN;
    const [low = Number.NaN, high = Number.NaN] = [this.#ms[below], this.#ms[above]];
    if (below === above) return low;
    if (above > MAX_TOKENS) return low * Math.sqrt(tokens / below);
    return low + ((high - low) * (tokens - below)) / (above - below);
  }
}

/** A step with drafts: so many turns had so many tokens of it, all together. */
export interface DraftedStep {
  readonly rows: number;
  readonly taken: number;
}

/** For each depth, how likely all drafts of a turn up to it are accepted. */
export type DraftChances = readonly number[];

/** Most drafts a turn may have in one step. */
export const MAX_DRAFTS = 15;
/** Most tokens of a step that has drafts. */
const MAX_TOKENS = 64;
/** Drafts have to promise so much more: a step that has them is not planned ahead, and estimates are estimates. */
const MARGIN = 1.15;
/** What the others in a step may lose by one turn's guesses, as a share of the time they would take. */
const MOST_LOSS = 0.02;
/** What all drafts may lose before there are no more for a while: so many steps, and this share of all the time. */
const LOSS_STEPS = 10;
const LOSS_SHARE = 0.015;
/** How far one step moves what is expected of its size, and by how much each step makes the other sizes look cheaper. */
const FOLLOWING = 0.25;
const FADING = 1 - 1 / 1024;

/** The chances of the turn's drafts, as far as it may have any. */
export function chancesOf(turn: TurnState, most: number): DraftChances {
  return turn.drafts?.chances(Math.max(0, Math.min(MAX_DRAFTS, most))) ?? [];
}

/** The turn whose next draft adds most to its tokens, in proportion to what it has. */
function mostGaining(
  turns: readonly DraftChances[],
  counts: readonly number[],
  expected: readonly number[],
): number | undefined {
  let best = 0;
  let at: number | undefined;
  for (const [index, chances] of turns.entries()) {
    const share = (chances[counts[index] ?? 0] ?? 0) / (expected[index] ?? 1);
    if (share <= best) continue;
    best = share;
    at = index;
  }
  return at;
}
