import { createInterface } from "node:readline/promises";
import type { AllowInstall } from "./pip.ts";

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/**
 * For programs: on a terminal the user is asked, and anything but a yes declines; without one the command is announced and
 * allowed. Both on standard error, so that standard output stays the program's result.
 */
export function allowInstallOn({ input, output }: Terminal): AllowInstall {
  return async (command) => {
    if (!input.isTTY) {
      output.write(`Installing a system package: ${command}\n`);
      return true;
    }
    const lines = createInterface({ input, output });
    try {
      const answer = await lines.question(`A system package is missing. Run "${command}"? [y/N] `);
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  };
}
