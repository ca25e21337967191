import type { Precision } from "../src/api.ts";
import { formatBytes, formatMs, formatTable } from "../src/cli/format.ts";
import { summarize } from "../src/metrics/summary.ts";
import type { AdapterSummary } from "../src/platform/platform.ts";
import type { EngineCase } from "./cases.ts";
import type { Comparison } from "./compare.ts";
import type { Sample } from "./engine_bench.ts";
import type { Machine } from "./machine.ts";
import { sampleMs } from "./rounds.ts";

/** What `bench engine --json` prints, and what bench/results/ keeps. */
export interface EngineReport {
  readonly benchmark: "engine";
  readonly takenAt: string;
  readonly adapter: AdapterSummary;
  readonly machine: Machine;
  /** Load average of the machine when measuring began and when it ended. */
  readonly loadAverage: readonly [number, number];
  readonly model: BenchModel;
  readonly precision: Precision;
  readonly seed: number;
  readonly samples: number;
  readonly maxStepTokens: number;
  /** From opening the file to pipelines that are ready; one sample, with whatever the driver had cached. */
  readonly loadMs: number;
  readonly gpuBytes: { readonly all: number; readonly weights: number; readonly kv: number };
  /** Of a step that decodes one token of one sequence. */
  readonly dispatchesPerDecodeStep: number;
  readonly results: readonly CaseResult[];
  readonly comparison?: Comparison;
}

export interface BenchModel {
  /** A model, or the shape of the random weights. */
  readonly name: string;
  readonly weights: "file" | "random";
  readonly architecture: string;
  readonly layers: number;
  readonly hidden: number;
  readonly vocabTokens: number;
  readonly parameters: number;
}

export interface Spread {
  readonly samples: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface CaseResult extends EngineCase {
  /** All sequences together, one sample a run. */
  readonly tokensPerSecond: Spread;
  /** Between tokens of one sequence, one sample a step; for decode only. */
  readonly tbtMs?: Spread;
  readonly dispatchesPerStep: number;
}

export function resultsOf(taken: ReadonlyMap<EngineCase, readonly Sample[]>): CaseResult[] {
  return [...taken].map(([one, samples]) => {
    const tokens = one.batch * one.tokens;
    const [first] = samples;
    return {
      ...one,
      tokensPerSecond: spread(samples.map((sample) => (tokens * 1000) / sampleMs(sample))),
      ...(one.group !== "prefill" && { tbtMs: spread(samples.flatMap(({ stepMs }) => stepMs)) }),
      dispatchesPerStep: first ? first.dispatches / first.stepMs.length : 0,
    };
  });
}

function spread(values: readonly number[]): Spread {
  const summary = summarize(values);
  if (!summary) throw new RangeError("nothing was measured");
  const { samples, median, min, max } = summary;
  const round = (value: number) => Number(value.toPrecision(5));
  return { samples, median: round(median), min: round(min), max: round(max) };
}

/** For a person. */
export function describeReport(report: EngineReport): string {
  const { adapter, machine, model, gpuBytes, comparison } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const head = formatTable([
    [
      "adapter",
      `${adapter.name}${adapter.software ? " (software, slow)" : ""}, driver ${adapter.driver || "unknown"}`,
    ],
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no commit"}), Node ${machine.node}, Dawn ${machine.dawn}`,
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    [
      "model",
      `${model.name}${model.weights === "random" ? ", random weights" : ""}: ${model.architecture}, ${model.layers} layers, ${(model.parameters / 1e6).toFixed(1)} M parameters`,
    ],
    ["precision", report.precision],
    ["load time", formatMs(report.loadMs)],
    [
      "GPU memory",
      `${formatBytes(gpuBytes.all)}: weights ${formatBytes(gpuBytes.weights)}, KV pool ${formatBytes(gpuBytes.kv)}`,
    ],
    ["decode step", `${report.dispatchesPerDecodeStep} dispatches`],
    ["samples", `${report.samples} of each, round by round; seed ${report.seed}`],
  ]);
  const notes = comparison ? `\n${comparisonNote(comparison)}` : "";
  return `${head}\n${caseTable(report)}${notes}`;
}

function caseTable({ results, comparison }: EngineReport): string {
  const header = ["", "tokens/s", "min", "max", "TBT ms", "min", "max", "dispatches a step"];
  const rows = results.map(({ id, tokensPerSecond, tbtMs, dispatchesPerStep }) => [
    id,
    ...threeOf(tokensPerSecond),
    ...(tbtMs ? threeOf(tbtMs) : ["", "", ""]),
    `${dispatchesPerStep}`,
    ...(comparison ? [ratioText(comparison.ratios[id])] : []),
  ]);
  return formatTable([[...header, ...(comparison ? ["new / old"] : [])], ...rows], [1, 2, 3, 4, 5, 6, 7, 8]);
}

function threeOf({ median, min, max }: Spread): string[] {
  return [median, min, max].map((value) => value.toFixed(value < 1000 ? 1 : 0));
}

function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? "new" : `${ratio.toFixed(2)}x`;
}

function comparisonNote({ takenAt, commit, differs }: Comparison): string {
  const old = `The old report is of ${takenAt}, commit ${commit ?? "unknown"}`;
  return differs.length === 0 ? `${old}.\n` : `${old}. It differs in ${differs.join(", ")}.\n`;
}
