import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { readText } from "../src/cli/simulation_inputs.ts";
import type { PairedRatio } from "../src/comparison/paired.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import type { PolicyName } from "../src/scheduler/policies/table.ts";
import { modelCosts } from "../src/simulator/device_file.ts";
import { ENERGY_CHANGES } from "../src/simulator/energy_sensitivity.ts";
import type { GridPoint, PointResult } from "../src/simulator/grid_point.ts";
import { parseTrace } from "../src/workload/trace.ts";
import { runGrid } from "./grid.ts";
import { ASSUMPTIONS, BASE, POLICIES, paperPoints, tracePoint } from "./paper_points.ts";
import { type Sweep, sweepsHtml } from "./sweep_figures.ts";

/** What the paper claims for ConServe against a baseline that predicts turn by turn (arXiv 2606.01839, abstract). */
const CLAIMS = { ttfet: -0.5108, tokensPerJoule: 0.0751, tiers: 0.2275 };

interface PaperOptions {
  readonly conversations: number;
  readonly seeds: number;
  readonly trace?: string;
  readonly model: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addPaper(program: Command, io: Io): void {
  program
    .command("paper")
    .description("Simulate what the paper on ConServe measured, and where its claims hold.")
    .option("--conversations <number>", "of a workload", parseNumber("--conversations"), 100)
    .option("--seeds <number>", "workloads of each point", parseNumber("--seeds"), 3)
    .option("--trace <file>", "in place of the sweeps: the base with a trace's conversations, Mooncake's or any that simulate reads") // biome-ignore format: one option
    .option("--model <name>", "for a trace, whose contexts may be longer than qwen3-0.6b's", "qwen3-0.6b")
    .option("--html <file>", "write a page with figures of each sweep")
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async (options: PaperOptions) => {
      const whole = { min: 1, max: 100_000, integer: true };
      const size = {
        conversations: checkNumber("--conversations", options.conversations, whole),
        seeds: checkNumber("--seeds", options.seeds, whole),
      };
      const progress = createProgress(io, options.quiet === true);
      const onProgress = progress.report.bind(progress);
      const asked = options.trace === undefined ? paperPoints(size) : [await tracedPoint(options.trace, options.model, size.conversations)]; // biome-ignore format: one choice
      const points = await interruptible(io, (signal) => runOnce(asked, { signal, onProgress })).finally(() => progress.stop()); // biome-ignore format: one call
      if (options.html !== undefined) {
        const html = sweepsHtml(
          "The setting of ConServe's paper",
          paperText(points),
          sweepsOf(points),
          POLICIES,
        );
        await writeFile(options.html, html);
      }
      const report = { benchmark: "paper", takenAt: new Date().toISOString(), ...size, base: BASE, claims: CLAIMS, points: points.map(pointRow) }; // biome-ignore format: one record
      await (options.json ? printJson(io, report) : print(io, paperText(points)));
    });
}

/** The base is a point of every sweep: points that differ in nothing but the sweep that they are of are simulated once. */
async function runOnce(
  asked: readonly GridPoint[],
  running: Parameters<typeof runGrid>[1],
): Promise<readonly PointResult[]> {
  const keyOf = ({ at: { of: _, ...setting } }: GridPoint) => JSON.stringify(setting);
  const unlike = [...new Map(asked.map((point) => [keyOf(point), point])).values()];
  const results = await runGrid(unlike, running);
  const found = new Map(unlike.map((point, index) => [keyOf(point), results[index]]));
  return asked.flatMap((point) => {
    const result = found.get(keyOf(point));
    return result ? [{ ...result, at: point.at }] : [];
  });
}

/** @throws InputError `invalid-option` for a file without conversations, and a model that is not known */
async function tracedPoint(file: string, model: string, conversations: number): Promise<GridPoint> {
  modelCosts(model, "--model");
  const trace = parseTrace(await readText("--trace", file), file);
  if (trace.length === 0) throw invalidOption("--trace", file, "a file with turns");
  return tracePoint(trace, model, conversations);
}

/** By how much more tokens a joule gives under one policy than under another: the least and the most, over what the models' constants may be. */
export function tokensPerJouleRange(
  { cells }: PointResult,
  policy: PolicyName,
  than: PolicyName,
): readonly [number, number] {
  const joules = (name: PolicyName, change: number, model: "byPhase" | "byUtilisation") =>
    cells
      .filter((cell) => cell.policy === name)
      .reduce((sum, { joulesPerToken }) => sum + (joulesPerToken[change]?.[model] ?? Number.NaN), 0);
  const gains = ENERGY_CHANGES.flatMap((_, change) =>
    (["byPhase", "byUtilisation"] as const).map(
      (model) => joules(than, change, model) / joules(policy, change, model) - 1,
    ),
  );
  return [Math.min(...gains), Math.max(...gains)];
}

export function sweepsOf(points: readonly PointResult[]): readonly Sweep[] {
  return ASSUMPTIONS.map(({ name, why, values }) => {
    const own = points.filter(({ at }) => at.of === name);
    return { name, why, values: own.map((point, index) => [labelOf(values[index]), point]) };
  });
}

function labelOf(value: object = {}): string {
  return Object.values(value).join(" / ");
}

/** Means over the seeds, of one policy at one point. */
export interface PolicyMeans {
  readonly policy: string;
  readonly ttfetP95Ms: number;
  readonly ttfetWithPausesP95Ms: number;
  readonly firstTtftP95Ms: number;
  readonly laterTtftP95Ms: number;
  readonly lastTurnTbtP95Ms: number;
  readonly sloShare: number;
  readonly goodput: number;
  readonly joulesPerToken: number;
  readonly joulesPerTokenByUtilisation: number;
}

export function meansOf({ cells }: PointResult, policy: PolicyName): PolicyMeans {
  const own = cells.filter((cell) => cell.policy === policy);
  const mean = (of: (cell: (typeof cells)[number]) => number) =>
    own.reduce((sum, cell) => sum + of(cell), 0) / own.length;
  return {
    policy,
    ttfetP95Ms: mean(({ ttfetMs }) => ttfetMs.p95),
    ttfetWithPausesP95Ms: mean(({ ttfetWithPausesMs }) => ttfetWithPausesMs.p95),
    firstTtftP95Ms: mean(({ firstTtftMs }) => firstTtftMs.p95),
    laterTtftP95Ms: mean(({ laterTtftMs }) => laterTtftMs.p95),
    lastTurnTbtP95Ms: mean(({ lastTurnTbtMs }) => lastTurnTbtMs.p95),
    sloShare: mean(({ sloShare }) => sloShare),
    goodput: mean(({ goodput }) => goodput),
    joulesPerToken: mean(({ energy }) => energy?.byPhase.joulesPerToken ?? Number.NaN),
    joulesPerTokenByUtilisation: mean(({ energy }) => energy?.byUtilisation.joulesPerToken ?? Number.NaN),
  };
}

function pointRow(point: PointResult) {
  const tokensPerJoule = tokensPerJouleRange(point, "conserve", "ampd");
  return { at: point.at, ratePerSecond: point.ratePerSecond, conversations: point.conversations, tokensPerJoule, comparisons: point.comparisons, policies: POLICIES.map((name) => meansOf(point, name)) }; // biome-ignore format: one record
}

function paperText(points: readonly PointResult[]): string {
  const base = points.find(({ at }) => at.of === "trace" || (at.of === "load" && at.load === BASE.load));
  if (base?.at.of === "trace")
    return tableText(`A trace under the base's devices, load and SLOs: ${JSON.stringify(base.at)}`, base);
  return [
    ...(base ? [tableText(`The base: ${JSON.stringify(BASE)}`, base)] : []),
    ...ASSUMPTIONS.map((one) => sweepText(one, points)),
    claimsText(points),
  ].join("\n");
}

/** Over which part of what is swept the claims hold. */
function claimsText(points: readonly PointResult[]): string {
  const beside = points.flatMap(({ comparisons }) => comparisons.filter(({ policy }) => policy === "ampd"));
  const gains = points.map((point) => tokensPerJouleRange(point, "conserve", "ampd"));
  const count = <T>(all: readonly T[], holds: (one: T) => boolean) => all.filter(holds).length;
  return `
Of ${points.length} points, conserve's p95 TTFET is below ampd's by as much as claimed at ${count(beside, ({ ttfet }) => ttfet.ratio - 1 <= CLAIMS.ttfet)},
clearly below (its whole interval) at ${count(beside, ({ ttfet }) => ttfet.high < 1)}, clearly above at ${count(beside, ({ ttfet }) => ttfet.low > 1)};
its last turn's TBT is clearly above at ${count(beside, ({ lastTurnTbt }) => lastTurnTbt.low > 1)}; it gives more tokens a joule, whatever is unknown, at ${count(gains, ([least]) => least > 0)},
and may give as many more as claimed at ${count(gains, ([, most]) => most >= CLAIMS.tokensPerJoule)}.
`;
}

function tableText(title: string, base: PointResult): string {
  const rows = POLICIES.map((name) => {
    const means = meansOf(base, name);
    return [
      name,
      means.ttfetP95Ms.toFixed(0),
      means.ttfetWithPausesP95Ms.toFixed(0),
      means.firstTtftP95Ms.toFixed(0),
      means.laterTtftP95Ms.toFixed(0),
      means.lastTurnTbtP95Ms.toFixed(1),
      (100 * means.sloShare).toFixed(0),
      means.joulesPerToken.toFixed(2),
      means.joulesPerTokenByUtilisation.toFixed(2),
    ];
  });
  const head = ["policy", "p95 TTFET", "with pauses", "first TTFT", "later TTFT", "last TBT", "SLO %", "J/token", "by utilisation"]; // biome-ignore format: a list
  return `${title}\n\n${formatTable([head, ...rows], [1, 2, 3, 4, 5, 6, 7, 8])}`;
}

function sweepText(
  { name, why, values }: (typeof ASSUMPTIONS)[number],
  points: readonly PointResult[],
): string {
  const own = points.filter(({ at }) => at.of === name);
  const rows = own.map((point, index) => {
    const [conserve, ampd, baton] = (["conserve", "ampd", "baton"] as const).map((policy) => meansOf(point, policy)); // biome-ignore format: a list
    if (conserve === undefined || ampd === undefined || baton === undefined) return [];
    const change = (of: (means: PolicyMeans) => number, one: PolicyMeans) => percent(of(one) / of(ampd) - 1);
    const beside = point.comparisons.find(({ policy }) => policy === "ampd");
    return [
      labelOf(values[index]),
      withInterval(beside?.ttfet),
      change((means) => means.firstTtftP95Ms, conserve),
      withInterval(beside?.laterTtft),
      change((means) => 1 / means.joulesPerToken, conserve),
      change((means) => 1 / means.joulesPerTokenByUtilisation, conserve),
      tokensPerJouleRange(point, "conserve", "ampd").map(percent).join(" … "),
      withInterval(beside?.lastTurnTbt),
      `${(100 * conserve.sloShare).toFixed(0)} / ${(100 * ampd.sloShare).toFixed(0)} / ${(100 * baton.sloShare).toFixed(0)}`,
      change((means) => means.ttfetP95Ms, baton),
    ];
  });
  const head = [name, "TTFET", "first TTFT", "later TTFT", "tokens/J", "by utilisation", "by what is unknown", "last TBT", "SLO % conserve / ampd / baton", "baton's TTFET"]; // biome-ignore format: a list
  const claim = name === "tiers" ? `, and ${percent(CLAIMS.tiers)} more tokens/J with mixed tiers` : "";
  return `\n${name}: ${why}. conserve against ampd at the 95th percentile; the paper: TTFET ${percent(CLAIMS.ttfet)}, tokens/J ${percent(CLAIMS.tokensPerJoule)}${claim}.\n${formatTable([head, ...rows])}`;
}

/** A change, and where it lies in 95 of 100 resamples of the conversations. */
function withInterval(found: PairedRatio | undefined): string {
  if (found === undefined) return "";
  const { ratio, low, high } = found;
  return `${percent(ratio - 1)} (${percent(low - 1)} … ${percent(high - 1)})`;
}

function percent(share: number): string {
  return `${share > 0 ? "+" : ""}${(100 * share).toFixed(1)}%`;
}
