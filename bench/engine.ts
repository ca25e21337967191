import type { Command } from "commander";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { addModelOptions, type ModelOptions, parseNumber, runtimeOptions } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { checkRuntimeOptions } from "../src/runtime_options.ts";
import { chooseCases, engineCases } from "./cases.ts";
import { compareReports, readReport } from "./compare.ts";
import { type EngineJob, runEngineJob } from "./engine_job.ts";
import { describeReport } from "./report.ts";
import { shapes } from "./shapes.ts";

interface EngineOptions extends ModelOptions {
  readonly weights: string;
  readonly shape?: string;
  readonly samples: number;
  readonly seed: number;
  readonly only?: string;
  readonly compare?: string;
}

const DEFAULT_SHAPE = "smollm2-135m";

const HELP = `
Measured: prefill of 32, 128 and 512 tokens; decode of one sequence after 0, 128 and 512 tokens; decode of 2, 4 and 8
sequences after 128 tokens each. Everything is warmed up and checked first, then measured round by round.

Shapes: ${Object.keys(shapes).join(", ")}.
Measurements for --only: prefill, decode, batch, ${engineCases.map(({ id }) => id).join(", ")}.

Examples:
  $ npm run -s bench -- engine
  $ npm run -s bench -- engine --weights random --shape qwen3-0.6b --only decode
  $ npm run -s bench -- engine --json > new.json
  $ npm run -s bench -- engine --compare old.json
`;

export function addEngine(program: Command, io: Io): void {
  const command = program
    .command("engine")
    .description("Measure prefill and decode of one device, step by step.")
    .option("--weights <kind>", "file: the model's own; random: of a named shape, without any file", "file")
    .option("--shape <name>", `shape of the random weights (default: "${DEFAULT_SHAPE}")`)
    .option("--samples <number>", "samples of each measurement", parseNumber("--samples"), 5)
    .option("--seed <number>", "of prompts and random weights", parseNumber("--seed"), 0)
    .option("--only <names>", "some of the measurements, separated by commas")
    .option("--compare <report>", "JSON report to show ratios to");
  addModelOptions(command).addHelpText("after", HELP);
  command.action((options: EngineOptions) =>
    benchEngine(io, options, command.getOptionValueSource("model") !== "default"),
  );
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
  const report = await interruptible(io, (signal) =>
    runEngineJob(job, { onSoftware, onProgress, signal }),
  ).finally(() => progress.stop());
  const full = old === undefined ? report : { ...report, comparison: compareReports(report, old) };
  await (options.json ? printJson(io, full) : print(io, describeReport(full)));
}

/** Before a device is opened. @throws InputError `invalid-option` */
function checkOptions(options: EngineOptions, modelGiven: boolean): EngineJob {
  const { weights, samples, seed } = options;
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
  return {
    runtime: checkRuntimeOptions(runtimeOptions(options)),
    model: random ? name : options.model,
    shape: random ? shape : undefined,
    samples: checkNumber("--samples", samples, { min: 1, max: 1000, integer: true }),
    seed: checkNumber("--seed", seed, { min: 0, below: 2 ** 32, integer: true }),
    cases: chooseCases(options.only),
  };
}
