import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { catalogue } from "../src/loader/sources/catalogue.ts";
import {
  BAR,
  type BatchingRequest,
  type BatchingResult,
  PLACEMENTS,
  type PlacementName,
  runBatching,
} from "./batching_run.ts";
import { describeMachine, loadAverage, type Machine } from "./machine.ts";
import { benchedModel } from "./model_runner.ts";
import type { Spread } from "./spread.ts";

interface BatchingOptions {
  readonly models: string;
  readonly placements: string;
  readonly conversations: number;
  readonly context: number;
  readonly tokens: number;
  readonly rounds: number;
  readonly adapter?: string;
  readonly kvMib?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What `bench batching --json` prints. */
export interface BatchingReport {
  readonly benchmark: "batching";
  readonly takenAt: string;
  readonly machine: Machine;
  /** Load average of the machine when measuring began and when it ended. */
  readonly loadAverage: readonly [number, number];
  readonly conversations: number;
  readonly contextTokens: number;
  /** Decode steps of a sample. */
  readonly tokens: number;
  /** Rounds that count. */
  readonly rounds: number;
  /** Least share of the device's own rate. */
  readonly bar: number;
  readonly results: readonly BatchingResult[];
}

export function addBatching(program: Command, io: Io): void {
  program
    .command("batching")
    .description("Measure whether conversations that decode at once reach the device's own batched rate.")
    .option(
      "--models <names>",
      "shapes of random weights, names in the catalogue, or files",
      `tiny-15m,${catalogue.default}`,
    )
    .option("--placements <names>", `some of ${PLACEMENTS.join(", ")}`, PLACEMENTS.join(","))
    .option("--conversations <number>", "that decode at once", parseNumber("--conversations"), 8)
    .option("--context <tokens>", "of each conversation before", parseNumber("--context"), 64)
    .option("--tokens <number>", "decode steps of a sample", parseNumber("--tokens"), 16)
    .option("--rounds <number>", "samples of each side", parseNumber("--rounds"), 8)
    .option("--adapter <name>", "part of the adapter's name (default: BATON_ADAPTER, or the best)")
    .option("--kv-mib <MiB>", "size of each KV pool", parseNumber("--kv-mib"))
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async (options: BatchingOptions) => {
      const request = requestOf(options);
      const before = loadAverage();
      const progress = createProgress(io, options.quiet === true);
      const onProgress = progress.report.bind(progress);
      const said = new Set<string>();
      const onSoftware = (name: string) => {
        if (options.quiet !== true && !said.has(name))
          say(io, `${name} is a software adapter: everything is slow on it.`);
        said.add(name);
      };
      const results = await interruptible(io, (signal) =>
        runBatching({ ...request, signal, onProgress, onSoftware }),
      ).finally(() => progress.stop());
      const { conversations, contextTokens, tokens, rounds } = request;
      const report: BatchingReport = {
        benchmark: "batching",
        takenAt: new Date().toISOString(),
        machine: describeMachine(),
        loadAverage: [before, loadAverage()],
        conversations,
        contextTokens,
        tokens,
        rounds,
        bar: BAR,
        results,
      };
      await (options.json ? printJson(io, report) : print(io, describe(report)));
    });
}

/** @throws InputError `invalid-option` */
function requestOf(options: BatchingOptions): BatchingRequest {
  const { kvMib } = options;
  const placements = options.placements.split(",").map((name) => name.trim());
  const unknown = placements.find((name) => !PLACEMENTS.some((placement) => placement === name));
  if (unknown !== undefined) throw invalidOption("--placements", unknown, `one of ${PLACEMENTS.join(", ")}`);
  const whole = (name: string, value: number, min: number, max: number) =>
    checkNumber(name, value, { min, max, integer: true });
  return {
    adapter: options.adapter ?? "",
    models: options.models.split(",").map((name) => benchedModel("--models", name.trim())),
    placements: placements as readonly PlacementName[],
    conversations: whole("--conversations", options.conversations, 1, 64),
    contextTokens: whole("--context", options.context, 1, 4096),
    tokens: whole("--tokens", options.tokens, 8, 4096),
    rounds: whole("--rounds", options.rounds, 1, 1000),
    kvMiB: kvMib === undefined ? undefined : checkNumber("--kv-mib", kvMib, { above: 0, max: 2 ** 20 }),
  };
}

function describe(report: BatchingReport): string {
  const { machine, conversations, contextTokens, tokens, rounds, bar } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const adapters = [...new Set(report.results.map(({ adapter }) => adapter))];
  const head = formatTable([
    ["adapter", adapters.join(", ")],
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no clone"}), Node ${machine.node}, Dawn ${machine.dawn}`,
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    [
      "decoding",
      `${conversations} conversations after ${contextTokens} tokens each, ${tokens} steps a sample`,
    ],
    ["samples", `${rounds} rounds, both sides in each; the bar is a ratio of ${bar}`],
  ]);
  const rows = report.results.map((result) => [
    result.model,
    `${result.placement} (${result.policy})`,
    spreadText(result.scheduled, 1),
    spreadText(result.direct, 1),
    spreadText(result.ratio, 3),
    spreadText(result.cpuRatio, 3),
    result.rowsPerStep.toFixed(2),
    result.met ? "met" : "missed",
  ]);
  const columns = [
    "model",
    "on",
    "tokens/s scheduled",
    "direct",
    "ratio",
    "of CPU time",
    "rows a step",
    "bar",
  ];
  return `${head}\n${formatTable([columns, ...rows])}`;
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}
