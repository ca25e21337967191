import type { Command } from "commander";
import type { Precision, RuntimeOptions } from "../api.ts";
import { invalidOption } from "../conversation/option_checks.ts";
import { catalogue } from "../loader/sources/catalogue.ts";

const PRECISIONS = "exact, default or fast";

/** The options of every command that runs a model. */
export interface ModelOptions {
  readonly model: string;
  readonly adapter?: string;
  readonly precision: Precision;
  readonly kvMib?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addModelOptions(command: Command): Command {
  return command
    .option("--model <model>", "name in the catalogue, path or URL of a GGUF file", catalogue.default)
    .option(
      "--adapter <name>",
      "part of the name of the adapter to use (default: BATON_ADAPTER, or the best)",
    )
    .option("--precision <class>", PRECISIONS, parsePrecision, "default")
    .option(
      "--kv-mib <MiB>",
      "size of the KV pool (default: from the model and the adapter)",
      parseNumber("--kv-mib"),
    )
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors");
}

export function runtimeOptions({ model, adapter, precision, kvMib }: ModelOptions): RuntimeOptions {
  const given = { ...(adapter !== undefined && { adapter }), ...(kvMib !== undefined && { kvMiB: kvMib }) };
  return { model, precision, ...given };
}

/** A parser for commander; whether the number is in range is said by whoever knows the range. @throws InputError */
export function parseNumber(option: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isNaN(value)) throw invalidOption(option, text, "a number");
    return value;
  };
}

function parsePrecision(text: string): Precision {
  if (text === "exact" || text === "default" || text === "fast") return text;
  throw invalidOption("--precision", text, PRECISIONS);
}
