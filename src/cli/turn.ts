import type { Conversation, DonePart, SendOptions } from "../api.ts";

/** One prompt and what came of it. */
export interface Turn extends Omit<DonePart, "type"> {
  readonly prompt: string;
  readonly text: string;
}

/** Sends one prompt and shows the answer as it comes. */
export async function runTurn(
  conversation: Conversation,
  prompt: string,
  options: SendOptions,
  show: (text: string) => Promise<void>,
): Promise<Turn> {
  let text = "";
  for await (const part of conversation.send(prompt, options)) {
    if (part.type === "done") {
      const { finishReason, usage, timings } = part;
      return { prompt, text, finishReason, usage, timings };
    }
    if (part.type !== "text") continue;
    text += part.text;
    await show(part.text);
  }
  throw new Error("an answer ended without its last part");
}
