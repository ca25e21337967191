import type { SamplingOptions } from "../api.ts";
import {
  checkBoolean,
  checkFunction,
  checkNumber,
  checkObject,
  checkText,
  invalidOption,
} from "../conversation/option_checks.ts";
import { checkPersistOptions } from "../persist/open_conversation.ts";
import { checkKey } from "../persist/saved_names.ts";
import { isJsonObject } from "../protocol/chat.ts";
import type { AgentOptions } from "./agent.ts";
import type { AgentPersistence } from "./begin.ts";
import type { Tool } from "./tool.ts";

/** An agent's options, checked, with every default filled in. */
export interface CheckedAgentOptions {
  readonly system: string | undefined;
  readonly tools: readonly Tool[];
  readonly constrained: boolean;
  readonly maxSteps: number;
  readonly toolTimeoutMs: number;
  readonly maxResultCharacters: number;
  readonly priority: number;
  readonly persist: AgentPersistence | undefined;
  /** Checked with each turn. */
  readonly sampling: SamplingOptions;
}

/** @throws InputError `invalid-option` */
export function checkAgentOptions(options: AgentOptions): CheckedAgentOptions {
  checkObject("options", options);
  const {
    system,
    tools,
    constrained,
    maxSteps,
    toolTimeoutMs,
    maxResultCharacters,
    priority,
    persist,
    ...sampling
  } = options;
  if (system !== undefined) checkText("system", system);
  return {
    system,
    tools: checkTools(tools ?? []),
    constrained: checkBoolean("constrained", constrained ?? false),
    maxSteps: checkNumber("maxSteps", maxSteps ?? 8, { min: 1, max: 1000, integer: true }),
    toolTimeoutMs: checkNumber("toolTimeoutMs", toolTimeoutMs ?? 30_000, { above: 0, max: 86_400_000 }),
    maxResultCharacters: checkNumber("maxResultCharacters", maxResultCharacters ?? 20_000, {
      min: 1,
      max: 10_000_000,
      integer: true,
    }),
    priority: checkNumber("priority", priority ?? 0, { min: -1000, max: 1000 }),
    persist: persist === undefined ? undefined : checkPersistence(persist),
    sampling,
  };
}

function checkPersistence(persist: string | AgentPersistence): AgentPersistence {
  if (typeof persist === "string") return { key: checkKey("persist", persist) };
  const { key, ...how } = persist;
  return { ...checkPersistOptions(how), key: checkKey("persist.key", key) };
}

function checkTools(tools: unknown): readonly Tool[] {
  if (!Array.isArray(tools)) throw invalidOption("tools", tools, "a list of tools");
  for (const [index, tool] of tools.entries()) {
    if (!isJsonObject(tool)) throw invalidOption(`tools[${index}]`, tool, "what tool() gives");
    if (typeof tool["define"] !== "function" || typeof tool["call"] !== "function")
      throw invalidOption(`tools[${index}]`, tool, "what tool() gives");
    checkFunction(`tools[${index}].call`, tool["call"]);
  }
  return tools;
}
