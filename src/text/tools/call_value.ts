import { isJsonObject, type JsonObject, type ToolCall } from "../../protocol/chat.ts";

/** A call as the model wrote it, before it has an id. */
export type WrittenCall = Omit<ToolCall, "id">;

/**
 * The calls that JSON text stands for: `{"name", "arguments"}`, the same with `parameters`, OpenAI's with `function` around it, or a
 * list of these. Undefined where it is something else.
 */
export function callsIn(json: string): readonly WrittenCall[] | undefined {
  const value = parsed(json);
  const calls = (Array.isArray(value) ? value : [value]).map(callOf);
  const real = calls.filter((call) => call !== undefined);
  return real.length > 0 && real.length === calls.length ? real : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function callOf(value: unknown): WrittenCall | undefined {
  if (!isJsonObject(value)) return undefined;
  const { function: inner } = value;
  const call = isJsonObject(inner) ? inner : value;
  const written = call.arguments ?? call.parameters;
  const given = typeof written === "string" ? parsed(written) : written;
  const { name } = call;
  if (typeof name !== "string" || written === undefined) return undefined;
  if (isJsonObject(given)) return { name, arguments: given };
  return { name, arguments: {} satisfies JsonObject, invalid: "The arguments have to be a JSON object." };
}
