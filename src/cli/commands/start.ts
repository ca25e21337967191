import type { Command } from "commander";
import type { Conversation, Runtime, SendOptions } from "../../api.ts";
import { checkPrompt } from "../../conversation/send_options.ts";
import { type AnswerOptions, addAnswerOptions, sendOptions } from "../answer_options.ts";
import { chat } from "../chat.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, isInteractive, print, printJson } from "../io.ts";
import { describeMeasurements, measure } from "../measurements.ts";
import { addModelOptions, type ModelOptions } from "../model_options.ts";
import { styleOf } from "../style.ts";
import { runTurn, type Turn } from "../turn.ts";
import { withRuntime } from "../with_runtime.ts";

interface StartOptions extends ModelOptions, AnswerOptions {}

const SYSTEM = "You are a helpful AI assistant who answers in one or two sentences.";
const PROMPTS = [
  "What is the capital of France?",
  "Which river flows through it?",
  "Name one thing to see there, and say why.",
];

const HELP = `
Without a prompt: a short conversation of three turns. Then what was measured. On a terminal, a chat follows.

Examples:
  $ baton start
  $ baton start "Why is the sky blue?"
`;

export function addStart(program: Command, io: Io): void {
  const command = program
    .command("start")
    .description("Show what Baton does: a short conversation, and what was measured.")
    .argument("[prompt...]", "the only turn, in place of the conversation");
  addAnswerOptions(addModelOptions(command), 256).addHelpText("after", HELP);
  command.action((words: string[], options: StartOptions) => start(io, words, options));
}

async function start(io: Io, words: readonly string[], options: StartOptions): Promise<void> {
  const prompts = words.length > 0 ? [words.join(" ")] : PROMPTS;
  for (const prompt of prompts) checkPrompt(prompt);
  const send = sendOptions(options);
  await withRuntime(io, options, async (runtime) => {
    const conversation = runtime.conversation({ system: SYSTEM });
    const turns = await converse(io, conversation, prompts, send, options.json === true);
    await report(io, runtime, turns, options.json === true);
    if (isInteractive(io) && !options.json)
      await chat(io, conversation, { send, json: false, quiet: options.quiet === true });
  });
}

async function converse(
  io: Io,
  conversation: Conversation,
  prompts: readonly string[],
  send: SendOptions,
  json: boolean,
): Promise<Turn[]> {
  const { bold, dim } = styleOf(io.stdout, io);
  const show = async (text: string) => (json ? undefined : await print(io, text));
  return interruptible(io, async (signal) => {
    await show(`${dim(`system: ${SYSTEM}`)}\n`);
    const turns: Turn[] = [];
    for (const prompt of prompts) {
      await show(`\n${bold(`> ${prompt}`)}\n`);
      turns.push(await runTurn(conversation, prompt, { ...send, signal }, show));
      await show("\n");
      signal.throwIfAborted();
    }
    return turns;
  });
}

async function report(io: Io, runtime: Runtime, turns: readonly Turn[], json: boolean): Promise<void> {
  const measured = measure(runtime, turns);
  if (json) return printJson(io, { turns, measured });
  const { bold } = styleOf(io.stdout, io);
  await print(io, `\n${bold("measured")}\n${describeMeasurements(measured, runtime.model)}`);
}
