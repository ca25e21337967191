import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { addModelOptions, type ModelOptions, parseNumber, runtimeOptions } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { shapes } from "../src/model/shapes.ts";
import { checkRuntimeOptions } from "../src/runtime_options.ts";
import { chooseCases, chooseProfiled, engineCases } from "./cases.ts";
import { compareReports, readReport, readWholeReport } from "./compare.ts";
import { describeReport } from "./describe.ts";
import { type EngineJob, runEngineJob } from "./engine_job.ts";
import type { ChromeTrace } from "./trace.ts";

interface EngineOptions extends ModelOptions {
  readonly weights: string;
  readonly shape?: string;
  readonly samples: number;
  readonly seed: number;
  readonly only?: string;
  readonly profile?: string;
  readonly starts?: number;
  readonly tuned?: boolean;
  readonly trace?: string;
  readonly in: string;
  readonly compare?: string;
}

const DEFAULT_SHAPE = "smollm2-135m";
const DEFAULT_STARTS = 2;

const HELP = `
Measured: prefill of 32, 128, 512 and 2048 tokens; decode of one sequence after 0, 128, 512 and 2048 tokens; decode of
2, 4, 8 and 16 sequences after 128 tokens each; what the adapter itself can do; how long a process takes to its first
token; where the time of some steps goes. All is warmed up and checked first, then measured round by round.

Shapes: ${Object.keys(shapes).join(", ")}.
Measurements for --only and --profile: prefill, decode, batch, ${engineCases.map(({ id }) => id).join(", ")}.

Examples:
  $ npm run -s bench -- engine
  $ npm run -s bench -- engine --weights random --shape qwen3-0.6b --only decode
  $ npm run -s bench -- engine --only decode-context-128 --profile decode --samples 1
  $ npm run -s bench -- engine --json > new.json
  $ npm run -s bench -- engine --compare old.json
`;

export function addEngine(program: Command, io: Io): void {
  const command = program
    .command("engine")
    .description("Measure prefill and decode of one device, step by step.")
    .option("--weights <kind>", "file: the model's own; random: of a named shape, without any file", "file")
    .option("--shape <name>", `shape of the random weights (default: "${DEFAULT_SHAPE}")`)
    .option(
      "--samples <number>",
      "rounds: samples of each measurement, half as many of long prompts",
      parseNumber("--samples"),
      5,
    )
    .option("--seed <number>", "of prompts and random weights", parseNumber("--seed"), 0)
    .option("--only <names>", "some of the measurements, separated by commas")
    .option(
      "--profile <names>",
      "of these a step is profiled, kernel by kernel; none for none (default: three)",
    )
    .option(
      "--starts <number>",
      "cold and warm starts of a process, to its first token (default: 2; 0 with --only, and for a page)",
      parseNumber("--starts"),
    )
    .option(
      "--tuned",
      "with the kernels that `baton tune` found here for the model (default: those of the adapter's class)",
    )
    .option("--in <place>", "node, or page: measure in a page of Chromium", "node")
    .option("--trace <file>", "writes all steps there, for chrome://tracing or ui.perfetto.dev")
    .option("--compare <report>", "JSON report to show ratios to");
  addModelOptions(command).addHelpText("after", HELP);
  command.action((options: EngineOptions) =>
    benchEngine(io, options, command.getOptionValueSource("model") !== "default"),
  );
}

/** A kept report as a person reads it. */
export function addShow(program: Command, io: Io): void {
  program
    .command("show")
    .description("Print a report that was kept as JSON.")
    .argument("<report>", "what `engine --json` printed")
    .action(async (path: string) => print(io, describeReport(await readWholeReport(path))));
}

async function benchEngine(io: Io, options: EngineOptions, modelGiven: boolean): Promise<void> {
  const job = checkOptions(options, modelGiven);
  const old = options.compare === undefined ? undefined : await readReport(options.compare);
  const quiet = options.quiet === true;
  const progress = createProgress(io, quiet);
  const onSoftware = (name: string) => {
    if (!quiet) say(io, `${name} is a software adapter: everything is slow on it.`);
  };
  const onProgress = progress.report.bind(progress);
  const { report, trace } = await interruptible(io, (signal) =>
    runEngineJob(job, { onSoftware, onProgress, signal }),
  ).finally(() => progress.stop());
  if (options.trace !== undefined) await writeTrace(options.trace, trace.toChrome(report.model.name));
  const full = old === undefined ? report : { ...report, comparison: compareReports(report, old) };
  await (options.json ? printJson(io, full) : print(io, describeReport(full)));
}

/** Before a device is opened. @throws InputError `invalid-option` */
function checkOptions(options: EngineOptions, modelGiven: boolean): EngineJob {
  const { weights, samples, seed, in: place } = options;
  if (place !== "node" && place !== "page") throw invalidOption("--in", place, "node or page");
  const random = weights === "random";
  if (!random && weights !== "file") throw invalidOption("--weights", weights, "file or random");
  if (random && modelGiven) {
    throw invalidOption(
      "--model",
      options.model,
      "left out where the weights are random; --shape names them",
    );
  }
  if (!random && options.shape !== undefined) {
    throw invalidOption("--shape", options.shape, "given with --weights random");
  }
  const name = options.shape ?? DEFAULT_SHAPE;
  const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
  if (!shape) throw invalidOption("--shape", name, `one of ${Object.keys(shapes).join(", ")}`);
  const cases = chooseCases(options.only);
  const starts = options.starts ?? (options.only === undefined && place === "node" ? DEFAULT_STARTS : 0);
  if (place === "page" && starts !== 0) {
    throw invalidOption("--starts", starts, "0 where a page measures: no process is started for it");
  }
  const tuned = options.tuned === true;
  if (place === "page" && tuned)
    throw invalidOption("--tuned", tuned, "left out where a page measures: it has not tuned");
  return {
    runtime: checkRuntimeOptions(runtimeOptions(options)),
    model: random ? name : options.model,
    shape: random ? shape : undefined,
    samples: checkNumber("--samples", samples, { min: 1, max: 1000, integer: true }),
    seed: checkNumber("--seed", seed, { min: 0, below: 2 ** 32, integer: true }),
    cases,
    profile: chooseProfiled(options.profile, cases),
    place,
    tuned,
    starts: checkNumber("--starts", starts, { min: 0, max: 100, integer: true }),
  };
}

/** @throws InputError `invalid-option` */
async function writeTrace(path: string, trace: ChromeTrace): Promise<void> {
  await writeFile(path, JSON.stringify(trace)).catch((cause: NodeJS.ErrnoException) => {
    throw invalidOption("--trace", path, `the path of a file that can be written (${cause.code})`);
  });
}
