import type { Command } from "commander";
import { checkInput } from "../../conversation/message_checks.ts";
import { type AnswerOptions, addAnswerOptions, sendOptions } from "../answer_options.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, print, printJson, say } from "../io.ts";
import { describeTurn, measure } from "../measurements.ts";
import { addModelOptions, type ModelOptions } from "../model_options.ts";
import { styleOf } from "../style.ts";
import { runTurn } from "../turn.ts";
import { withRuntime } from "../with_runtime.ts";

interface RunOptions extends ModelOptions, AnswerOptions {
  readonly system?: string;
}

const EXAMPLES = `
Examples:
  $ baton run "Why is the sky blue?"
  $ baton run --system "Answer in French." --temperature 0.7 --seed 1 "Who are you?"
  $ baton run --max-tokens 32 --stop "." --json "Name a river."
`;

export function addRun(program: Command, io: Io): void {
  const command = program
    .command("run")
    .description("Answer one prompt and end.")
    .argument("<prompt...>", "what to answer")
    .option("--system <text>", "system prompt");
  addAnswerOptions(addModelOptions(command), 512).addHelpText("after", EXAMPLES);
  command.action((words: string[], options: RunOptions) => run(io, words.join(" "), options));
}

async function run(io: Io, prompt: string, options: RunOptions): Promise<void> {
  // Both before the model is loaded.
  checkInput(prompt);
  const send = sendOptions(options);
  const { system, json, quiet } = options;
  await withRuntime(io, options, async (runtime) => {
    const conversation = runtime.conversation(system === undefined ? {} : { system });
    const show = async (text: string) => (json ? undefined : await print(io, text));
    const turn = await interruptible(io, (signal) =>
      runTurn(conversation, prompt, { ...send, signal }, show),
    );
    if (json) return printJson(io, { ...turn, measured: measure(runtime, [turn]) });
    await print(io, "\n");
    if (!quiet) say(io, styleOf(io.stderr, io).dim(describeTurn(turn)));
  });
}
