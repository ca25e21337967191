import type { Command } from "commander";
import type { SamplingOptions, SendOptions } from "../api.ts";
import { checkSendOptions } from "../conversation/send_options.ts";
import { parseNumber } from "./model_options.ts";

/** How answers are chosen and where they end, as commander reads it. */
export interface AnswerOptions extends SamplingOptions {
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
  readonly stopToken?: readonly number[];
}

/** Before a model is loaded nobody knows its vocabulary; ids are checked again when they are sent. */
const ANY_MODEL = { vocabTokens: 2 ** 32, contextTokens: 1 };

export function addAnswerOptions(command: Command, maxTokens: number): Command {
  const number = (flag: string, about: string) =>
    command.option(`${flag} <number>`, about, parseNumber(flag));
  number("--temperature", "0 is greedy; more is more random (default: 0)");
  number("--top-k", "keep the K likeliest tokens; 0 keeps all (default: 0)");
  number("--top-p", "keep the likeliest tokens up to this probability (default: 1)");
  number("--min-p", "keep tokens at least this likely relative to the likeliest (default: 0)");
  number("--repetition-penalty", "divides the logits of tokens seen before (default: 1)");
  number("--presence-penalty", "subtracted once from tokens of the answer (default: 0)");
  number("--frequency-penalty", "subtracted per occurrence in the answer (default: 0)");
  number("--seed", "same seed, same text on the same adapter (default: random)");
  return command
    .option("--max-tokens <number>", "most tokens of an answer", parseNumber("--max-tokens"), maxTokens)
    .option("--stop <text>", "end the answer at this text, which is not shown; may be repeated", collect)
    .option("--stop-token <id>", "end the answer at this token; may be repeated", collectNumber);
}

/** Checked as far as that goes without a model. @throws InputError `invalid-option` */
export function sendOptions(options: AnswerOptions): SendOptions {
  const { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty } = options;
  const { seed, maxTokens, stop, stopToken: stopTokens } = options;
  const sampling = {
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    presencePenalty,
    frequencyPenalty,
    seed,
  };
  const all = Object.entries({ ...sampling, maxTokens, stop, stopTokens });
  const given: SendOptions = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  checkSendOptions(given, ANY_MODEL);
  return given;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function collectNumber(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseNumber("--stop-token")(text)];
}
