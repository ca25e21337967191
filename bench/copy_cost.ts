import type { Runner } from "../src/protocol/step.ts";
import type { Spread } from "./spread.ts";

/** A copy of so many blocks from one device to another, nothing else running. */
export interface CopyTime {
  readonly blocks: number;
  readonly bytes: number;
  readonly ms: Spread;
}

/** What a copy costs, by a straight line through the medians. */
export interface CopyCost {
  readonly fixedMs: number;
  readonly msPerMiB: number;
  readonly mibPerSecond: number;
}

/** Blocks of each pool, its last ones, that no scheduler is told of: copies alone go through them. */
export const COPY_BLOCKS = 32;

/** Takes `blocks` blocks out of one device and into the other; resolves to how long that took. */
export async function copyOf(from: Runner, to: Runner, blocks: number): Promise<number> {
  const startMs = performance.now();
  const data = await from.exportBlocks(lastBlocks(from, blocks));
  await to.importBlocks(lastBlocks(to, blocks), data);
  return performance.now() - startMs;
}

function lastBlocks({ limits }: Runner, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => limits.blocks - COPY_BLOCKS + at);
}

/** Least squares of the relative error, so that small copies count as much as large ones. */
export function costOf(copies: readonly CopyTime[]): CopyCost {
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
  for (const { bytes, ms } of copies) {
    const [x, y] = [bytes / 2 ** 20, ms.median];
    const weight = 1 / y ** 2;
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
    wy += weight * y;
    wxy += weight * x * y;
  }
  const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  const fixed = (wy - slope * wx) / w;
  const digits = (value: number) => Number(value.toPrecision(4));
  return { fixedMs: digits(fixed), msPerMiB: digits(slope), mibPerSecond: digits(1000 / slope) };
}
