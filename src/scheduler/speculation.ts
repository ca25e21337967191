import type { TurnState } from "./state.ts";

/**
 * When drafts pay: known are how long decode steps of each size took, and how likely each drafted token is accepted. A step takes
 * the drafts that promise the most tokens a millisecond, if that is clearly more than without.
 */
export class Speculation {
  /** By tokens of the step; NaN where none was seen. */
  readonly #ms = new Float64Array(MAX_TOKENS + 1).fill(Number.NaN);

  /** A step in which every row decodes took so long. */
  record(tokens: number, ms: number): void {
    if (tokens > MAX_TOKENS) return;
    const before = this.#ms[tokens] ?? Number.NaN;
    // Other sizes fade, so that they are tried again when the machine has become another.
    for (let size = 1; size <= MAX_TOKENS; size++) this.#ms[size] = (this.#ms[size] ?? Number.NaN) * FADING;
    this.#ms[tokens] = Number.isNaN(before) ? ms : before + FOLLOWING * (ms - before);
  }

  /**
   * How many drafted tokens each of the turns that decode in one step should have; `room` is how many there may be at most, of each
   * turn and of all. Chances fall with depth, so the best drafts are found one by one.
   */
  choose(turns: readonly DraftChances[], room: number): readonly number[] {
    const rows = turns.length;
    const counts = turns.map(() => 0);
    const plainMs = this.expectedMs(rows);
    if (Number.isNaN(plainMs)) return counts;
    let best = (rows / plainMs) * MARGIN;
    let expected = rows;
    let chosen: readonly number[] = [...counts];
    for (let size = rows + 1; size <= Math.min(MAX_TOKENS, rows + room); size++) {
      const next = likeliest(turns, counts);
      if (next === undefined) break;
      expected += turns[next]?.[counts[next] ?? 0] ?? 0;
      counts[next] = (counts[next] ?? 0) + 1;
      const rate = expected / this.expectedMs(size);
      if (rate <= best) continue;
      best = rate;
      chosen = [...counts];
    }
    return chosen;
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

/** For each depth, how likely all drafts of a turn up to it are accepted. */
export type DraftChances = readonly number[];

/** Most drafts a turn may have in one step. */
export const MAX_DRAFTS = 15;
/** Most tokens of a step that has drafts. */
const MAX_TOKENS = 64;
/** Drafts have to promise so much more: a step that has them is not planned ahead, and estimates are estimates. */
const MARGIN = 1.1;
/** How far one step moves what is expected of its size, and by how much each step makes the other sizes look cheaper. */
const FOLLOWING = 0.25;
const FADING = 1 - 1 / 1024;

/** The chances of the turn's drafts, as far as it may have any. */
export function chancesOf(turn: TurnState, most: number): DraftChances {
  return turn.drafts?.chances(Math.max(0, Math.min(MAX_DRAFTS, most))) ?? [];
}

function likeliest(turns: readonly DraftChances[], counts: readonly number[]): number | undefined {
  let best = 0;
  let at: number | undefined;
  for (const [index, chances] of turns.entries()) {
    const chance = chances[counts[index] ?? 0] ?? 0;
    if (chance <= best) continue;
    best = chance;
    at = index;
  }
  return at;
}
