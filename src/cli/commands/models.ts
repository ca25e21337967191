import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { type CatalogueModel, catalogue } from "../../loader/sources/catalogue.ts";
import { cacheFolder } from "../../platform/node/cache_folder.ts";
import { modelEntry } from "../../platform/node/catalogue_model.ts";
import { formatBytes, formatTable } from "../format.ts";
import { type Io, print, printJson } from "../io.ts";
import { styleOf } from "../style.ts";

const EXAMPLES = `
A path or a URL of any GGUF file works in place of a name.

Examples:
  $ baton models
  $ baton models --json
`;

export function addModels(program: Command, io: Io): void {
  program
    .command("models")
    .description("List the models that Baton knows by name.")
    .option("--json", "print JSON for machines")
    .addHelpText("after", EXAMPLES)
    .action((options: { readonly json?: boolean }) => models(io, options.json === true));
}

async function models(io: Io, json: boolean): Promise<void> {
  const folder = cacheFolder(io.env);
  const found = await Promise.all(catalogue.models.map((model) => describe(model, folder)));
  if (json) return printJson(io, { default: catalogue.default, cacheFolder: folder, models: found });
  const rows = found.map(({ name, bytes, licence, cached, title }) => [
    name === catalogue.default ? `${name} (default)` : name,
    formatBytes(bytes),
    licence,
    cached ? "in the cache" : "not downloaded",
    title,
  ]);
  await print(io, formatTable([["name", "size", "licence", "file", "about"], ...rows], [1]));
  await print(io, styleOf(io.stdout, io).dim(`\ncache: ${folder}\n`));
}

async function describe(model: CatalogueModel, folder: string) {
  const { name, title, architecture, bytes, licence, sha256 } = model;
  const { path } = modelEntry(folder, model);
  const cached = (await stat(path).catch(() => undefined))?.size === bytes;
  return { name, title, architecture, bytes, licence, sha256, path, cached };
}
