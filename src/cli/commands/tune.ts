import type { Command } from "commander";
import type { TuneOptions, TuneResult } from "../../api.ts";
import { checkNumber } from "../../conversation/option_checks.ts";
import { assertTunable } from "../../tuner/tune.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, print, printJson } from "../io.ts";
import { addModelOptions, type ModelOptions, parseNumber } from "../model_options.ts";
import { createProgress } from "../progress_display.ts";
import { describeTuning } from "../tuning_table.ts";
import { withRuntime } from "../with_runtime.ts";

interface TuneCommandOptions extends ModelOptions {
  readonly budgetS?: number;
}

const HELP = `
What is found is remembered for this adapter, its driver, this version and models of this shape, and taken at the next start.
\`baton devices --kernels\` shows it. Numeric classes are never mixed, and "exact" has nothing to tune.

Examples:
  $ baton tune
  $ baton tune --model ./my-model.gguf --budget-s 60
  $ baton tune --adapter llvmpipe --json
`;

export function addTune(program: Command, io: Io): void {
  const command = program
    .command("tune")
    .description("Measure which kernels are best for a model on an adapter, and remember it.")
    .option(
      "--budget-s <seconds>",
      "most seconds to measure (default: 20 on a software adapter, 3 on a GPU)",
      parseNumber("--budget-s"),
    );
  addModelOptions(command).addHelpText("after", HELP);
  command.action((options: TuneCommandOptions) => tuneModel(io, options));
}

async function tuneModel(io: Io, options: TuneCommandOptions): Promise<void> {
  // Both before the model is loaded.
  assertTunable(options);
  const { budgetS, json, quiet } = options;
  if (budgetS !== undefined) checkNumber("--budget-s", budgetS, { min: 0.1, max: 3600 });
  const result = await withRuntime(io, options, async (runtime) => {
    const progress = createProgress(io, quiet === true);
    const onProgress: TuneOptions["onProgress"] = (work) => progress.report(work);
    const given = budgetS === undefined ? {} : { budgetMs: budgetS * 1000 };
    return interruptible(io, (signal) => runtime.tune({ ...given, onProgress, signal })).finally(() =>
      progress.stop(),
    );
  });
  await (json ? printJson(io, result) : print(io, textOf(result)));
}

function textOf(result: TuneResult): string {
  const kept = result.remembered
    ? "Remembered: the next start takes these kernels."
    : "Not remembered: the cache folder cannot be written. Set BATON_CACHE to a folder that can.";
  return `${describeTuning(result)}${kept}\n`;
}
