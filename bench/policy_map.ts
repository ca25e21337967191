import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import type { Comparison } from "../src/comparison/compare.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import type { PolicyName } from "../src/scheduler/policies/table.ts";
import type { GridPoint, PointResult } from "../src/simulator/grid_point.ts";
import { multiplied, scaled, type WorkloadShape } from "../src/workload/generate.ts";
import { shapes } from "../src/workload/shapes.ts";
import { runGrid } from "./grid.ts";

/** Which policy wins where: a map over first turns' share, load, tools' pauses and the numbers of prefillers and decoders. */

const POLICIES: readonly PolicyName[] = ["baton", "conserve", "collocated-sticky", "collocated", "per-turn", "ampd", "predictive"]; // biome-ignore format: a list
/** Whichever of these manages most says what the devices manage. */
const LOAD_OF: readonly PolicyName[] = ["baton", "collocated-sticky", "conserve"];
/** How far `baton` may be behind the best. */
const BEHIND = 0.97;

interface Axes {
  readonly cards: readonly { readonly prefiller: string; readonly decoder: string; readonly model: string }[];
  readonly firstShares: readonly number[];
  readonly loads: readonly number[];
  readonly pauses: readonly number[];
  readonly counts: readonly (readonly [prefillers: number, decoders: number])[];
  readonly slo: { readonly ttftMs: number; readonly tbtMs: number };
}

const GRIDS: Readonly<Record<string, Axes>> = {
  first: {
    cards: [{ prefiller: "a40", decoder: "a40", model: "qwen3-0.6b" }],
    firstShares: [0.2, 0.5, 0.8],
    loads: [0.5, 0.8, 1.1],
    pauses: [0.1, 1, 10],
    counts: [[1, 1], [1, 3], [2, 2]], // biome-ignore format: a list
    slo: { ttftMs: 1000, tbtMs: 25 },
  },
  /** Of cards, models and pauses that no policy was made better on. */
  second: {
    cards: [
      { prefiller: "a100", decoder: "l4", model: "llama-3.2-1b" },
      { prefiller: "rtx4090", decoder: "rtx4090", model: "llama-3.1-8b" },
      { prefiller: "rtx4090", decoder: "m2-max", model: "smollm2-135m" },
    ],
    firstShares: [0.3, 0.65],
    loads: [0.6, 0.9],
    pauses: [0.3, 3],
    counts: [[1, 1], [1, 2]], // biome-ignore format: a list
    slo: { ttftMs: 2000, tbtMs: 50 },
  },
};

/** `swe-agent` with half of the prompts and fewer turns; all prompts of a conversation have 8,700 tokens in the mean, whatever first turns hold of it. */
const WORK: WorkloadShape = {
  ...scaled(shapes["swe-agent"], 0.5),
  turns: { median: 8, sigma: 0.5, min: 2, max: 24 },
  outputTokens: { median: 64, sigma: 0.75, min: 8, max: 512 },
  pauseMs: { median: 1000, sigma: 1, min: 10, max: 60_000 },
};

/** Of first turns in all prompts' tokens, with the first turns that they have there. */
const WORK_SHARE = 0.8;

interface MapOptions {
  readonly grid: string;
  readonly conversations: number;
  readonly seeds: number;
  readonly only?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addPolicyMap(program: Command, io: Io): void {
  program
    .command("map")
    .description("Simulate which policy wins where, and whether baton is ever behind.")
    .option("--grid <name>", Object.keys(GRIDS).join(" or "), "first")
    .option("--conversations <number>", "of a workload", parseNumber("--conversations"), 200)
    .option("--seeds <number>", "workloads of each point", parseNumber("--seeds"), 2)
    .option("--only <settings>", "points with these settings, as devices=1:1,load=1.1")
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async ({ grid, conversations, seeds, only = "", json, quiet }: MapOptions) => {
      const axes = Object.hasOwn(GRIDS, grid) ? GRIDS[grid] : undefined;
      if (axes === undefined) throw invalidOption("--grid", grid, Object.keys(GRIDS).join(" or "));
      const whole = { min: 1, max: 100_000, integer: true };
      const all = pointsOf(axes, checkNumber("--conversations", conversations, whole), checkNumber("--seeds", seeds, whole)); // biome-ignore format: one call
      const points = all.filter(({ at }) => hasSettings(at, only));
      if (points.length === 0)
        throw invalidOption("--only", only, `settings of points, such as ${settingsOf(all[0]?.at ?? {})}`);
      const progress = createProgress(io, quiet === true);
      const onProgress = progress.report.bind(progress);
      const results = await interruptible(io, (signal) => runGrid(points, { signal, onProgress })).finally(() => progress.stop()); // biome-ignore format: one call
      const verdicts = results.map(verdictOf);
      const report = { benchmark: "map", grid, takenAt: new Date().toISOString(), conversations, seeds, slo: axes.slo, verdicts }; // biome-ignore format: one record
      await (json ? printJson(io, report) : print(io, mapText(verdicts)));
    });
}

/** Whether each setting of the list is among the point's. */
function hasSettings(at: GridPoint["at"], list: string): boolean {
  const own = settingsOf(at).split(",");
  return list.split(",").every((setting) => setting === "" || own.includes(setting.trim()));
}

function settingsOf(at: GridPoint["at"]): string {
  return Object.entries(at)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}

function pointsOf(axes: Axes, conversations: number, seeds: number): readonly GridPoint[] {
  const { cards, firstShares, loads, pauses, counts, slo } = axes;
  return cards.flatMap(({ prefiller, decoder, model }) =>
    counts.flatMap(([prefillers, decoders]) =>
      firstShares.flatMap((firstShare) =>
        pauses.flatMap((times) =>
          loads.map((load): GridPoint => {
            const { pauseMs, firstTokens } = WORK;
            const at = { model, prefiller, decoder, devices: `${prefillers}:${decoders}`, firstShare, pauses: times, load }; // biome-ignore format: one record
            return {
              at,
              devices: {
                devices: [
                  { id: "prefiller", role: "prefiller", gpu: prefiller, count: prefillers },
                  { id: "decoder", role: "decoder", gpu: decoder, count: decoders },
                ],
              },
              model,
              shape: { ...WORK, firstTokens: multiplied(firstTokens, firstShare / WORK_SHARE), firstShare, pauseMs: { ...pauseMs, median: pauseMs.median * times, max: pauseMs.max * times } }, // biome-ignore format: one record
              conversations,
              seeds,
              load,
              loadOf: LOAD_OF,
              policies: POLICIES,
              subject: "baton",
              slo,
            };
          }),
        ),
      ),
    ),
  );
}

export interface Verdict {
  readonly at: GridPoint["at"];
  /** By policy, the mean over the seeds. */
  readonly goodput: Readonly<Record<string, number>>;
  readonly best: string;
  /** `baton`'s goodput over the best other one's, paired by conversation, with where it lies in 95 of 100 resamples. */
  readonly beside: Comparison["goodput"] | undefined;
  /** `baton` is clearly more than 3% behind the best. */
  readonly behind: boolean;
  /** Those that are better than `baton` in p95 TTFET, later turns' p95 TTFT and last-turn TBT, all at once. */
  readonly dominated: readonly string[];
}

export function verdictOf({ at, cells, comparisons }: PointResult): Verdict {
  const mean = (policy: string) => {
    const own = cells.filter((cell) => cell.policy === policy);
    return own.reduce((sum, { goodput }) => sum + goodput, 0) / own.length;
  };
  const goodput = Object.fromEntries(POLICIES.map((policy) => [policy, mean(policy)]));
  const [best = "baton"] = POLICIES.toSorted((a, b) => (goodput[b] ?? 0) - (goodput[a] ?? 0));
  const others = POLICIES.filter((policy) => policy !== "baton").toSorted((a, b) => (goodput[b] ?? 0) - (goodput[a] ?? 0)); // biome-ignore format: one list
  const beside = comparisons.find(({ policy }) => policy === others[0])?.goodput;
  return {
    at,
    goodput,
    best,
    beside,
    behind: beside !== undefined && beside.high < BEHIND,
    dominated: comparisons
      .filter(({ ttfet, laterTtft, lastTurnTbt }) =>
        [ttfet, laterTtft, lastTurnTbt].every(({ low }) => low > 1),
      )
      .map(({ policy }) => policy),
  };
}

function mapText(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ at, goodput, best, beside, behind, dominated }) => [
    Object.values(at).join(" "),
    best,
    ...POLICIES.map((policy) => (goodput[policy] ?? Number.NaN).toPrecision(3)),
    beside ? `${beside.ratio.toFixed(2)} (${beside.low.toFixed(2)}–${beside.high.toFixed(2)})` : "",
    [...(behind ? ["behind"] : []), ...dominated.map((name) => `worse than ${name}`)].join(", "),
  ]);
  const names = Object.keys(verdicts[0]?.at ?? {}).join(" ");
  const head = [names, "best", ...POLICIES, "baton / best other", ""];
  const wins = POLICIES.map((policy) => `${policy} ${verdicts.filter(({ best }) => best === policy).length}`);
  const behind = verdicts.filter((one) => one.behind).length;
  const dominated = verdicts.filter((one) => one.dominated.length > 0).length;
  return `${formatTable([head, ...rows])}
goodput, conversations a second. Best in so many of ${verdicts.length} points: ${wins.join(", ")}.
baton is clearly more than 3% behind the best in ${behind}, and clearly worse in TTFET, later TTFT and last TBT at once in ${dominated}.
`;
}
