import {
  type AttentionTile,
  attentionCandidates,
  attentionTileTokens,
  attentionVariant,
} from "../kernels/attention.ts";
import type { TunedKernels } from "../kernels/variants.ts";
import { AttentionBench } from "./attention_bench.ts";
import type { Tunable, TuningTask } from "./task.ts";
import { type AttentionShape, sameTile, type TunedChoice } from "./tuning.ts";

/** Decode is measured behind so many tokens, prefill as a chunk at the end of so many. */
const DECODE_KEYS = 1024;
const PREFILL_KEYS = 512;
const PREFILL_TOKENS = 128;

type Asked = Pick<Tunable, "gpu" | "choice" | "attention">;

/** Tiles of one token, then of several. */
export function attentionTasks({ gpu, choice, attention }: Asked): readonly TuningTask[] {
  const { contextTokens } = attention;
  const { decode, prefill } = attentionCandidates(choice, attention, gpu.summary.software);
  const decodeKeys = Math.min(DECODE_KEYS, contextTokens);
  const keys = Math.min(PREFILL_KEYS, contextTokens);
  const tasks = [
    taskOf({ gpu, choice, attention }, decode, 1, decodeKeys),
    taskOf({ gpu, choice, attention }, prefill, Math.min(PREFILL_TOKENS, keys), keys),
  ];
  return tasks.filter(({ tiles }) => tiles.length > 1);
}

/** What was chosen in place of the defaults; choices of tiles that are no candidates any more are left out. */
export function tunedAttention(
  { gpu, choice, attention }: Asked,
  choices: readonly TunedChoice[],
): Omit<TunedKernels, "products"> {
  const { decode, prefill } = attentionCandidates(choice, attention, gpu.summary.software);
  const chosen = (tiles: readonly AttentionTile[], upToTokens: number | null) => {
    const wanted = choices.find(
      (one) =>
        one.family === "attention" && one.key === attentionKey(attention) && one.upToTokens === upToTokens,
    );
    return tiles.find(
      (tile, index) => index > 0 && wanted !== undefined && sameTile({ ...tile }, wanted.chosen),
    );
  };
  const [single, several] = [chosen(decode, 1), chosen(prefill, null)];
  return { ...(single && { decodeAttention: single }), ...(several && { attention: several }) };
}

/** As people read it: heads to KV heads, and their size. */
export function attentionKey({ heads, kvHeads, headDim }: AttentionShape): string {
  return `attention ${heads}/${kvHeads}x${headDim}`;
}

function taskOf(
  { choice, attention }: Asked,
  tiles: readonly AttentionTile[],
  tokens: number,
  keys: number,
): TuningTask {
  return {
    family: "attention",
    key: attentionKey(attention),
    tokens,
    upToTokens: tokens === 1 ? 1 : Number.POSITIVE_INFINITY,
    tiles: tiles.map((tile) => ({ ...tile })),
    variants: tiles.map((tile) => ({ ...variantOf({ choice, attention }, tile), keys, ...tile })),
    open: async (parts) => {
      const bench = await AttentionBench.open({ ...parts, attention, tokens, keys });
      return {
        candidate: (index) => {
          const tile = tiles[index];
          if (tile === undefined) throw new RangeError(`there is no candidate ${index}`);
          return bench.candidate(tile);
        },
        destroy: () => bench.destroy(),
      };
    },
  };
}

function variantOf({ choice, attention }: Pick<Asked, "choice" | "attention">, tile: AttentionTile) {
  if (tile.tokens === 1) return attentionVariant(choice, attention, tile, attention, true);
  const tokens = attentionTileTokens({ ...choice, attention: tile }, attention);
  return attentionVariant(choice, attention, { ...tile, tokens }, attention, false);
}
