import { createInterface } from "node:readline";
import { type Io, say } from "./io.ts";

/**
 * Asks before `command` installs pip; Enter means yes. Where nobody can read the question and answer it, the answer is yes.
 * @param interrupt called at Ctrl-C, which the terminal gives to the question instead of the process
 */
export async function askToInstall(io: Io, command: string, interrupt: () => void): Promise<boolean> {
  say(io, `pip is missing; it can be installed by: ${command}`);
  if (!(io.stdin.isTTY && io.stderr.isTTY)) return true;
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  terminal.once("SIGINT", () => {
    interrupt();
    terminal.close();
  });
  const answer = await new Promise<string>((resolve) => {
    terminal.question("Install it? [Y/n] ", resolve);
    // Ctrl-D is no answer, and no consent.
    terminal.once("close", () => resolve("n"));
  });
  terminal.close();
  return !/^\s*n/i.test(answer);
}
