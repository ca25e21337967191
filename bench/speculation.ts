import type { Command } from "commander";
import type { Precision, Runtime, RuntimeOptions } from "../src/api.ts";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { addModelOptions, type ModelOptions, parseNumber, runtimeOptions } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { createRuntime } from "../src/node.ts";
import type { AdapterSummary } from "../src/platform/platform.ts";
import { checkRuntimeOptions } from "../src/runtime_options.ts";
import { describeMachine, loadAverage, type Machine } from "./machine.ts";
import { measureSpeculation, type SpeculationResult, WARM_UPS } from "./speculation_run.ts";
import { type SpeculationTask, speculationTasks } from "./speculation_tasks.ts";
import type { Spread } from "./spread.ts";

interface SpeculationOptions extends ModelOptions {
  readonly samples: number;
  readonly tokens: number;
  readonly only?: string;
}

/** What `bench speculation --json` prints. */
export interface SpeculationReport {
  readonly benchmark: "speculation";
  readonly takenAt: string;
  readonly machine: Machine;
  /** Load average of the machine when measuring began and when it ended. */
  readonly loadAverage: readonly [number, number];
  readonly adapter: AdapterSummary;
  readonly model: string;
  readonly precision: Precision;
  /** Rounds that count. */
  readonly samples: number;
  /** Most tokens of an answer. */
  readonly maxTokens: number;
  readonly results: readonly SpeculationResult[];
}

export function addSpeculation(program: Command, io: Io): void {
  const names = speculationTasks.map(({ id }) => id).join(", ");
  const command = program
    .command("speculation")
    .description("Measure what guessing tokens from the prompt brings, and that the text stays the same.")
    .option("--samples <number>", "rounds: samples of each side of each task", parseNumber("--samples"), 5)
    .option("--tokens <number>", "most tokens of an answer", parseNumber("--tokens"), 96)
    .option("--only <names>", `some of the tasks, separated by commas: ${names}`);
  addModelOptions(command).action(async (options: SpeculationOptions) => {
    const runtime = checkRuntimeOptions(runtimeOptions(options));
    const samples = checkNumber("--samples", options.samples, { min: 1, max: 1000, integer: true });
    const maxTokens = checkNumber("--tokens", options.tokens, { min: 2, max: 4096, integer: true });
    const tasks = chooseTasks(options.only);
    const progress = createProgress(io, options.quiet === true);
    const total = tasks.length * (samples + WARM_UPS);
    const onPair = (done: number) =>
      progress.report({ phase: "measure", done, total, unit: "samples", label: "" });
    const onSoftware = (name: string) => {
      if (options.quiet !== true) say(io, `${name} is a software adapter: everything is slow on it.`);
    };
    const report = await interruptible(io, (signal) =>
      measure(runtime, tasks, { samples, maxTokens, signal, onPair, onSoftware }),
    ).finally(() => progress.stop());
    await (options.json ? printJson(io, report) : print(io, describe(report)));
  });
}

/** @throws InputError `invalid-option` */
function chooseTasks(only: string | undefined): readonly SpeculationTask[] {
  if (only === undefined) return speculationTasks;
  const wanted = only.split(",").map((name) => name.trim());
  const tasks = speculationTasks.filter(({ id }) => wanted.includes(id));
  if (tasks.length === new Set(wanted).size) return tasks;
  throw invalidOption("--only", only, `some of ${speculationTasks.map(({ id }) => id).join(", ")}`);
}

interface Measuring {
  readonly samples: number;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  readonly onPair: (done: number) => void;
  readonly onSoftware: (adapter: string) => void;
}

/** Two runtimes on one adapter, each with a device and weights of its own. */
async function measure(
  options: RuntimeOptions & { readonly precision: Precision },
  tasks: readonly SpeculationTask[],
  { samples, maxTokens, signal, onPair, onSoftware }: Measuring,
): Promise<SpeculationReport> {
  const before = loadAverage();
  const opened: Runtime[] = [];
  const open = async (speculation: "auto" | "off") => {
    const runtime = await createRuntime({ ...options, speculation, signal });
    opened.push(runtime);
    return runtime;
  };
  try {
    const [auto, off] = [await open("auto"), await open("off")];
    if (auto.adapter.software) onSoftware(auto.adapter.name);
    const rounds = { rounds: samples, maxTokens, signal, onPair };
    const results = await measureSpeculation({ auto, off }, tasks, rounds);
    return {
      benchmark: "speculation",
      takenAt: new Date().toISOString(),
      machine: describeMachine(),
      loadAverage: [before, loadAverage()],
      adapter: auto.adapter,
      model: auto.model.name,
      precision: options.precision,
      samples,
      maxTokens,
      results,
    };
  } finally {
    await Promise.all(opened.map((runtime) => runtime.dispose()));
  }
}

function describe(report: SpeculationReport): string {
  const { adapter, machine, model, precision, samples, maxTokens, results } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const head = formatTable([
    ["adapter", `${adapter.name}${adapter.software ? " (software, slow)" : ""}, driver ${adapter.driver}`],
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no clone"}), Node ${machine.node}, Dawn ${machine.dawn}`,
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    ["model", `${model}, precision ${precision}`],
    ["samples", `${samples} rounds; greedy answers of at most ${maxTokens} tokens, the same text both ways`],
  ]);
  const rows = results.map(({ id, repeated, decodeMs, speed, cpuSpeed, drafted, accepted, bar, met }) => [
    id,
    `${(100 * repeated).toFixed(0)}%`,
    range(decodeMs.off, 0),
    range(decodeMs.auto, 0),
    range(speed, 2),
    range(cpuSpeed, 2),
    `${accepted.median} of ${drafted.median}`,
    `${bar.toFixed(2)} ${met ? "met" : "missed"}`,
  ]);
  const columns = ["", "repeated", "ms off", "ms auto", "speed", "by CPU time", "drafts right", "bar"];
  return `${head}\n${formatTable([columns, ...rows])}`;
}

function range({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}
