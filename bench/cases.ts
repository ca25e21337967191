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
}

/** Steps of one sample of decode. */
const DECODE_STEPS = 16;
const BATCH_CONTEXT = 128;

const prefill = (tokens: number): EngineCase => ({
  id: `prefill-${tokens}`,
  group: "prefill",
  batch: 1,
  contextTokens: 0,
  tokens,
});
const decode = (contextTokens: number): EngineCase => ({
  id: `decode-context-${contextTokens}`,
  group: "decode",
  batch: 1,
  contextTokens,
  tokens: DECODE_STEPS,
});
const batch = (sequences: number): EngineCase => ({
  id: `batch-${sequences}`,
  group: "batch",
  batch: sequences,
  contextTokens: BATCH_CONTEXT,
  tokens: DECODE_STEPS,
});

export const engineCases: readonly EngineCase[] = [
  ...[32, 128, 512].map(prefill),
  ...[0, 128, 512].map(decode),
  ...[2, 4, 8].map(batch),
];

/** The cases that `only` names, by group or id, separated by commas. @throws InputError `invalid-option` */
export function chooseCases(only: string | undefined): readonly EngineCase[] {
  if (only === undefined) return engineCases;
  const names = only.split(",").map((name) => name.trim());
  const matches = (name: string) => engineCases.filter(({ id, group }) => name === id || name === group);
  const unknown = names.find((name) => matches(name).length === 0);
  if (unknown !== undefined) {
    const known = ["prefill", "decode", "batch", ...engineCases.map(({ id }) => id)];
    throw invalidOption("--only", unknown, `some of ${known.join(", ")}, separated by commas`);
  }
  return engineCases.filter((one) => names.some((name) => matches(name).includes(one)));
}
