import { InputError } from "../errors.ts";
import { isJsonObject, type Message, type ToolDefinition } from "../protocol/chat.ts";
import { type Metadata, optionalStrings } from "./metadata.ts";
import { type ChatMessage, compileTemplate, type Render } from "./template.ts";
import { specialTokenStrings, templateSource } from "./template_source.ts";
import type { Piece, Tokenizer } from "./tokenizer.ts";
import { withPreamble } from "./tools/preamble.ts";
import { type ToolCallStyle, toolCallStyle } from "./tools/style.ts";
import { readSpecialTokens } from "./vocabulary.ts";

/**
 * Conversations to ids by the model's chat template. Control tokens come from the template alone: their strings inside a message
 * stay text. For this a character that occurs nowhere is put into them before rendering, and taken out of the text between the
 * template's own control tokens afterwards; all other text reaches the template as it is, so that it may trim and test it.
 */
export interface ChatTemplate {
  /** @throws InputError `invalid-template`, with the template's own message */
  encode(
    messages: readonly Message[],
    options: { readonly generationPrompt: boolean; readonly tools?: readonly ToolDefinition[] },
  ): number[];
  /** How the next turn goes on from a conversation's cache. @throws InputError `invalid-template` */
  continuation(history: ChatHistory, next: readonly Message[]): Continuation;
  /** How the model writes tool calls. */
  readonly toolCalls: ToolCallStyle;
}

export interface ChatHistory {
  /** All messages so far, the last answer included. */
  readonly messages: readonly Message[];
  readonly tools?: readonly ToolDefinition[];
  /** Tokens in the cache: earlier prompts and what the model really generated. */
  readonly cached: readonly number[];
}

/** The model is to see `cached[0..keep)`, then `append`, which ends in the generation prompt and is never empty. */
export interface Continuation {
  readonly keep: number;
  readonly append: number[];
}

/**
 * Never throws for a bad template: a model can be used without one.
 * @param now the time for templates that print the date
 */
export function createChatTemplate(
  metadata: Metadata,
  tokenizer: Tokenizer,
  now: () => Date = () => new Date(),
): ChatTemplate {
  const tokens = optionalStrings(metadata, "tokenizer.ggml.tokens") ?? [];
  const source = templateSource(metadata, tokens);
  const specialTokens = specialTokenStrings(readSpecialTokens(metadata, tokens.length), tokens);
  let compiled: Render | undefined;

  const toolCalls = toolCallStyle(source ?? "");

  const pieces = (
    messages: readonly Message[],
    tools: readonly ToolDefinition[],
    addGenerationPrompt: boolean,
  ): Piece[] => {
    compiled ??= compileTemplate(requireSource(source));
    const told = {
      messages: toolCalls.inTemplate
        ? messages.map((message) => asTemplateMessage(message, toolCalls))
        : withPreamble(messages, tools, toolCalls),
      tools: toolCalls.inTemplate ? tools : [],
    };
    const mark = unusedCharacter(`${source}${JSON.stringify(told)}`);
    const shielded = mapStrings(told, (text) => tokenizer.shield(text, mark));
    const text = compiled({ ...shielded, addGenerationPrompt, specialTokens, now: now() });
    return tokenizer.pieces(text, mark);
  };

  return {
    toolCalls,
    encode: (messages, { generationPrompt, tools = [] }) =>
      tokenizer.encodePieces(pieces(messages, tools, generationPrompt)),
    continuation: ({ messages, tools = [], cached }, next) =>
      continueFrom(tokenizer, cached, pieces([...messages, ...next], tools, true)),
  };
}

function asTemplateMessage(message: Message, style: ToolCallStyle): ChatMessage {
  if (message.role === "assistant") return { role: "assistant", content: style.write(message) };
  if (message.role === "tool") return { role: "tool", content: message.content, name: message.name };
  return { role: message.role, content: message.content };
}

/** The same data with every text in it changed, the names of fields too. */
function mapStrings<T>(value: T, change: (text: string) => string): T {
  const map = (item: unknown): unknown => {
    if (typeof item === "string") return change(item);
    if (Array.isArray(item)) return item.map(map);
    if (!isJsonObject(item)) return item;
    return Object.fromEntries(Object.entries(item).map(([key, inner]) => [change(key), map(inner)]));
  };
  return map(value) as T;
}

function requireSource(source: string | undefined): string {
  if (source !== undefined) return source;
  throw new InputError(
    "invalid-template",
    "The model's file has no chat template, and its vocabulary none of the tokens of ChatML; use a model made for chat, or pass token ids.",
  );
}

/** A private-use character that is not in the text. */
function unusedCharacter(text: string): string {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) return character;
  }
  throw new InputError(
    "invalid-template",
    "The messages use every private-use character of Unicode; leave one out.",
  );
}

/**
 * Goes on where the cache reads as the beginning of `wanted`, whatever tokens the model chose for it. Where it does not (a
 * template that rewrites history) it goes back to the last control token up to which it does, and keeps beyond it the tokens
 * that the new text shares.
 */
function continueFrom(
  tokenizer: Tokenizer,
  cached: readonly number[],
  wanted: readonly Piece[],
): Continuation {
  const seen = tokenizer.decodePieces(cached);
  let same = 0;
  while (same < seen.length && seen[same]?.piece === wanted[same]) same++;
  const rest = wanted.slice(same);
  if (same === seen.length) return join(cached, cached.length, tokenizer.encodePieces(rest));
  const [text, longer] = [seen[same]?.piece, rest[0]];
  const isLast = same === seen.length - 1;
  if (isLast && typeof text === "string" && typeof longer === "string" && longer.startsWith(text)) {
    rest[0] = longer.slice(text.length);
    return join(cached, cached.length, tokenizer.encodePieces(rest));
  }
  return join(cached, seen[same - 1]?.end ?? 0, tokenizer.encodePieces(rest));
}

/** `cached[0..boundary)` and then `ids`, with as much as possible of them taken from the cache, but one token at least to run. */
function join(cached: readonly number[], boundary: number, ids: readonly number[]): Continuation {
  const whole = [...cached.slice(0, boundary), ...ids];
  let keep = boundary;
  while (keep < whole.length && keep < cached.length && whole[keep] === cached[keep]) keep++;
  keep = Math.max(0, Math.min(keep, whole.length - 1));
  return { keep, append: whole.slice(keep) };
}
