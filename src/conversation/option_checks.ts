import { InputError } from "../errors.ts";

/** Checks of what callers pass in: each names the option, what it was and what it may be, before anything is allocated. */

/** Values between `min` and `max`; `above` and `below` are ends that do not belong. */
export interface Range {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly below?: number;
  readonly integer?: boolean;
}

export function invalidOption(option: string, value: unknown, expected: string): InputError {
  const shown = describe(value);
  return new InputError("invalid-option", `The option ${option} is ${shown}; it has to be ${expected}.`, {
    option,
    value: shown,
    expected,
  });
}

export function checkNumber(option: string, value: unknown, range: Range): number {
  const { min, above, max, below, integer } = range;
  const fits =
    typeof value === "number" &&
    (integer ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    (min === undefined || value >= min) &&
    (above === undefined || value > above) &&
    (max === undefined || value <= max) &&
    (below === undefined || value < below);
  if (fits) return value;
  throw invalidOption(option, value, `${integer ? "a whole number" : "a number"} in ${rangeText(range)}`);
}

export function checkOptionalNumber(option: string, value: unknown, range: Range): number | undefined {
  return value === undefined ? undefined : checkNumber(option, value, range);
}

export function checkObject(option: string, value: unknown): void {
  if (typeof value !== "object" || value === null) throw invalidOption(option, value, "an object");
}

export function checkText(option: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw invalidOption(option, value, "text");
}

export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw invalidOption(option, value, "true or false");
}

export function checkFunction(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") throw invalidOption(option, value, "a function");
}

export function checkSignal(value: unknown): void {
  if (value === undefined || value instanceof AbortSignal) return;
  throw invalidOption("signal", value, "an AbortSignal");
}

/** Token ids of a vocabulary. */
export function checkTokens(option: string, value: unknown, vocabTokens: number): readonly number[] {
  if (!Array.isArray(value)) throw invalidOption(option, value, "a list of token ids");
  for (const [index, id] of value.entries()) {
    checkNumber(`${option}[${index}]`, id, { min: 0, below: vocabTokens, integer: true });
  }
  return value;
}

function rangeText({ min, above, max, below }: Range): string {
  const from = min !== undefined ? `[${min}` : `(${above ?? "-∞"}`;
  const to = max !== undefined ? `${max}]` : `${below ?? "∞"})`;
  return `${from}, ${to}`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return `"${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? `a list of ${value.length}` : `an object`;
}
