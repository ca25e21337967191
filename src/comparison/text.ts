import type { Cell } from "../metrics/replay_cell.ts";
import { formatTable } from "../metrics/table.ts";
import type { PairedRatio } from "./paired.ts";
import type { PolicyComparison } from "./report.ts";

/** What a comparison found, as tables. `where`: what it was measured on, in rows of a name and a text. */
export function comparisonText(
  report: PolicyComparison,
  where: readonly (readonly [string, string])[],
): string {
  return [headOf(report, where), ...report.loads.map((load) => loadText(report, load))].join("\n");
}

function headOf(
  { devices, model, workload, slo }: PolicyComparison,
  where: readonly (readonly [string, string])[],
): string {
  return formatTable([
    ...devices.map(({ role, adapter }) => [role, adapter]),
    ...where,
    ["model", model],
    ["workload", workload],
    ["SLOs", `every turn's TTFT at most ${slo.ttftMs} ms, mean TBT at most ${slo.tbtMs} ms`],
  ]);
}

type Column = readonly [title: string, of: (cell: Cell) => number, digits: number];

const TIMES: readonly Column[] = [
  ["TTFET p50", ({ ttfetMs }) => ttfetMs.p50, 0],
  ["TTFET p95", ({ ttfetMs }) => ttfetMs.p95, 0],
  ["TTFET p99", ({ ttfetMs }) => ttfetMs.p99, 0],
  ["1st TTFT p95", ({ firstTtftMs }) => firstTtftMs.p95, 0],
  ["later TTFT p95", ({ laterTtftMs }) => laterTtftMs.p95, 0],
  ["last TBT p50", ({ lastTurnTbtMs }) => lastTurnTbtMs.p50, 1],
  ["last TBT p95", ({ lastTurnTbtMs }) => lastTurnTbtMs.p95, 1],
];

const RATES: readonly Column[] = [
  ["SLO %", ({ sloShare }) => 100 * sloShare, 0],
  ["goodput/s", ({ goodput }) => goodput, 2],
  ["tokens/s", ({ outputTokensPerSecond }) => outputTokensPerSecond, 1],
  ["handoffs", ({ handoffs, conversations }) => handoffs / conversations, 2],
  ["MiB", ({ handoffBytes }) => handoffBytes / 2 ** 20, 0],
  ["cut off", ({ cut }) => cut, 0],
  ["failed", ({ failed }) => failed, 0],
];

/** Rows of texts; the first one is the head. */
export interface ReportTable {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/** Joules a token by the machine's counters, and how far the model of phases is off that was fitted to the other cells. */
function energyTable(energy: NonNullable<PolicyComparison["energy"]>, load: number): ReportTable {
  const own = energy.cells.filter((cell) => cell.load === load);
  const names = [...new Set(own.map(({ policy }) => policy))];
  const { idle, prefill, decode } = energy.watts;
  return {
    title: `Energy by the machine's counters; model: ${idle} W always, and of a device ${prefill} W more in prefill, ${decode} W in decode`,
    rows: [
      ["policy", "J/token", "model off by %"],
      ...names.map((name) => {
        const cells = own.filter(({ policy }) => policy === name);
        const of = (value: (cell: (typeof cells)[number]) => number, digits: number) => spreadOf(cells.map(value), digits); // biome-ignore format: one call
        return [name, of(({ joulesPerToken }) => joulesPerToken, 3), of(({ modelError }) => 100 * modelError, 1)]; // biome-ignore format: one row
      }),
    ],
  };
}

/** What the policies came to at a load, and `baton` beside each other one. */
export function tablesOf(
  { cells, comparisons, energy }: PolicyComparison,
  load: number,
): readonly ReportTable[] {
  const own = cells.filter((cell) => cell.load === load);
  const compared = comparisons.filter((one) => one.load === load);
  const beside = {
    title: "Ratios with their 95% intervals, paired by conversation",
    rows: [
      ["baton against", "goodput", "p95 TTFET", "later TTFT", "last TBT"],
      ...compared.map(({ policy, goodput, ttfet, laterTtft, lastTurnTbt }) => [
        policy,
        ...[goodput, ttfet, laterTtft, lastTurnTbt].map(ratioText),
      ]),
    ],
  };
  return [
    { title: "Times in ms", rows: rowsOf(own, TIMES) },
    { title: "Objectives, rates and handoffs", rows: rowsOf(own, RATES) },
    ...(compared.length > 0 ? [beside] : []),
    ...(energy ? [energyTable(energy, load)] : []),
  ];
}

function loadText(
  report: PolicyComparison,
  { load, ratePerSecond }: PolicyComparison["loads"][number],
): string {
  const tables = tablesOf(report, load).map(({ title, rows }) => `${title}\n${formatTable(rows)}`);
  return [`\nload ${load}: ${ratePerSecond.toFixed(2)} conversations a second`, ...tables].join("\n");
}

function rowsOf(cells: readonly Cell[], columns: readonly Column[]): ReportTable["rows"] {
  const names = [...new Set(cells.map(({ policy }) => policy))];
  const rows = names.map((name) => {
    const own = cells.filter(({ policy }) => policy === name);
    return [name, ...columns.map(([, of, digits]) => spreadOf(own.map(of), digits))];
  });
  return [["policy", ...columns.map(([title]) => title)], ...rows];
}

/** The mean over seeds, and from the least to the greatest; of no values there is none. */
function spreadOf(values: readonly number[], digits: number): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (Number.isNaN(mean)) return "none";
  if (values.length === 1) return mean.toFixed(digits);
  return `${mean.toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

function ratioText({ ratio, low, high }: PairedRatio): string {
  return `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}
