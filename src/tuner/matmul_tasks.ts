import type { GpuCapabilities } from "../gpu/device.ts";
import {
  type MatmulTile,
  matmulKernels,
  matmulVariant,
  type ProductShape,
  productKey,
} from "../kernels/matmul_kernels.ts";
import { type KernelChoice, type Ranked, TOKEN_RANGES, tilesOf } from "../kernels/variants.ts";
import { MatmulBench } from "./matmul_bench.ts";
import type { TunableProduct, TuningTask } from "./task.ts";
import { sameTile, type TunedChoice } from "./tuning.ts";

/** Tokens that stand for a range: its last, or a prefill chunk; of logits, a large batch. */
const PREFILL_TOKENS = 128;
const LOGIT_ROWS = 32;

/** The most important first: decode, prefill, then drafts and batches, last many rows of logits; of each the shapes with most work. */
export function matmulTasks(
  products: readonly TunableProduct[],
  choice: KernelChoice,
  capabilities: GpuCapabilities,
): readonly TuningTask[] {
  const [decode, few, batch, prefill] = TOKEN_RANGES;
  const bySize = products.toSorted((a, b) => workOf(b) - workOf(a));
  const tasks = (range: number, of: readonly TunableProduct[]) =>
    of.map((product) => taskOf(product, range, choice, capabilities)).filter(({ tiles }) => tiles.length > 1);
  return [
    ...tasks(decode, bySize),
    ...tasks(
      prefill,
      bySize.filter(({ everyToken }) => everyToken),
    ),
    ...tasks(few, bySize),
    ...tasks(batch, bySize),
    ...tasks(
      prefill,
      bySize.filter(({ everyToken }) => !everyToken),
    ),
  ];
}

/** The variants of each product with what was chosen in place of the defaults; choices of tiles that are no candidates any more are left out. */
export function tunedMatmul(
  products: readonly TunableProduct[],
  choice: KernelChoice,
  capabilities: GpuCapabilities,
  choices: readonly TunedChoice[],
): KernelChoice["tuned"] {
  const tuned = new Map<string, readonly Ranked<MatmulTile>[]>();
  for (const { shape } of products) {
    const key = productKey(shape);
    const found = new Map<number, MatmulTile>();
    for (const range of TOKEN_RANGES) {
      const wanted = choices.find(
        (one) =>
          one.family === "matmul" &&
          one.key === key &&
          (one.upToTokens ?? Number.POSITIVE_INFINITY) === range,
      );
      const tile = candidatesOf(shape, range, choice, capabilities).find(
        (candidate) => wanted && sameTile({ ...candidate }, wanted.chosen),
      );
      if (tile && wanted && !sameTile(wanted.chosen, wanted.default)) found.set(range, tile);
    }
    if (found.size > 0) tuned.set(key, replaceRanges(tilesOf(choice, shape), found));
  }
  return tuned;
}

/** `found` by the upper end of its range in TOKEN_RANGES; outside of those ranges the defaults stay as they are. */
export function replaceRanges<T>(
  defaults: readonly Ranked<T>[],
  found: ReadonlyMap<number, T>,
): readonly Ranked<T>[] {
  const ends = new Set([...TOKEN_RANGES, ...defaults.map(({ upToTokens }) => upToTokens)]);
  const ranked: Ranked<T>[] = [];
  for (const upToTokens of [...ends].toSorted((a, b) => a - b)) {
    const range = TOKEN_RANGES.find((end) => upToTokens <= end) ?? Number.POSITIVE_INFINITY;
    const tile = found.get(range) ?? defaults.find((known) => upToTokens <= known.upToTokens)?.tile;
    if (tile === undefined) continue;
    if (ranked.at(-1)?.tile === tile) ranked.pop();
    ranked.push({ upToTokens, tile });
  }
  return ranked;
}

function taskOf(
  product: TunableProduct,
  upToTokens: number,
  choice: KernelChoice,
  capabilities: GpuCapabilities,
): TuningTask {
  const { shape, slices, everyToken } = product;
  const tokens = Math.min(upToTokens, everyToken ? PREFILL_TOKENS : LOGIT_ROWS);
  const tiles = candidatesOf(shape, upToTokens, choice, capabilities);
  return {
    family: "matmul",
    key: productKey(shape),
    tokens,
    upToTokens,
    tiles: tiles.map((tile) => ({ ...tile })),
    variants: tiles.map((tile) => matmulVariant(choice, tile, shape)),
    open: async (parts) => {
      const bench = await MatmulBench.open({ ...parts, epilogue: shape.epilogue, slices, tokens });
      return { candidate: (index) => bench.candidate(tileAt(tiles, index)), destroy: () => bench.destroy() };
    },
  };
}

/** The default first, then what the family's table has for the range. */
function candidatesOf(
  shape: ProductShape,
  upToTokens: number,
  choice: KernelChoice,
  capabilities: GpuCapabilities,
): readonly MatmulTile[] {
  const standard = tilesOf(choice, shape).find((ranked) => upToTokens <= ranked.upToTokens)?.tile;
  const listed = Object.values(matmulKernels)
    .filter(({ fits }) => fits(capabilities, choice))
    .flatMap(({ candidates }) => candidates(upToTokens, capabilities));
  const all = standard ? [standard, ...listed] : listed;
  // Two tiles can be one variant: `int8` runs `lanes` where there are no integers.
  const variants = all.map((tile) => JSON.stringify(matmulVariant(choice, tile, shape)));
  return all.filter((_, index) => variants.indexOf(variants[index] ?? "") === index);
}

function tileAt(tiles: readonly MatmulTile[], index: number): MatmulTile {
  const tile = tiles[index];
  if (tile === undefined) throw new RangeError(`there is no candidate ${index}`);
  return tile;
}

function workOf({ shape: { epilogue, rows, groups }, slices }: TunableProduct): number {
  return slices.length * rows * groups * (epilogue === "silu" ? 2 : 1);
}
