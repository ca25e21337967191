import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonObject, JsonSchema, ToolDefinition } from "../api.ts";
import { checkedArguments, jsonSchemaOf } from "./schema.ts";

/** A tool that an agent may use. Make one with `tool`. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** Most time one call may take; the agent's when absent. */
  readonly timeoutMs?: number;
  /** As the model is told of it. @throws InputError `invalid-schema` */
  define(): Promise<ToolDefinition>;
  /** Throws what the tool throws, and a `TypeError` for arguments that its schema refuses. */
  call(given: JsonObject, context: ToolContext): Promise<unknown>;
}

export interface ToolContext {
  readonly callId: string;
  /** Aborted when the agent's turn is, or the tool's time is up. */
  readonly signal: AbortSignal;
}

/** What `parameters` may be: a Standard Schema, such as zod, valibot and arktype make, or a JSON schema of an object. */
export type ToolParameters = StandardSchemaV1 | JsonSchema;

export interface ToolOptions<Parameters extends ToolParameters> {
  /** 1 to 64 letters, digits, `_` and `-`. */
  readonly name: string;
  readonly description?: string;
  readonly parameters: Parameters;
  readonly timeoutMs?: number;
  /**
   * Gets arguments that the schema has checked. What it returns, or the promise resolves to, is what the model is told: text as it is,
   * other values as JSON. What it throws the model is told too.
   */
  execute(given: ToolArguments<Parameters>, context: ToolContext): unknown;
}

export type ToolArguments<Parameters extends ToolParameters> = Parameters extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<Parameters>
  : JsonObject;

/** A tool for `createAgent`. */
export function tool<const Parameters extends ToolParameters>(options: ToolOptions<Parameters>): Tool {
  const { name, description, parameters, timeoutMs, execute } = options;
  return {
    name,
    ...(description !== undefined && { description }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    define: async () => ({
      name,
      ...(description !== undefined && { description }),
      parameters: await jsonSchemaOf(name, parameters),
    }),
    call: async (given, context) =>
      execute((await checkedArguments(parameters, given)) as ToolArguments<Parameters>, context),
  };
}
