import type { Conversation, SendOptions } from "../api.ts";
import { CapacityError, InputError } from "../errors.ts";
import { fail } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { type Io, isInteractive, print, printJson, say } from "./io.ts";
import { describeTurn } from "./measurements.ts";
import { Prompter } from "./prompter.ts";
import { styleOf } from "./style.ts";
import { runTurn } from "./turn.ts";

export interface ChatSettings {
  readonly send: SendOptions;
  /** Each answer is one line of JSON. */
  readonly json: boolean;
  /** No figures after an answer. */
  readonly quiet: boolean;
}

/** Lines in, answers out, until the lines end. */
export async function chat(io: Io, conversation: Conversation, settings: ChatSettings): Promise<void> {
  const onTerminal = isInteractive(io);
  const { dim } = styleOf(io.stderr, io);
  if (onTerminal) say(io, dim("\nType a message. Ctrl-C stops an answer; Ctrl-D or /exit ends."));
  const prompter = new Prompter(io, "> ");
  try {
    for (;;) {
      const line = (await prompter.next())?.trim();
      if (line === undefined || line === "/exit") break;
      if (line === "") continue;
      const work = (signal: AbortSignal) => answer(io, conversation, line, { ...settings, signal });
      // A terminal's Ctrl-C comes through readline; elsewhere it ends the program.
      await (onTerminal
        ? prompter.answering((signal) => forgiving(io, () => work(signal)))
        : interruptible(io, work));
    }
  } finally {
    prompter.close();
  }
}

async function answer(
  io: Io,
  conversation: Conversation,
  prompt: string,
  { send, json, quiet, signal }: ChatSettings & { readonly signal: AbortSignal },
): Promise<void> {
  const show = async (text: string) => (json ? undefined : await print(io, text));
  const turn = await runTurn(conversation, prompt, { ...send, signal }, show);
  if (json) return printJson(io, turn);
  await print(io, "\n");
  if (!quiet) say(io, styleOf(io.stderr, io).dim(describeTurn(turn)));
}

/** What only the one turn suffers from is said to the person, who can go on. */
async function forgiving(io: Io, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof InputError || error instanceof CapacityError)) throw error;
    await fail(error, io, false);
  }
}
