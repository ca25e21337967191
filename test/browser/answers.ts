import type { EvaluateResult, Part, Runtime, SendOptions } from "../../src/api.ts";

/** What is asked of the tiny model in a browser and in Node alike. */

export interface Answers {
  readonly evaluation: EvaluateResult;
  /** Two greedy conversations, one after the other and then at once: the answers to each prompt, in order. */
  readonly alone: readonly (readonly string[])[];
  readonly together: readonly (readonly string[])[];
}

const DIALOGUES = [
  ["Hello there", "And now?"],
  [`Numbers: ${"1234567890 ".repeat(12)}`, "Größe, naïve, 東京 🙂"],
] as const;

/** Long enough for several KV blocks, and for chunks that end inside one. */
export const EVALUATED = Array.from({ length: 90 }, (_, i) => 20 + ((i * 37) % 500));

export async function answersOf(runtime: Runtime): Promise<Answers> {
  const evaluation = await runtime.evaluate({ ids: EVALUATED, top: 3, generate: 24, chunkTokens: 23 });
  const alone: string[][] = [];
  for (const dialogue of DIALOGUES) alone.push(await answersIn(runtime, dialogue));
  const together = await Promise.all(DIALOGUES.map((dialogue) => answersIn(runtime, dialogue)));
  return { evaluation, alone, together };
}

async function answersIn(runtime: Runtime, dialogue: readonly string[]): Promise<string[]> {
  const conversation = runtime.conversation({ system: "Be brief." });
  const texts: string[] = [];
  for (const prompt of dialogue) {
    texts.push((await collect(conversation.send(prompt, { temperature: 0, maxTokens: 16 }))).text);
  }
  conversation.dispose();
  return texts;
}

export async function collect(parts: AsyncIterable<Part>) {
  let text = "";
  for await (const part of parts) {
    if (part.type === "done") return { text, ...part };
    if (part.type === "text") text += part.text;
  }
  throw new Error("The stream ended without its last part.");
}

/** The whole answer to one prompt in a conversation of its own. */
export function answer(runtime: Runtime, prompt: string, options: SendOptions = {}) {
  return collect(runtime.conversation().send(prompt, { temperature: 0, maxTokens: 12, ...options }));
}
