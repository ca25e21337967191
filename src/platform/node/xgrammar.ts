import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { XGrammar } from "../../protocol/xgrammar.ts";

/** The package calls itself a module and is a CommonJS file, which Node would import as one that exports nothing. */
export async function loadXgrammar(): Promise<XGrammar> {
  const path = createRequire(import.meta.url).resolve("@mlc-ai/web-xgrammar");
  const source = await readFile(path, "utf8");
  const module = { exports: {} };
  // What is compiled like this may not import by itself everywhere.
  const code = source.replaceAll("import(", "importModule(");
  const names = ["module", "exports", "require", "__filename", "__dirname", "importModule"];
  const importModule = (name: string) => import(name);
  new Function(...names, code)(
    module,
    module.exports,
    createRequire(path),
    path,
    dirname(path),
    importModule,
  );
  return module.exports as XGrammar;
}
