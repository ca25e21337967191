import { type Metadata, optionalString } from "./metadata.ts";
import type { SpecialTokens } from "./vocabulary.ts";

/** For models without a template whose vocabulary was made for this one. */
const CHATML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`;

/** The file's chat template, or ChatML where the vocabulary has its tokens; undefined when there is neither. */
export function templateSource(metadata: Metadata, tokens: readonly string[]): string | undefined {
  const source = optionalString(metadata, "tokenizer.chat_template");
  if (source !== undefined) return source;
  return tokens.includes("<|im_start|>") && tokens.includes("<|im_end|>") ? CHATML : undefined;
}

/** The variables a template prints special tokens with, as transformers names them. */
export function specialTokenStrings(
  special: SpecialTokens,
  tokens: readonly string[],
): Readonly<Record<string, string>> {
  const ids = {
    bos_token: special.bos,
    eos_token: special.eos,
    unk_token: special.unknown,
    pad_token: special.padding,
  };
  const strings: Record<string, string> = {};
  for (const [name, id] of Object.entries(ids)) {
    const token = id === undefined ? undefined : tokens[id];
    if (token !== undefined) strings[name] = token;
  }
  return strings;
}
