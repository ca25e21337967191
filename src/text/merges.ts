import { invalidMetadata } from "./metadata.ts";

/** The pairs of tokens that BPE joins, the pair to join first at the front. */
export type Merge = readonly [string, string];

const MERGES_KEY = "tokenizer.ggml.merges";

/** Code points. No real vocabulary has a longer token; a made-up one must not cost quadratic time. */
const LONGEST_MERGED = 512;

/**
 * Merges as a byte-level file lists them: "left right". A merge that would make a token of `excluded` is dropped.
 * @throws ModelError `gguf-invalid` for a merge of, or into, something that is no token
 */
export function listedMerges(
  lines: readonly string[],
  ids: ReadonlyMap<string, number>,
  excluded: ReadonlySet<number>,
): Merge[] {
  const merges: Merge[] = [];
  for (const [index, line] of lines.entries()) {
    const space = line.indexOf(" ");
    const left = line.slice(0, space);
    const right = line.slice(space + 1);
    const merged = ids.get(left + right);
    if (space < 1 || merged === undefined || !ids.has(left) || !ids.has(right)) {
      throw invalidMetadata(
        MERGES_KEY,
        `has an entry (number ${index}) that joins no two tokens into a token`,
      );
    }
    if (!excluded.has(merged)) merges.push([left, right]);
  }
  return merges;
}

interface ScoredMerge {
  readonly pair: Merge;
  readonly score: number;
  /** Code points of the two sides. */
  readonly lengths: readonly [number, number];
}

/**
 * Merges implied by a SentencePiece vocabulary: every way to cut a token into two tokens, the likeliest token first. The order among
 * equals is the one transformers' conversion has (`generate_merges`): longer left sides, then longer right sides first.
 */
export function impliedMerges(
  scores: ArrayLike<number>,
  ids: ReadonlyMap<string, number>,
  excluded: ReadonlySet<number>,
): Merge[] {
  const merges: ScoredMerge[] = [];
  for (const [token, id] of ids) {
    if (excluded.has(id)) continue;
    const cuts = cutsInTwo(token, ids).sort((a, b) => a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]);
    for (const { pair, lengths } of cuts) merges.push({ pair, lengths, score: scores[id] ?? 0 });
  }
  merges.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return merges.map(({ pair }) => pair);
}

interface Cut {
  readonly pair: Merge;
  readonly ids: readonly [number, number];
  readonly lengths: readonly [number, number];
}

function cutsInTwo(token: string, ids: ReadonlyMap<string, number>): Cut[] {
  const cuts: Cut[] = [];
  const characters = Array.from(token);
  if (characters.length > LONGEST_MERGED) return cuts;
  let offset = 0;
  for (let length = 1; length < characters.length; length++) {
    offset += characters[length - 1]?.length ?? 0;
    const left = token.slice(0, offset);
    const leftId = ids.get(left);
    if (leftId === undefined) continue;
    const right = token.slice(offset);
    const rightId = ids.get(right);
    if (rightId === undefined) continue;
    cuts.push({ pair: [left, right], ids: [leftId, rightId], lengths: [length, characters.length - length] });
  }
  return cuts;
}
