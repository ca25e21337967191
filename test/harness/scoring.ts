import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { EvaluateResult, Message } from "../../src/api.ts";

/**
 * Judges evaluation results against another implementation's (test/reference/make_smollm2.py).
 *
 * The Kullback-Leibler divergence is taken over the reference's 32 likeliest tokens and one bucket for all the others:
 * KL = sum over those 33 of p * ln(p / q), p the reference's probability and q ours.
 */

export interface ReferenceCase {
  readonly name: string;
  readonly ids: readonly number[];
  /** First position that `top` describes; it goes on to the last of `ids`. */
  readonly from: number;
  /** For positions `from` and later: the likeliest next tokens, [id, log-probability], likeliest first. */
  readonly top: readonly (readonly (readonly [number, number])[])[];
  /** Log-probability of each id but the first after its predecessors; entry i belongs to id i + 1. */
  readonly logprobs: readonly number[];
  /** Greedy tokens after `ids`, and at each step the difference of the two best logits. */
  readonly greedy: {
    readonly ids: readonly number[];
    readonly margins: readonly number[];
    readonly text: string;
  };
}

export interface ReferenceChat {
  readonly name: string;
  readonly messages: readonly Message[];
  /** The chat template's text with the generation prompt, and its ids. */
  readonly text: string;
  readonly ids: readonly number[];
}

export interface Reference {
  readonly model: { readonly file: string; readonly sha256: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly chats: readonly ReferenceChat[];
  readonly cases: readonly ReferenceCase[];
}

export type ScoredResult = Pick<EvaluateResult, "ids" | "logprobs" | "top" | "generated">;

/** A position in a case, with the reference's margin there (in logits). */
export interface Disagreement {
  readonly name: string;
  /** For top-1: position in `ids`. For greedy text: step, counted from 0. */
  readonly at: number;
  readonly expected: number;
  readonly actual: number | undefined;
  readonly margin: number;
}

export interface Score {
  readonly positions: number;
  readonly meanKl: number;
  readonly maxKl: number;
  /** Where `maxKl` is: "case:position". */
  readonly maxKlAt: string;
  /** Share of positions whose likeliest token is the reference's, in [0, 1]. */
  readonly top1Agreement: number;
  readonly top1Disagreements: readonly Disagreement[];
  /** Tokens of the reference's 32 that our `top` did not hold; each was taken to be all but impossible. */
  readonly missing: number;
  /** Mean of |difference| of the given tokens' log-probabilities, over all of them. */
  readonly meanLogprobError: number;
  /** Greedy steps compared. */
  readonly greedySteps: number;
  /** Steps where our token differs though the reference's margin is over `GREEDY_MARGIN`; at most one a case. */
  readonly greedyMismatches: readonly Disagreement[];
}

/** Where the reference's two best logits are nearer than this, rounding may choose, and greedy texts may part. */
export const GREEDY_MARGIN = 0.25;

/** Log-probability given to a token that our list does not hold: so low that it cannot flatter. */
const ABSENT_LOGPROB = -30;
/** Probabilities below this are noise of 1 - sum in 32-bit log-probabilities. */
const NOISE = 1e-9;

const smollm2 = new URL("../reference/smollm2_logits.data.json.gz", import.meta.url);

export function loadReference(file: URL = smollm2): Reference {
  const data = JSON.parse(gunzipSync(readFileSync(file)).toString("utf8")) as Omit<Reference, "cases"> & {
    cases: StoredCase[];
  };
  return { ...data, cases: data.cases.map(decodeCase) };
}

interface StoredCase extends Omit<ReferenceCase, "top" | "logprobs"> {
  readonly topIds: string;
  readonly topLogprobs: string;
  readonly logprobs: string;
}

function decodeCase({ topIds, topLogprobs, logprobs, ...rest }: StoredCase): ReferenceCase {
  const positions = rest.ids.length - rest.from;
  const ids = new Uint16Array(bytesOf(topIds));
  const values = new Float32Array(bytesOf(topLogprobs));
  const count = ids.length / positions;
  const top = Array.from({ length: positions }, (_, p) =>
    Array.from({ length: count }, (_, i) => {
      const at = p * count + i;
      return [ids[at] ?? Number.NaN, values[at] ?? Number.NaN] as const;
    }),
  );
  return { ...rest, top, logprobs: [...new Float32Array(bytesOf(logprobs))] };
}

function bytesOf(base64: string): ArrayBuffer {
  const bytes = Buffer.from(base64, "base64");
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

/**
 * Compares results with cases, one each, in order.
 * Results evaluated with `top` of at least 64 hold nearly always all the ids needed.
 * @throws Error when a result is not of its case: other ids, or other counts
 */
export function score(cases: readonly ReferenceCase[], results: readonly ScoredResult[]): Score {
  if (cases.length !== results.length)
    throw new Error(`${cases.length} cases were scored with ${results.length} results.`);
  const kl: { value: number; at: string }[] = [];
  const top1Disagreements: Disagreement[] = [];
  const greedyMismatches: Disagreement[] = [];
  const logprobErrors: number[] = [];
  let missing = 0;
  let greedySteps = 0;
  for (const [index, reference] of cases.entries()) {
    const result = checked(reference, results[index]);
    for (const [offset, expected] of reference.top.entries()) {
      const at = reference.from + offset;
      const ours = result.top[at] ?? [];
      const found = divergence(expected, ours);
      kl.push({ value: found.kl, at: `${reference.name}:${at}` });
      missing += found.missing;
      const disagreement = top1Disagreement(reference.name, at, expected, ours);
      if (disagreement) top1Disagreements.push(disagreement);
    }
    logprobErrors.push(
      ...reference.logprobs.map((value, i) => Math.abs(value - (result.logprobs[i + 1] ?? Number.NaN))),
    );
    const greedy = compareGreedy(reference, result.generated.ids);
    greedySteps += greedy.steps;
    if (greedy.mismatch) greedyMismatches.push(greedy.mismatch);
  }
  const worst = kl.reduce((a, b) => (b.value <= a.value ? a : b), {
    value: Number.NEGATIVE_INFINITY,
    at: "",
  });
  return {
    positions: kl.length,
    meanKl: mean(kl.map(({ value }) => value)),
    maxKl: worst.value,
    maxKlAt: worst.at,
    top1Agreement: 1 - top1Disagreements.length / kl.length,
    top1Disagreements,
    missing,
    meanLogprobError: mean(logprobErrors),
    greedySteps,
    greedyMismatches,
  };
}

function checked(reference: ReferenceCase, result: ScoredResult | undefined): ScoredResult {
  if (
    result?.ids.length !== reference.ids.length ||
    result.ids.some((id, i) => id !== reference.ids[i]) ||
    result.top.length !== result.ids.length ||
    result.logprobs.length !== result.ids.length
  )
    throw new Error(`The result for "${reference.name}" does not describe that case's ids.`);
  return result;
}

type Top = readonly (readonly [number, number])[];

/** KL of one position; NaN in our values comes out as NaN. */
export function divergence(reference: Top, ours: Top): { kl: number; missing: number } {
  const known = new Map(ours);
  let kl = 0;
  let missing = 0;
  let listed = 0;
  let oursListed = 0;
  for (const [id, logprob] of reference) {
    const our = known.get(id);
    if (our === undefined) missing++;
    const p = Math.exp(logprob);
    kl += p * (logprob - (our ?? ABSENT_LOGPROB));
    listed += p;
    oursListed += our === undefined ? 0 : Math.exp(our);
    known.delete(id);
  }
  // Our other listed tokens are a lower bound of our bucket that no cancellation spoils.
  let ourRest = 0;
  for (const logprob of known.values()) ourRest += Math.exp(logprob);
  const rest = 1 - listed;
  if (rest > NOISE) kl += rest * Math.log(rest / Math.max(1 - oursListed, ourRest, NOISE));
  return { kl, missing };
}

function top1Disagreement(name: string, at: number, expected: Top, ours: Top): Disagreement | undefined {
  const [best, second] = expected;
  if (!best || best[0] === ours[0]?.[0]) return undefined;
  const margin = best[1] - (second?.[1] ?? Number.NEGATIVE_INFINITY);
  return { name, at, expected: best[0], actual: ours[0]?.[0], margin };
}

/**
 * Step by step as long as both texts are the same. They may part where the reference's margin is at most `GREEDY_MARGIN`;
 * where they part at a larger one it is a mismatch. Fewer tokens of ours (fewer were asked for) are compared as far as they go.
 */
function compareGreedy({ name, greedy }: ReferenceCase, ours: readonly number[]) {
  for (const [step, expected] of greedy.ids.entries()) {
    const actual = ours[step];
    if (actual === undefined) return { steps: step, mismatch: undefined };
    if (actual === expected) continue;
    const margin = greedy.margins[step] ?? Number.NaN;
    const excused = margin <= GREEDY_MARGIN;
    return { steps: step + 1, mismatch: excused ? undefined : { name, at: step, expected, actual, margin } };
  }
  return { steps: greedy.ids.length, mismatch: undefined };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
