import type { ResponseFormat, SendOptions, ToolChoice, ToolDefinition } from "../api.ts";
import { isJsonObject } from "../protocol/chat.ts";
import type { SamplingOptions } from "../protocol/sampling.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import {
  checkBoolean,
  checkNumber,
  checkObject,
  checkOptionalNumber,
  checkSignal,
  checkTokens,
  invalidOption,
  type Range,
} from "./option_checks.ts";

/** A turn's options, checked, with every default filled in. */
export interface TurnOptions {
  readonly sampling: Required<SamplingOptions>;
  readonly maxTokens: number;
  readonly priority: number;
  readonly stop: readonly string[];
  readonly stopTokens: readonly number[];
  readonly toolChoice: ToolChoice;
  readonly constrained: boolean;
  readonly responseFormat: ResponseFormat | undefined;
  readonly signal: AbortSignal | undefined;
}

const samplingRanges = {
  temperature: { min: 0, max: 100 },
  topK: { min: 0, integer: true },
  topP: { above: 0, max: 1 },
  minP: { min: 0, below: 1 },
  repetitionPenalty: { above: 0, max: 10 },
  presencePenalty: { min: -2, max: 2 },
  frequencyPenalty: { min: -2, max: 2 },
  seed: { min: 0, below: 2 ** 32, integer: true },
} as const satisfies Record<keyof SamplingOptions, Range>;

/** Always the likeliest token. */
export const greedy: Required<SamplingOptions> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0,
};

/** @throws InputError `invalid-option` */
export function checkSendOptions(
  options: SendOptions,
  { vocabTokens, contextTokens }: Pick<RunnerLimits, "vocabTokens" | "contextTokens">,
  tools: readonly ToolDefinition[] = [],
): TurnOptions {
  checkObject("options", options);
  checkSignal(options.signal);
  return {
    sampling: checkSampling(options),
    maxTokens:
      checkOptionalNumber("maxTokens", options.maxTokens, { min: 1, integer: true }) ?? contextTokens,
    priority: checkNumber("priority", options.priority ?? 0, { min: -1000, max: 1000 }),
    stop: checkStop(options.stop ?? []),
    stopTokens: checkTokens("stopTokens", options.stopTokens ?? [], vocabTokens),
    toolChoice: checkToolChoice(options.toolChoice ?? "auto", tools),
    constrained: checkBoolean("constrained", options.constrained ?? false),
    responseFormat: checkResponseFormat(options.responseFormat),
    signal: options.signal,
  };
}

function checkSampling(options: SamplingOptions): Required<SamplingOptions> {
  const sampling = { ...greedy, seed: options.seed ?? randomSeed() };
  for (const [option, range] of Object.entries(samplingRanges)) {
    const name = option as keyof SamplingOptions;
    sampling[name] = checkNumber(name, options[name] ?? sampling[name], range);
  }
  return sampling;
}

function checkStop(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.some((stop) => typeof stop !== "string" || stop === "")) {
    throw invalidOption("stop", value, "a list of texts that are not empty");
  }
  return value;
}

function checkToolChoice(choice: unknown, tools: readonly ToolDefinition[]): ToolChoice {
  if (choice === "auto" || choice === "none") return choice;
  if (choice === "required" && tools.length > 0) return choice;
  const named = isJsonObject(choice) ? tools.find(({ name }) => name === choice.tool) : undefined;
  if (named !== undefined) return { tool: named.name };
  const names = tools.map(({ name }) => name).join(", ");
  const expected = `"auto", "none"${names === "" ? "" : `, "required" or { tool } of ${names}`}`;
  throw invalidOption("toolChoice", choice, expected);
}

function checkResponseFormat(format: unknown): ResponseFormat | undefined {
  if (format === undefined) return undefined;
  const { type, schema } = isJsonObject(format) ? format : {};
  if (type === "json" && schema === undefined) return { type };
  if (type === "json" && isJsonObject(schema)) return { type, schema };
  throw invalidOption("responseFormat", format, '{ type: "json" }, with a JSON schema or without');
}

function randomSeed(): number {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}
