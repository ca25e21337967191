import { readFile } from "node:fs/promises";
import { InputError, ModelError } from "../src/errors.ts";
import { probeNames } from "./probes.ts";
import type { EngineReport } from "./report.ts";
import type { Spread } from "./spread.ts";

/** Medians of tokens per second, new over old. */
export interface Comparison {
  readonly takenAt: string;
  readonly commit: string | null;
  /** What else is not the same, so that the ratios do not tell of the code alone. */
  readonly differs: readonly string[];
  /** By case; only those that both reports have. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Of the probes' medians: far from 1, the machine has changed and not the code. */
  readonly probes: Readonly<Record<string, number>>;
}

/** @throws ModelError `file-not-found`, `file-unreadable`; InputError `invalid-option` for what is no report */
export async function readReport(path: string): Promise<EngineReport> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === "ENOENT";
    throw new ModelError(
      missing ? "file-not-found" : "file-unreadable",
      missing
        ? `There is no file ${path}. Give the path of a report that \`bench engine --json\` printed.`
        : `${path} could not be read (${cause.code}). Check the file's rights.`,
      { file: path },
      { cause },
    );
  });
  const report = parse(text);
  if (isReport(report)) return report;
  throw new InputError(
    "invalid-option",
    `${path} is not a report of \`bench engine --json\`. Give the path of one.`,
    { file: path },
  );
}

/**
 * A report with everything that is printed of one; older ones lack some of it and can only be compared with.
 * @throws as `readReport`
 */
export async function readWholeReport(path: string): Promise<EngineReport> {
  const report = await readReport(path);
  const { probes, ratios, gpuBytes } = report as Partial<EngineReport>;
  if (probes && ratios && gpuBytes?.peak !== undefined) return report;
  throw new InputError(
    "invalid-option",
    `${path} is a report of an older version, which can only be compared with. Give it to --compare.`,
    { file: path },
  );
}

export function compareReports(report: EngineReport, old: EngineReport): Comparison {
  const ratios: Record<string, number> = {};
  for (const { id, tokensPerSecond } of report.results) {
    const before = old.results.find((result) => result.id === id);
    if (before) ratios[id] = ratioOf(tokensPerSecond, before.tokensPerSecond);
  }
  const { probes: oldProbes = {} } = old as Partial<EngineReport>;
  const probes: Record<string, number> = {};
  for (const name of probeNames) {
    const [now, before] = [report.probes[name], oldProbes[name]];
    if (now && before) probes[name] = ratioOf(now, before);
  }
  const compared: readonly (readonly [string, (of: EngineReport) => unknown])[] = [
    ["adapter", ({ adapter }) => adapter.name],
    ["driver", ({ adapter }) => adapter.driver],
    ["model", ({ model }) => model.name],
    ["weights", ({ model }) => model.weights],
    ["precision", ({ precision }) => precision],
    ["browser", ({ browser }) => browser],
    // Older reports do not know of tuning.
    ["tuned kernels", ({ tunedProducts = 0 }) => tunedProducts],
    ["processor", ({ machine }) => machine.cpu],
    ["Node", ({ machine }) => machine.node],
    ["Dawn", ({ machine }) => machine.dawn],
  ];
  const differs = compared.filter(([, of]) => of(report) !== of(old)).map(([name]) => name);
  return { takenAt: old.takenAt, commit: old.machine.commit, differs, ratios, probes };
}

function ratioOf(now: Spread, before: Spread): number {
  return Number((now.median / before.median).toPrecision(4));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As much as comparing reads. */
function isReport(value: unknown): value is EngineReport {
  if (typeof value !== "object" || value === null) return false;
  const { benchmark, takenAt, adapter, machine, model, results } = value as Partial<EngineReport>;
  return (
    benchmark === "engine" &&
    typeof takenAt === "string" &&
    [adapter, machine, model].every((part) => typeof part === "object" && part !== null) &&
    Array.isArray(results) &&
    results.every((result) => typeof result?.id === "string" && result.tokensPerSecond?.median > 0)
  );
}
