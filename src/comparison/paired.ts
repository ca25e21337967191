import { quantile } from "../metrics/summary.ts";
import { Draws } from "../workload/random.ts";
import type { Measure } from "./measures.ts";

/** A ratio and where it lies in 95 of 100 resamples. */
export interface PairedRatio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** One conversation under two policies. */
export interface Pair<T> {
  readonly one: T;
  readonly other: T;
}

/** Neighbours wait in the same queues, so that they are drawn together. */
const BLOCK = 10;
const RESAMPLES = 1000;

/**
 * What `one` comes to by `measure`, against `other`: a bootstrap over blocks of conversations that arrived one after the other, both of
 * a pair always together (Kuensch, 1989). `runs` are of one seed each, in the order of arrival.
 */
export function pairedRatio<T>(runs: readonly (readonly Pair<T>[])[], measure: Measure<T>): PairedRatio {
  const blocks = runs.flatMap((run) =>
    Array.from({ length: Math.ceil(run.length / BLOCK) }, (_, at) => run.slice(at * BLOCK, (at + 1) * BLOCK)),
  );
  const oneBy = measure(blocks.map((block) => block.map(({ one }) => one)));
  const otherBy = measure(blocks.map((block) => block.map(({ other }) => other)));
  const ratioOf = (times: Uint32Array) => oneBy(times) / otherBy(times);
  const draws = new Draws(1);
  const resample = () => {
    const times = new Uint32Array(blocks.length);
    for (const _ of blocks) {
      const drawn = draws.integer(0, blocks.length - 1);
      times[drawn] = (times[drawn] ?? 0) + 1;
    }
    return times;
  };
  const resampled = Array.from({ length: RESAMPLES }, () => ratioOf(resample())).toSorted((a, b) => a - b);
  return {
    ratio: round(ratioOf(new Uint32Array(blocks.length).fill(1))),
    low: round(quantile(resampled, 0.025)),
    high: round(quantile(resampled, 0.975)),
  };
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
