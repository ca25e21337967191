import { Command } from "commander";
import { version } from "../../package.json";
import { addChat } from "./commands/chat.ts";
import { addDevices } from "./commands/devices.ts";
import { addEval } from "./commands/eval.ts";
import { addModels } from "./commands/models.ts";
import { addProvision } from "./commands/provision.ts";
import { addRun } from "./commands/run.ts";
import { addSimulate } from "./commands/simulate.ts";
import { addStart } from "./commands/start.ts";
import { addTune } from "./commands/tune.ts";
import { fail } from "./failure.ts";
import type { Io } from "./io.ts";

/** One line per command; a command adds itself to the program. */
const commands: readonly ((program: Command, io: Io) => void)[] = [
  addStart,
  addRun,
  addChat,
  addEval,
  addModels,
  addDevices,
  addTune,
  addSimulate,
  addProvision,
];

const ENVIRONMENT = `
Environment:
  BATON_ADAPTER  part of the name of the adapter to use
  BATON_CACHE    folder for what was downloaded
  BATON_DEBUG    set: errors come with their stack
  NO_COLOR       set: no colours

Examples:
  $ baton start
  $ baton run "Why is the sky blue?"
  $ baton chat --model ./my-model.gguf
`;

/** Runs the program with `args` (without Node and the script). Never throws; returns the exit status. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  // A write that fails says so through its callback; without a listener it would end the process as well.
  for (const stream of [io.stdout, io.stderr]) stream.on("error", () => {});
  try {
    await createProgram(io).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return await fail(error, io, args.includes("--json"));
  }
}

function createProgram(io: Io): Command {
  const program = new Command("baton");
  program
    .description("Runs small language models on WebGPU.")
    .version(version, "--version", "print the version")
    .helpOption("--help", "print help")
    .helpCommand("help [command]", "print help on a command")
    .showHelpAfterError("(add --help for what there is)")
    .addHelpText("after", ENVIRONMENT)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    });
  for (const add of commands) add(program, io);
  return program;
}
