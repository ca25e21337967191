import { escaped, plotPage } from "../src/comparison/plot_page.ts";
import type { PointResult } from "../src/simulator/grid_point.ts";
import script from "./sweep_page.js?raw";

/** Figures of sweeps: what each policy comes to over the values of one assumption, with how sure that is. */

type CellOfPoint = PointResult["cells"][number];

export interface Sweep {
  readonly name: string;
  readonly why: string;
  /** A label and what was simulated, for each value. */
  readonly values: readonly (readonly [label: string, point: PointResult])[];
}

const FIGURES: readonly (readonly [title: string, of: (cell: CellOfPoint) => number])[] = [
  ["p95 TTFET, pauses taken out, ms", ({ ttfetMs }) => ttfetMs.p95],
  ["p95 TTFET with pauses, ms", ({ ttfetWithPausesMs }) => ttfetWithPausesMs.p95],
  ["p95 TTFT of first turns, ms", ({ firstTtftMs }) => firstTtftMs.p95],
  ["p95 TTFT of later turns, ms", ({ laterTtftMs }) => laterTtftMs.p95],
  ["p95 of last turns' TBT, ms", ({ lastTurnTbtMs }) => lastTurnTbtMs.p95],
  ["conversations that kept the SLOs, %", ({ sloShare }) => 100 * sloShare],
  ["goodput, conversations a second", ({ goodput }) => goodput],
  ["J a token, by phase", ({ energy }) => energy?.byPhase.joulesPerToken ?? Number.NaN],
  ["J a token, by utilisation", ({ energy }) => energy?.byUtilisation.joulesPerToken ?? Number.NaN],
];

/** One self-contained page. `text` is what the command prints. */
export function sweepsHtml(
  title: string,
  text: string,
  sweeps: readonly Sweep[],
  policies: readonly string[],
): string {
  const data = sweeps.map(({ name, values }) => ({
    name,
    labels: values.map(([label]) => label),
    figures: FIGURES.map(([title, of]) => ({
      title,
      series: policies.map((policy) => {
        const estimates = values.map(([, { cells }]) => estimateOf(cells.filter((cell) => cell.policy === policy).map(of))); // biome-ignore format: one estimate each
        return {
          policy,
          mean: estimates.map(({ mean }) => mean),
          low: estimates.map(({ low }) => low),
          high: estimates.map(({ high }) => high),
        };
      }),
    })),
  }));
  const sections = sweeps.map(({ name, why }) => {
    return `<h2>${escaped(name)}</h2>\n<p>${escaped(why)}</p>\n<div class="plots" id="sweep-${escaped(name)}"></div>`;
  });
  const body = `<h1>${escaped(title)}</h1>
<p>Simulated. A band is where the mean lies in 95 of 100 repetitions, by the spread between the seeds (Student's t).</p>
${sections.join("\n")}
<h2>In numbers</h2>
<pre>${escaped(text)}</pre>`;
  return plotPage({ title: `Baton: ${title}`, body, data, script });
}

/** The mean and its 95% confidence interval; the mean alone of a single value. */
export function estimateOf(values: readonly number[]): {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
} {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, count - 1);
  const half = (T_95[count - 2] ?? 1.96) * Math.sqrt(variance / count);
  return { mean, low: mean - half, high: mean + half };
}

/** Student's t at 97.5% for 1, 2, … degrees of freedom; beyond, that of the normal distribution is less than 12% off. */
const T_95 = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179];
