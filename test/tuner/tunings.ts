import type { GpuDevice } from "../../src/gpu/device.ts";
import { chooseKernels } from "../../src/kernels/variants.ts";
import { matmulTasks } from "../../src/tuner/matmul_tasks.ts";
import { identityOf } from "../../src/tuner/memory.ts";
import type { Tunable, TunableProduct } from "../../src/tuner/task.ts";
import type { TunedChoice, Tuning } from "../../src/tuner/tuning.ts";
import { capabilities } from "../kernels/choices.ts";

/** Nothing here needs a device: what is asked of it are its name and what it can. */
export function tunable(
  changes: {
    readonly driver?: string;
    readonly name?: string;
    readonly subgroupSize?: number;
    readonly software?: boolean;
  } = {},
) {
  const { driver = "1.0", name = "Some GPU", subgroupSize, software = false } = changes;
  const summary = { name, vendor: "v", architecture: "a", driver, software };
  const known = { ...capabilities, subgroupSize, software };
  const gpu = { summary, capabilities: known } as unknown as GpuDevice;
  return { gpu, choice: chooseKernels(known, "default"), products, attention } satisfies Tunable;
}

export const products: readonly TunableProduct[] = [
  { shape: { layout: "q4", epilogue: "silu", rows: 96, groups: 2 }, slices: [], everyToken: true },
  { shape: { layout: "q8", epilogue: "store", rows: 600, groups: 2 }, slices: [], everyToken: false },
];
export const attention = { heads: 9, kvHeads: 3, headDim: 64, window: 0, softCap: 0, contextTokens: 2048 };
export const implementation = "dawn 1";

export async function tuningOf(subject: Tunable, choices: readonly TunedChoice[] = []): Promise<Tuning> {
  const identity = await identityOf({ ...subject, implementation });
  return { identity, model: "tiny", takenAt: "now", budgetMs: 1, ms: 1, complete: true, choices };
}

/** The last candidate of the first task, or of a task of its own. */
export function choiceOf(
  subject: Tunable,
  [task] = matmulTasks(subject.products, subject.choice, subject.gpu.capabilities),
): TunedChoice {
  if (!task) throw new Error("there is something to tune");
  const { family, key, tokens, upToTokens, tiles } = task;
  return {
    family,
    key,
    tokens,
    upToTokens: Number.isFinite(upToTokens) ? upToTokens : null,
    default: tiles[0] ?? {},
    chosen: tiles.at(-1) ?? {},
    ratio: 0.5,
    candidates: tiles.map((tile) => ({ tile, outcome: "measured", ms: 1, compileMs: 1 })),
  };
}

/** What runs where nothing was chosen. */
export const nothing = { products: new Map() };
