import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const clone = resolve(import.meta.dirname, "../..");

const readme = readFileSync(join(clone, "README.md"), "utf8");

/** The README's blocks of code in this language, in order. */
export function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))].map(
    ([, text = ""]) => text,
  );
}
