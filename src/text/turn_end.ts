import { AddedTokens } from "./added_tokens.ts";
import type { Metadata } from "./metadata.ts";
import { type ChatMessage, compileTemplate } from "./template.ts";
import { specialTokenStrings, templateSource } from "./template_source.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** An answer that no template contains, to find where a template prints it. */
const PROBE = "\u{F0000}answer\u{F0000}";

/**
 * The added token that the chat template prints right after an answer, apart from white space. Undefined when there is no
 * such token, and when the template cannot be rendered: who then uses the template learns why.
 */
export function turnEndToken(metadata: Metadata, vocabulary: Vocabulary): number | undefined {
  const { tokens, control, userDefined } = vocabulary;
  const parts = new AddedTokens(tokens, [...control, ...userDefined]).cut(renderProbe(metadata, vocabulary));
  const answer = parts.findIndex((part) => typeof part === "string" && part.includes(PROBE));
  const text = parts[answer];
  if (typeof text !== "string" || text.split(PROBE).pop()?.trim() !== "") return undefined;
  const next = parts[answer + 1];
  return typeof next === "number" ? next : undefined;
}

function renderProbe(metadata: Metadata, { special, tokens }: Vocabulary): string {
  const source = templateSource(metadata, tokens);
  if (source === undefined) return "";
  const messages: ChatMessage[] = [
    { role: "user", content: "Hello" },
    { role: "assistant", content: PROBE },
  ];
  const specialTokens = specialTokenStrings(special, tokens);
  try {
    return compileTemplate(source)({
      messages,
      tools: [],
      addGenerationPrompt: false,
      specialTokens,
      now: new Date(0),
    });
  } catch {
    return "";
  }
}
