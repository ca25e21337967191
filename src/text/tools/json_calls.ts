import { callsIn, type WrittenCall } from "./call_value.ts";
import { JsonEnd } from "./json_end.ts";
import {
  type AnswerPiece,
  MOST_CALL_CHARACTERS,
  overlap,
  SaidText,
  type ToolCallParser,
} from "./tool_call_parser.ts";

/** Where calls may begin. */
export interface CallOpening {
  /** Where the first one begins in the text, and how many characters stand there before its bracket. */
  find(text: string, lineBegins: boolean): { readonly at: number; readonly skip: number } | undefined;
  /** From where on the text may still become one: its length where it cannot. */
  pending(text: string, lineBegins: boolean): number;
}

/** At the beginning of a line, in a fence or not. */
export const atLineBegin: CallOpening = {
  find: (text, lineBegins) => matchAtLine(/(?<=^|\n)[ \t]*(?:```\w*\s*)?(?=[{[])/, text, lineBegins),
  pending: (text, lineBegins) =>
    matchAtLine(/(?<=^|\n)[ \t]*(?:`{1,2}|```\w*\s*)?$/, text, lineBegins)?.at ?? text.length,
};

/** Where this text is, anywhere: what a grammar makes a call of. It begins with the bracket. */
export function atText(trigger: string): CallOpening {
  return {
    find: (text) => {
      const at = text.indexOf(trigger);
      return at < 0 ? undefined : { at, skip: 0 };
    },
    pending: (text) => text.length - overlap(text, trigger),
  };
}

function matchAtLine(pattern: RegExp, text: string, lineBegins: boolean) {
  // A character before it, where the text goes on within a line.
  const shift = lineBegins ? 0 : 1;
  const match = pattern.exec(lineBegins ? text : `.${text}`);
  return match === null ? undefined : { at: match.index - shift, skip: match[0].length };
}

/** What stands between calls and after them. */
const BETWEEN = /^(?:\s*(?:```|[;,]))?/;

/** Calls as JSON, as Llama 3 writes them and as `preamble.ts` asks other models to. Other JSON is text. */
export function jsonCalls(opening: CallOpening = atLineBegin): ToolCallParser {
  const said = new SaidText();
  let held = "";
  let lineBegins = true;
  let json: { readonly from: number; readonly end: JsonEnd } | undefined;

  const takeText = (): readonly AnswerPiece[] | undefined => {
    const begins = opening.find(held, lineBegins);
    const upTo = begins?.at ?? opening.pending(held, lineBegins);
    if (begins) json = { from: begins.skip, end: new JsonEnd() };
    if (upTo === 0) return begins ? [] : undefined;
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
