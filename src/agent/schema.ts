import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonObject, JsonSchema } from "../api.ts";
import { InputError } from "../errors.ts";
import { isJsonObject } from "../protocol/chat.ts";
import type { ToolParameters } from "./tool.ts";

/** Tools' schemas: what the model and the grammar need of one (JSON schema), and the check of what the model then gives. */

/** @throws InputError `invalid-schema` */
export async function jsonSchemaOf(tool: string, parameters: ToolParameters): Promise<JsonSchema> {
  const schema = isStandard(parameters) ? await converted(tool, parameters) : parameters;
  if (!isJsonObject(schema)) throw invalid(tool, "it is no object");
  const { $schema: _, ...rest } = schema;
  if (rest.type !== "object") throw invalid(tool, 'it has to be of an object: { type: "object", … }');
  return rest;
}

/** The arguments as the schema leaves them. @throws TypeError saying what does not fit, for the model to read */
export async function checkedArguments(parameters: ToolParameters, given: JsonObject): Promise<unknown> {
  return isStandard(parameters) ? standardChecked(parameters, given) : jsonChecked(parameters, given);
}

function isStandard(parameters: ToolParameters): parameters is StandardSchemaV1 {
  return "~standard" in parameters;
}

/** The converter that newer schemas bring along (Standard JSON Schema), or valibot's, which is a package of its own. */
async function converted(tool: string, schema: StandardSchemaV1): Promise<unknown> {
  const { vendor } = schema["~standard"];
  try {
    const converter = converterOf(schema) ?? (await valibotConverter(schema, vendor));
    if (converter !== undefined) return converter();
  } catch (cause) {
    throw invalid(tool, cause instanceof Error ? cause.message : String(cause), cause);
  }
  throw invalid(
    tool,
    `this version of ${vendor} makes no JSON schema: take a newer one, or give a JSON schema`,
  );
}

function converterOf(schema: StandardSchemaV1): (() => unknown) | undefined {
  const standard: object = schema["~standard"];
  const { jsonSchema } = standard as { readonly jsonSchema?: { input(options: object): unknown } };
  return jsonSchema && (() => jsonSchema.input({ target: "draft-2020-12" }));
}

async function valibotConverter(
  schema: StandardSchemaV1,
  vendor: string,
): Promise<(() => unknown) | undefined> {
  if (vendor !== "valibot") return undefined;
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  return () => toJsonSchema(schema as Parameters<typeof toJsonSchema>[0]);
}

async function standardChecked(schema: StandardSchemaV1, given: JsonObject): Promise<unknown> {
  const result = await schema["~standard"].validate(given);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => {
    const at = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
    return at === "" ? message : `${at}: ${message}`;
  });
  throw new TypeError(`The arguments do not fit: ${issues.join("; ")}`);
}

async function jsonChecked(schema: JsonSchema, given: JsonObject): Promise<JsonObject> {
  const { Validator } = await import("@cfworker/json-schema");
  const { valid, errors } = new Validator(schema, "2020-12", false).validate(given);
  if (valid) return given;
  const issues = errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
  throw new TypeError(`The arguments do not fit: ${issues.join("; ")}`);
}

function invalid(tool: string, why: string, cause?: unknown): InputError {
  return new InputError(
    "invalid-schema",
    `The parameters of the tool ${tool} cannot be used: ${why}.`,
    { tool, why },
    { cause },
  );
}
