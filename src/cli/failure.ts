import { CommanderError } from "commander";
import { BatonError } from "../errors.ts";
import { Interrupted } from "./interrupt.ts";
import { type Io, OutputClosed, printJson, say } from "./io.ts";
import { styleOf } from "./style.ts";

/** What a shell reports of a program that Ctrl-C ended: 128 + SIGINT. */
const INTERRUPTED_STATUS = 130;

/** Says what went wrong: a line on stderr and, with `json`, an object on stdout. Returns the exit status. */
export async function fail(error: unknown, io: Io, json: boolean): Promise<number> {
  if (error instanceof OutputClosed) return 0;
  if (error instanceof Interrupted) return INTERRUPTED_STATUS;
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode;
  const { code, message, fields } = plain(error);
  say(io, `${styleOf(io.stderr, io).red("error")} (${code}): ${message}`);
  if (io.env.BATON_DEBUG && error instanceof Error) say(io, error.stack ?? "");
  // If stdout is closed as well, there is nobody left to tell.
  if (json) await printJson(io, { error: { code, message, fields } }).catch(() => {});
  return 1;
}

function plain(error: unknown) {
  if (error instanceof BatonError) return error.toPlain();
  const what = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]?.replace(/\.$/, "");
  const message = `${what}. This is a defect of Baton: please report it, with what is printed when BATON_DEBUG=1 is set.`;
  return { code: "unexpected", message, fields: {} };
}
