import { InputError } from "../errors.ts";

/** A turn as a line of a trace has it. */
export interface TraceTurn {
  /** From 1. */
  readonly line: number;
  readonly session: string | undefined;
  readonly timestampMs: number | undefined;
  readonly delayMs: number | undefined;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Ids of the blocks of the whole prompt; at least one where there are any. */
  readonly blocks: readonly number[] | undefined;
}

interface Line {
  readonly file: string;
  readonly number: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What things are called, in JSON lines or in the first line of a CSV. */
interface Format {
  readonly timestamp: string;
  readonly input: string;
  readonly output: string;
  /** Of a CSV's text. */
  readonly msOf: (time: string) => number;
  /** Of requests that know nothing of each other, those that failed with 0 tokens among them. */
  readonly isOfRequests: boolean;
}

const NATIVE: Format = {
  timestamp: "timestamp",
  input: "input_length",
  output: "output_length",
  msOf: Number,
  isOfRequests: false,
};

/** https://github.com/HPMLL/BurstGPT */
const BURST_GPT: Format = {
  timestamp: "Timestamp",
  input: "Request tokens",
  output: "Response tokens",
  msOf: (seconds) => 1000 * Number(seconds),
  isOfRequests: true,
};

/** https://github.com/Azure/AzurePublicDataset */
const AZURE: Format = {
  timestamp: "TIMESTAMP",
  input: "ContextTokens",
  output: "GeneratedTokens",
  msOf: dateMs,
  isOfRequests: true,
};

/** @throws InputError `invalid-option` that says which line of which file is wrong, and how */
export function readTurns(text: string, file: string): readonly TraceTurn[] {
  const lines = text.split("\n").map((line) => line.trim());
  const first = lines.findIndex((line) => line !== "");
  if (first < 0) throw invalidLine(file, 1, "it has no line");
  const isCsv = !lines[first]?.startsWith("{");
  return isCsv ? csvTurns(lines, first, file) : jsonTurns(lines, file);
}

export function invalidLine(file: string, line: number, why: string): InputError {
  return new InputError("invalid-option", `Line ${line} of ${file} is no turn of a trace: ${why}.`, {
    file,
    line,
  });
}

function jsonTurns(lines: readonly string[], file: string): TraceTurn[] {
  const turns: TraceTurn[] = [];
  let haveBlocks: boolean | undefined;
  for (const [index, text] of lines.entries()) {
    if (text === "") continue;
    const fields = parseObject(text);
    if (fields === undefined) throw invalidLine(file, index + 1, "it is no JSON object");
    haveBlocks ??= "hash_ids" in fields;
    turns.push(turnOf({ file, number: index + 1, fields }, NATIVE, haveBlocks));
  }
  return turns;
}

function parseObject(text: string): Line["fields"] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Line["fields"]) : undefined;
  } catch {
    return undefined;
  }
}

/** Plain CSV, without quotes: what is read of it are numbers, dates and ids. Other columns are ignored. */
function csvTurns(lines: readonly string[], header: number, file: string): TraceTurn[] {
  const names = (lines[header] ?? "").split(",").map((name) => name.trim());
  const format = [NATIVE, BURST_GPT, AZURE].find(
    ({ input, output }) => names.includes(input) && names.includes(output),
  );
  if (format === undefined)
    throw invalidLine(file, header + 1, "it is neither a JSON object nor names columns that are known");
  const turns: TraceTurn[] = [];
  for (let index = header + 1; index < lines.length; index++) {
    const text = lines[index] ?? "";
    if (text === "") continue;
    const fields = fieldsOf(text, names, format);
    if (format.isOfRequests) {
      if (fields[format.input] === 0 || fields[format.output] === 0) continue;
      fields.session_id = `request-${turns.length + 1}`;
    }
    turns.push(turnOf({ file, number: index + 1, fields }, format, false));
  }
  if (turns.length === 0) throw invalidLine(file, header + 1, "no turn comes after it");
  return turns;
}

function fieldsOf(
  text: string,
  names: readonly string[],
  { timestamp, msOf }: Format,
): Record<string, unknown> {
  const cells = text.split(",");
  const fields: Record<string, unknown> = {};
  for (const [at, name] of names.entries()) {
    const cell = cells[at]?.trim() ?? "";
    if (cell === "") continue;
    if (name === "session_id") fields[name] = cell;
    else fields[name] = name === timestamp ? msOf(cell) : Number(cell);
  }
  return fields;
}

/** `2023-11-16 18:17:03.9799600`, in UTC where it says nothing else; fractions are as long as they like. */
function dateMs(text: string): number {
  const parts = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  const [, day, time, fraction = "", zone = "Z"] = parts ?? [];
  return Date.parse(`${day}T${time}${zone}`) + 1000 * Number(`0${fraction}`);
}

function turnOf(line: Line, { timestamp, input, output }: Format, hasBlocks: boolean): TraceTurn {
  const { session_id: session } = line.fields;
  const isSession = (typeof session === "string" && session !== "") || typeof session === "number";
  return {
    line: line.number,
    session: isSession ? `${session}` : undefined,
    timestampMs: timeOf(line, timestamp),
    delayMs: timeOf(line, "delay"),
    inputTokens: countOf(line, input),
    outputTokens: countOf(line, output),
    blocks: hasBlocks ? blocksOf(line) : undefined,
  };
}

function blocksOf({ file, number, fields }: Line): readonly number[] {
  const ids: unknown = fields.hash_ids;
  if (Array.isArray(ids) && ids.length > 0 && ids.every((id) => Number.isInteger(id))) return ids;
  throw invalidLine(file, number, "its hash_ids are no list of whole numbers");
}

function countOf({ file, number, fields }: Line, field: string): number {
  const value = fields[field];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw invalidLine(file, number, `its ${field} is no whole number of at least 1`);
}

function timeOf({ file, number, fields }: Line, field: string): number | undefined {
  const value = fields[field] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw invalidLine(file, number, `its ${field} is no time of at least 0`);
}
