import type { Command } from "commander";
import { type AnswerOptions, addAnswerOptions, sendOptions } from "../answer_options.ts";
import { chat } from "../chat.ts";
import type { Io } from "../io.ts";
import { addModelOptions, type ModelOptions } from "../model_options.ts";
import { withRuntime } from "../with_runtime.ts";

interface ChatOptions extends ModelOptions, AnswerOptions {
  readonly system?: string;
}

const HELP = `
Ctrl-C stops the answer; at an empty prompt it ends the chat, as Ctrl-D and /exit do.
Without a terminal each line of stdin is a message; with --json each answer is one line of JSON.

Examples:
  $ baton chat
  $ baton chat --system "You are a pirate." --temperature 0.8
  $ printf 'Hello\\nWho are you?\\n' | baton chat --json
`;

export function addChat(program: Command, io: Io): void {
  const command = program
    .command("chat")
    .description("Talk with a model.")
    .option("--system <text>", "system prompt");
  addAnswerOptions(addModelOptions(command), 1024).addHelpText("after", HELP);
  command.action(async (options: ChatOptions) => {
    const send = sendOptions(options);
    const { system, json = false, quiet = false } = options;
    await withRuntime(io, options, (runtime) =>
      chat(io, runtime.conversation(system === undefined ? {} : { system }), { send, json, quiet }),
    );
  });
}
