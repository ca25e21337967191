import { callsIn, type WrittenCall } from "./call_value.ts";
import { JsonEnd } from "./json_end.ts";
import { type AnswerPiece, MOST_CALL_CHARACTERS, SaidText, type ToolCallParser } from "./tool_call_parser.ts";

/** The beginning of a line where a call may stand: a bracket, in a fence or not. */
const BEGINNING = /(?<=^|\n)[ \t]*(?:```\w*\s*)?(?=[{[])/;
/** What may still become one. */
const UNFINISHED = /(?<=^|\n)[ \t]*(?:`{1,2}|```\w*\s*)?$/;
/** What stands between calls and after them. */
const BETWEEN = /^(?:\s*(?:```|[;,]))?/;

/**
 * Calls as JSON at the beginning of a line, as Llama 3 writes them and as `preamble.ts` asks other models to. Other JSON is text.
 */
export function jsonCalls(): ToolCallParser {
  const said = new SaidText();
  let held = "";
  let lineBegins = true;
  let json: { readonly from: number; readonly end: JsonEnd } | undefined;

  const takeText = (): readonly AnswerPiece[] | undefined => {
    const line = lineBegins ? held : `.${held}`;
    const shift = line.length - held.length;
    const begins = BEGINNING.exec(line);
    const at = begins ?? UNFINISHED.exec(line);
    const upTo = (at?.index ?? line.length) - shift;
    if (begins !== null) json = { from: begins[0].length, end: new JsonEnd() };
    if (upTo === 0) return begins === null ? undefined : [];
    return said.say(release(upTo));
  };

  const takeJson = ({ from, end }: NonNullable<typeof json>): readonly AnswerPiece[] | undefined => {
    const length = end.find(held.slice(from));
    if (length === undefined) {
      if (held.length <= MOST_CALL_CHARACTERS) return undefined;
      json = undefined;
      return said.say(release(held.length));
    }
    json = undefined;
    const calls = callsIn(held.slice(from, from + length));
    const text = release(from + length);
    return calls === undefined ? said.say(text) : call(calls);
  };

  const call = (calls: readonly WrittenCall[]) => {
    lineBegins = true;
    return said.call(calls);
  };

  const release = (length: number): string => {
    const text = held.slice(0, length);
    held = held.slice(length);
    lineBegins = text.endsWith("\n");
    return text;
  };

  const drain = () => {
    const pieces: AnswerPiece[] = [];
    for (;;) {
      if (json === undefined && said.afterCall) held = held.replace(BETWEEN, "");
      const next = json === undefined ? takeText() : takeJson(json);
      if (next === undefined) return pieces;
      pieces.push(...next);
    }
  };

  return {
    push(text) {
      held += text;
      return drain();
    },
    flush: () => [...said.say(release(held.length)), ...said.end()],
  };
}
