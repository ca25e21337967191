import { invalidOption } from "../src/conversation/option_checks.ts";

/** What is measured. */
export interface EngineCase {
  readonly id: string;
  readonly group: "prefill" | "decode" | "batch";
  /** Sequences that run side by side. */
  readonly batch: number;
  /** Tokens each sequence has in the cache when a sample begins. */
  readonly contextTokens: number;
  /** Tokens each sequence runs in one sample: one prompt, or one token a step. */
  readonly tokens: number;
  /** Rounds from one sample to the next: 1, or more where a sample takes long on slow adapters. */
  readonly everyRounds: number;
}

/** Steps of one sample of decode. */
const DECODE_STEPS = 16;
const BATCH_CONTEXT = 128;
/** Prompts of more tokens than this are sampled in every second round. */
const LONG_PROMPT = 512;

const prefill = (tokens: number): EngineCase => ({
  id: `prefill-${tokens}`,
  group: "prefill",
  batch: 1,
  contextTokens: 0,
  tokens,
  everyRounds: tokens > LONG_PROMPT ? 2 : 1,
});
const decode = (contextTokens: number): EngineCase => ({
  id: `decode-context-${contextTokens}`,
  group: "decode",
  batch: 1,
  contextTokens,
  tokens: DECODE_STEPS,
  everyRounds: 1,
});
const batch = (sequences: number): EngineCase => ({
  id: `batch-${sequences}`,
  group: "batch",
  batch: sequences,
  contextTokens: BATCH_CONTEXT,
  tokens: DECODE_STEPS,
  everyRounds: 1,
});

export const engineCases: readonly EngineCase[] = [
  ...[32, 128, 512, 2048].map(prefill),
  ...[0, BATCH_CONTEXT, 512, 2048].map(decode),
  ...[2, 4, 8, 16].map(batch),
];

/** Of these a step is profiled unless others are asked for. */
const profiledByDefault = ["decode-context-128", "prefill-128", "batch-8"];

/**
 * The cases that `names` names, by group or id, separated by commas; all of `cases` when undefined.
 * @throws InputError `invalid-option`
 */
export function chooseCases(
  names: string | undefined,
  option = "--only",
  cases: readonly EngineCase[] = engineCases,
): readonly EngineCase[] {
  if (names === undefined) return cases;
  const wanted = names.split(",").map((name) => name.trim());
  const matches = (name: string) => cases.filter(({ id, group }) => name === id || name === group);
  const unknown = wanted.find((name) => matches(name).length === 0);
  if (unknown !== undefined) {
    const known = [...new Set(cases.map(({ group }) => group)), ...cases.map(({ id }) => id)];
    throw invalidOption(option, unknown, `some of ${known.join(", ")}, separated by commas`);
  }
  return cases.filter((one) => wanted.some((name) => matches(name).includes(one)));
}

/** Cases to profile a step of, out of those that are measured. @throws InputError `invalid-option` */
export function chooseProfiled(
  names: string | undefined,
  measured: readonly EngineCase[],
): readonly EngineCase[] {
  if (names === "none") return [];
  if (names !== undefined) return chooseCases(names, "--profile", measured);
  return measured.filter(({ id }) => profiledByDefault.includes(id));
}
