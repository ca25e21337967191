import type { CandidateOutcome } from "./tuning.ts";

/**
 * Chooses one of several candidates by measurements that take turns, so that a busy moment hits all alike. The default, which comes
 * first, is replaced only by one that is clearly quicker: first the field is narrowed, then the default and the best of the others
 * meet again in rounds of their own, so that one lucky measurement decides nothing. Devices and clocks come from outside.
 */

export interface Candidate {
  /**
   * Compiles, runs once and compares the results with the default's. Called for the default first.
   * @throws whatever the device throws; the contest goes on without it
   */
  prepare(): Promise<"ready" | "wrong-results">;
  /** Milliseconds of one product, from one measurement. */
  measure(): Promise<number>;
}

export interface ContestRules {
  now(): number;
  /** No measurement begins after this moment of `now`. */
  readonly untilMs: number;
  /** A candidate that needs longer to be ready is dropped. */
  readonly compileLimitMs: number;
  /** Resolves when a measurement may begin. @throws what ends the tuning: an abort, a lost device */
  rest(): Promise<void>;
  /** What `work` resolves to, or undefined when that takes more than so many milliseconds or the tuning is to end. */
  within<T>(work: Promise<T>, ms: number): Promise<T | undefined>;
  /** A candidate has been prepared, or dropped. */
  onPrepared?(): void;
}

export interface Entry {
  readonly outcome: CandidateOutcome;
  readonly ms: number | null;
  readonly compileMs: number | null;
}

export interface ContestResult {
  /** Index of the chosen candidate. */
  readonly chosen: number;
  readonly ratio: number;
  /** False when the time was up before the end. */
  readonly decided: boolean;
  readonly entries: readonly Entry[];
}

/** After each round, whoever is behind the best by this much is out: one measurement alone may have been unlucky. */
const OUT_OF_REACH = [3, 1.6, 1.3] as const;
const FINAL_ROUNDS = 5;
/** A challenger takes at most this share of the default's time. */
const CLEARLY_BETTER = 0.97;

interface Entrant {
  readonly candidate: Candidate;
  outcome: CandidateOutcome;
  ms: number;
  compileMs: number | undefined;
}

/** @throws what preparing or measuring the default, or `rest`, throws */
export async function contest(candidates: readonly Candidate[], rules: ContestRules): Promise<ContestResult> {
  const entrants = candidates.map(
    (candidate): Entrant => ({
      candidate,
      outcome: "not-measured",
      ms: Number.POSITIVE_INFINITY,
      compileMs: undefined,
    }),
  );
  const final = await play(entrants, rules);
  return {
    ...(final ?? { chosen: 0, ratio: 1 }),
    decided: final !== undefined,
    entries: entrants.map(({ outcome, ms, compileMs }) => ({
      outcome: outcome === "measured" && !Number.isFinite(ms) ? "not-measured" : outcome,
      ms: Number.isFinite(ms) ? ms : null,
      compileMs: compileMs ?? null,
    })),
  };
}

/** Undefined when the time was up. */
async function play(entrants: readonly Entrant[], rules: ContestRules) {
  const [first] = entrants;
  if (first === undefined) throw new RangeError("a contest needs a default");
  if (!(await prepareAll(entrants, rules))) return undefined;
  const ready = entrants.filter(({ outcome }) => outcome === "measured");
  let field = ready;
  for (const [round, reach] of OUT_OF_REACH.entries()) {
    if (field.length === 1) break;
    if (!(await playRound(field, round, rules))) return undefined;
    const best = Math.min(...field.map(({ ms }) => ms));
    field = field.filter((entrant) => entrant === first || entrant.ms <= best * reach);
  }
  const [challenger] = field.filter((entrant) => entrant !== first).toSorted((a, b) => a.ms - b.ms);
  if (challenger === undefined || challenger.ms > first.ms) return { chosen: 0, ratio: 1 };
  const ratio = await meetAgain(first, challenger, rules);
  if (ratio === undefined) return undefined;
  return ratio <= CLEARLY_BETTER ? { chosen: entrants.indexOf(challenger), ratio } : { chosen: 0, ratio: 1 };
}

/** False when the time was up. */
async function prepareAll(entrants: readonly Entrant[], rules: ContestRules): Promise<boolean> {
  for (const [index, entrant] of entrants.entries()) {
    await rules.rest();
    if (rules.now() >= rules.untilMs) return false;
    const { pending } = await prepare(entrant, index === 0, rules);
    rules.onPrepared?.();
    // What cannot be interrupted goes on, and would disturb the others: it is waited for, as long as there is time.
    if (pending) await rules.within(pending, rules.untilMs - rules.now());
  }
  return true;
}

/** `pending` is what still goes on when the limit was reached. */
async function prepare(
  entrant: Entrant,
  isDefault: boolean,
  { now, within, compileLimitMs }: ContestRules,
): Promise<{ readonly pending: Promise<unknown> | undefined }> {
  const started = now();
  const work = entrant.candidate.prepare().then(
    (found) => (found === "ready" ? "measured" : found),
    (error: unknown) => {
      if (isDefault) throw error;
      return "failed" as const;
    },
  );
  // The default is compiled in any case, so there is nothing to be saved by dropping it.
  const outcome = isDefault ? await work : await within(work, compileLimitMs);
  entrant.compileMs = now() - started;
  const slow = outcome === undefined || (outcome === "measured" && entrant.compileMs > compileLimitMs);
  entrant.outcome = slow && !isDefault ? "slow-to-compile" : (outcome ?? "failed");
  return { pending: outcome === undefined ? work : undefined };
}

/** Each once, another one first each round. False when the time was up. */
async function playRound(field: readonly Entrant[], round: number, rules: ContestRules): Promise<boolean> {
  const start = round % field.length;
  for (const entrant of [...field.slice(start), ...field.slice(0, start)]) {
    const ms = await timed(entrant, rules);
    if (ms === undefined) return false;
  }
  return true;
}

/**
 * The challenger's time over the default's, of these rounds alone: that of their least times, or that of the middle round, whichever
 * flatters less. Undefined when the time was up.
 */
async function meetAgain(
  first: Entrant,
  challenger: Entrant,
  rules: ContestRules,
): Promise<number | undefined> {
  const rounds: { readonly a: number; readonly b: number }[] = [];
  for (let round = 0; round < FINAL_ROUNDS; round++) {
    const a = await timed(first, rules);
    const b = await timed(challenger, rules);
    if (a === undefined || b === undefined) return undefined;
    rounds.push({ a, b });
  }
  const least = Math.min(...rounds.map(({ b }) => b)) / Math.min(...rounds.map(({ a }) => a));
  const ratios = rounds.map(({ a, b }) => b / a).toSorted((one, other) => one - other);
  return Math.max(least, ratios[Math.floor(FINAL_ROUNDS / 2)] ?? 1);
}

async function timed(entrant: Entrant, rules: ContestRules): Promise<number | undefined> {
  await rules.rest();
  if (rules.now() >= rules.untilMs) return undefined;
  const ms = await entrant.candidate.measure();
  entrant.ms = Math.min(entrant.ms, ms);
  return ms;
}
