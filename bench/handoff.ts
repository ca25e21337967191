import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { BAR, type HandoffRequest, type HandoffRun, type Percentiles, runHandoff } from "./handoff_run.ts";
import { describeMachine, loadAverage, type Machine } from "./machine.ts";
import { benchedModel, modelText } from "./model_runner.ts";
import type { Spread } from "./spread.ts";

interface HandoffOptions {
  readonly devices: string;
  readonly model: string;
  readonly prompts: string;
  readonly samples: number;
  readonly others: number;
  readonly links: string;
  readonly kvMib?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What `bench handoff --json` prints. */
export interface HandoffReport extends HandoffRun {
  readonly benchmark: "handoff";
  readonly takenAt: string;
  readonly machine: Machine;
  /** Load average of the machine when measuring began and when it ended. */
  readonly loadAverage: readonly [number, number];
  readonly model: string;
  /** Conversations that decode meanwhile where the decoder is busy. */
  readonly others: number;
  /** Most times the copy alone. */
  readonly bar: number;
}

export function addHandoff(program: Command, io: Io): void {
  program
    .command("handoff")
    .description("Measure what a turn sees of its KV going from a prefiller to a decoder.")
    .option("--devices <adapters>", "prefiller and decoder: parts of their names, separated by a comma", ",")
    .option("--model <model>", "shape of random weights, name in the catalogue, or file", "tiny-15m")
    .option("--prompts <tokens>", "lengths of first prompts", "300,600,1200")
    .option(
      "--samples <number>",
      "of each length, with an idle and a busy decoder",
      parseNumber("--samples"),
      8,
    )
    .option("--others <number>", "conversations on a busy decoder", parseNumber("--others"), 8)
    .option("--links <rates>", "simulated links, in MiB a second; none for none", "10,100,1000")
    .option("--kv-mib <MiB>", "size of each KV pool", parseNumber("--kv-mib"))
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async (options: HandoffOptions) => {
      const request = requestOf(options);
      const before = loadAverage();
      const progress = createProgress(io, options.quiet === true);
      const onProgress = progress.report.bind(progress);
      const onSoftware = (name: string) => {
        if (options.quiet !== true) say(io, `${name} is a software adapter: everything is slow on it.`);
      };
      const run = await interruptible(io, (signal) =>
        runHandoff({ ...request, signal, onProgress, onSoftware }),
      ).finally(() => progress.stop());
      const report: HandoffReport = {
        benchmark: "handoff",
        takenAt: new Date().toISOString(),
        machine: describeMachine(),
        loadAverage: [before, loadAverage()],
        model: modelText(request.model),
        others: request.others,
        bar: BAR,
        ...run,
      };
      await (options.json ? printJson(io, report) : print(io, describe(report)));
    });
}

/** @throws InputError `invalid-option` */
function requestOf(options: HandoffOptions): HandoffRequest {
  const { kvMib, links } = options;
  const adapters = options.devices.split(",").map((name) => name.trim());
  if (adapters.length !== 2)
    throw invalidOption("--devices", options.devices, "two adapters with a comma between");
  const numbers = (name: string, text: string, range: { min?: number; above?: number; max: number }) =>
    text.split(",").map((value) => checkNumber(name, Number(value), range));
  const whole = (name: string, value: number) =>
    checkNumber(name, value, { min: 1, max: 1000, integer: true });
  return {
    adapters: [adapters[0] ?? "", adapters[1] ?? ""],
    model: benchedModel("--model", options.model),
    prompts: numbers("--prompts", options.prompts, { min: 2, max: 100_000 }).map(Math.floor),
    samples: whole("--samples", options.samples),
    others: whole("--others", options.others),
    links: links === "none" ? [] : numbers("--links", links, { above: 0, max: 1_000_000 }),
    kvMiB: kvMib === undefined ? undefined : checkNumber("--kv-mib", kvMib, { above: 0, max: 2 ** 20 }),
  };
}

function describe(report: HandoffReport): string {
  const { machine, devices, model, copyCost, others, bar } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const { fixedMs, msPerMiB, mibPerSecond } = copyCost;
  const head = formatTable([
    ...devices.map(({ role, adapter }) => [role, adapter]),
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no clone"}), Node ${machine.node}, Dawn ${machine.dawn}`,
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    ["model", model],
    [
      "copy alone",
      `${fixedMs.toFixed(2)} ms and ${msPerMiB.toFixed(3)} ms a MiB (${mibPerSecond.toFixed(0)} MiB/s)`,
    ],
    ["busy", `${others} other conversations decode on the decoder`],
    ["bar", `what the handoff takes is at most ${bar} times the copy of the last chunk's blocks alone`],
  ]);
  return [head, copyTable(report), handoffTable(report), linkTable(report)].join("\n");
}

function copyTable({ copies }: HandoffReport): string {
  const rows = copies.map(({ blocks, bytes, ms }) => [
    `${blocks}`,
    (bytes / 2 ** 20).toFixed(2),
    spreadText(ms),
    `${ms.samples}`,
  ]);
  return formatTable([["copy alone: blocks", "MiB", "ms", "n"], ...rows]);
}

function handoffTable({ results }: HandoffReport): string {
  const rows = results.map((result) => [
    result.decoder,
    `${result.promptTokens}`,
    `${result.lastBlocks} of ${result.blocks}`,
    percentilesText(result.visibleMs),
    percentilesText(result.stepWaitMs),
    percentilesText(result.ownMs),
    percentilesText(result.copyMs),
    `${result.ratio.toFixed(2)} ${result.met ? "met" : "missed"}`,
    result.bytesRatio.median.toFixed(3),
    `${result.samples}`,
  ]);
  const columns = ["decoder", "prompt", "last blocks", "visible ms p50 p95", "waits for a step", "handoff's own", "copy alone", "own / copy", "bytes / KV", "n"]; // biome-ignore format: a row
  return formatTable([columns, ...rows]);
}

function linkTable({ links }: HandoffReport): string {
  if (links.length === 0) return "";
  const rows = links.map(({ mibPerSecond, promptTokens, visibleMs, lastChunkMs, wholeMs, samples }) => [
    `${mibPerSecond}`,
    `${promptTokens}`,
    spreadText(visibleMs),
    lastChunkMs.toFixed(1),
    wholeMs.toFixed(1),
    `${samples}`,
  ]);
  const columns = ["link MiB/s", "prompt", "visible ms", "last chunk, out and in", "all of it, out and in", "n"]; // biome-ignore format: a row
  return formatTable([columns, ...rows]);
}

function percentilesText({ p50, p95 }: Percentiles): string {
  return `${p50.toFixed(2)} ${p95.toFixed(2)}`;
}

function spreadText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}
