import type { Cell } from "../metrics/replay_cell.ts";
import { formatTable } from "../metrics/table.ts";
import type { PairedRatio } from "./paired.ts";
import type { ComparisonReport } from "./report.ts";

/** What a comparison found, as tables. `where`: what it was measured on, in rows of a name and a text. */
export function comparisonText(
  report: ComparisonReport,
  where: readonly (readonly [string, string])[],
): string {
  return [headOf(report, where), ...report.loads.map((load) => loadText(report, load))].join("\n");
}

function headOf(
  { devices, model, workload, slo }: ComparisonReport,
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
  ["p95", ({ ttfetMs }) => ttfetMs.p95, 0],
  ["p99", ({ ttfetMs }) => ttfetMs.p99, 0],
  ["1st TTFT p95", ({ firstTtftMs }) => firstTtftMs.p95, 0],
  ["later p95", ({ laterTtftMs }) => laterTtftMs.p95, 0],
  ["last TBT p50", ({ lastTurnTbtMs }) => lastTurnTbtMs.p50, 1],
  ["p95", ({ lastTurnTbtMs }) => lastTurnTbtMs.p95, 1],
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

function loadText(
  { cells, comparisons }: ComparisonReport,
  { load, ratePerSecond }: ComparisonReport["loads"][number],
): string {
  const own = cells.filter((cell) => cell.load === load);
  const compared = comparisons.filter((one) => one.load === load);
  const beside = [
    ["baton against", "goodput", "p95 TTFET", "later TTFT", "last TBT"],
    ...compared.map(({ policy, goodput, ttfet, laterTtft, lastTurnTbt }) => [
      policy,
      ...[goodput, ttfet, laterTtft, lastTurnTbt].map(ratioText),
    ]),
  ];
  return [
    `\nload ${load}: ${ratePerSecond.toFixed(2)} conversations a second; times in ms`,
    tableOf(own, TIMES),
    tableOf(own, RATES),
    ...(compared.length > 0
      ? [`ratios with their 95% intervals, paired by conversation\n${formatTable(beside)}`]
      : []),
  ].join("\n");
}

function tableOf(cells: readonly Cell[], columns: readonly Column[]): string {
  const names = [...new Set(cells.map(({ policy }) => policy))];
  const rows = names.map((name) => {
    const own = cells.filter(({ policy }) => policy === name);
    return [name, ...columns.map(([, of, digits]) => spreadOf(own.map(of), digits))];
  });
  return formatTable([["policy", ...columns.map(([title]) => title)], ...rows]);
}

/** The mean over seeds, and from the least to the greatest. */
function spreadOf(values: readonly number[], digits: number): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(digits);
  return `${mean.toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

function ratioText({ ratio, low, high }: PairedRatio): string {
  return `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}
