import { GREEDY } from "../protocol/sampling.ts";
import type { Runner, StepPlan } from "../protocol/step.ts";

/**
 * How fast a machine is at the moment. Virtual machines have neighbours: for seconds at a time everything takes half as long again, which
 * no counter of their own shows. So a fixed piece of work is timed between what is measured.
 */

const PROMPT_TOKENS = 64;
const DECODES = 12;
const ROUNDS = 3;
/** Beyond any plan's of what is measured. */
const FIRST_PLAN = 1_000_000_000;

/** The median time in ms of a prompt and some decodes, which all devices do at the same time. Writes over their first KV blocks. */
export async function paceMs(runners: readonly Runner[]): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const beganMs = performance.now();
    await Promise.all(runners.map(fixedWork));
    times.push(performance.now() - beganMs);
  }
  return median(times);
}

async function fixedWork(runner: Runner): Promise<void> {
  const blocks = Array.from(
    { length: Math.ceil((PROMPT_TOKENS + DECODES) / runner.limits.blockTokens) },
    (_, block) => block,
  );
  const sampling = { ...GREEDY, promptTokens: [], completionTokens: [] };
  const output = { kind: "token", sampling } as const;
  const plan = (id: number, tokens: readonly number[], position: number): StepPlan => ({
    id: FIRST_PLAN + id,
    rows: [{ sequence: "pace", tokens, position, blocks, output }],
  });
  const prompt = Array.from({ length: PROMPT_TOKENS }, (_, index) => index);
  await runner.run(plan(0, prompt, 0));
  for (let at = 0; at < DECODES; at++) await runner.run(plan(at + 1, [at], PROMPT_TOKENS + at));
}

/** How far two things that are compared may be apart in pace. */
const TOLERANCE = 0.15;
/** How often one is taken again. */
const MOST_REPEATS = 2;

export interface Paced<T> {
  readonly taken: T;
  /** The mean of before and after. */
  readonly paceMs: number;
  readonly repeats: number;
}

/**
 * Takes measurements that are to be compared with each other, one after the other, and again those during which the machine was slower
 * or faster than in the median of them, twice at most.
 */
export async function atOnePace<T>(
  measurements: readonly (() => Promise<T>)[],
  pace: () => Promise<number>,
): Promise<readonly Paced<T>[]> {
  const paced: Paced<T>[] = [];
  let beforeMs = await pace();
  const take = async (measure: () => Promise<T>, repeats: number): Promise<Paced<T>> => {
    const taken = await measure();
    const afterMs = await pace();
    const meanMs = (beforeMs + afterMs) / 2;
    beforeMs = afterMs;
    return { taken, paceMs: meanMs, repeats };
  };
  for (const measure of measurements) paced.push(await take(measure, 0));
  for (let repeats = 1; repeats <= MOST_REPEATS; repeats++) {
    const usualMs = median(paced.map((one) => one.paceMs));
    const isOff = (one: Paced<T>) => Math.abs(one.paceMs / usualMs - 1) > TOLERANCE;
    for (const [at, measure] of measurements.entries()) {
      const before = paced[at];
      if (before === undefined || !isOff(before)) continue;
      const again = await take(measure, repeats);
      // What is nearer to the others counts.
      const nearer = Math.abs(again.paceMs - usualMs) < Math.abs(before.paceMs - usualMs);
      paced[at] = nearer ? again : { ...before, repeats };
    }
  }
  return paced;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return (low + high) / 2;
}
