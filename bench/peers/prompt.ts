import type { GgufFile } from "../../src/loader/gguf.ts";
import { TensorTable, vocabOf } from "../../src/model/tensor_table.ts";
import { createChatTemplate } from "../../src/text/chat.ts";
import { createTokenizer } from "../../src/text/tokenizer.ts";

/** A message whose chat prompt has exactly the wanted number of tokens. */

export interface Prompt {
  readonly text: string;
  readonly ids: readonly number[];
}

/** Natural text, so that greedy decoding is no lottery, and a wish that takes a long answer. */
const TEXT = `Please write a long story for children about a lighthouse keeper, her grandson and a small grey cat who live on an island far
out in the sea. One winter night the lamp goes out, a storm comes up from the west, and a ship with forty people on board sails towards
the rocks. Tell me how the three of them find the old ship's bell in the cellar, carry it up all the stairs together, and ring it until
the morning, and what the captain brings them when spring comes. Describe the sea, the wind, the smell of the oil, the sound of the bell
and the colours of the sky as well as you can. Begin with the weather on that evening, let everyone speak in their own words, and end
with the cat asleep on the captain's hat. Do not hurry: the children like it best when a story is long and nothing is left out.`;

/** @throws Error where no beginning of the text gives that many tokens */
export function createPrompt(file: GgufFile, tokens: number): Prompt {
  const tokenizer = createTokenizer(file.metadata, vocabOf(new TensorTable(file)));
  const template = createChatTemplate(file.metadata, tokenizer);
  return cutPrompt(tokens, (content) =>
    template.encode([{ role: "user", content }], { generationPrompt: true }),
  );
}

/** The longest beginning of the text that `encode` makes that many tokens of. */
export function cutPrompt(tokens: number, encode: (text: string) => number[]): Prompt {
  const line = TEXT.replaceAll("\n", " ");
  for (let length = line.length; length > 0; length--) {
    const text = line.slice(0, length).trimEnd();
    const ids = encode(text);
    if (ids.length === tokens) return { text, ids };
  }
  throw new RangeError(`no beginning of the prompt's text has ${tokens} tokens`);
}
