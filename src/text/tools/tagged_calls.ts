import { callsIn } from "./call_value.ts";
import { JsonEnd } from "./json_end.ts";
import {
  type AnswerPiece,
  MOST_CALL_CHARACTERS,
  overlap,
  SaidText,
  type ToolCallParser,
} from "./tool_call_parser.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

/** Calls as Hermes and Qwen write them: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, anywhere in the answer. */
export function taggedCalls(): ToolCallParser {
  const said = new SaidText();
  let held = "";
  let end: JsonEnd | undefined;

  /** The pieces that `held` begins with; what it may still turn into stays in it. */
  const take = (): readonly AnswerPiece[] | undefined => {
    if (end === undefined) return takeText();
    const body = held.slice(OPEN.length).trimStart();
    const isJson = body.startsWith("{") || body.startsWith("[");
    const json = isJson ? end.find(body) : body.indexOf(CLOSE);
    if (body === "") return undefined;
    if (json === undefined || json < 0)
      return held.length > MOST_CALL_CHARACTERS ? giveUp(held.length) : undefined;
    return takeCall(body, json, isJson);
  };

  const takeText = (): readonly AnswerPiece[] | undefined => {
    const open = held.indexOf(OPEN);
    const safe = open >= 0 ? open : held.length - overlap(held, OPEN);
    const text = held.slice(0, safe);
    held = held.slice(safe);
    if (open >= 0) end = new JsonEnd();
    return text === "" && open < 0 ? undefined : said.say(text);
  };

  /** The closing tag goes with the call, also where the model has left out a bracket before it, or the tag itself. */
  const takeCall = (body: string, length: number, isJson: boolean): readonly AnswerPiece[] | undefined => {
    const rest = body.slice(length).trimStart();
    if (isJson && rest.length < CLOSE.length && CLOSE.startsWith(rest)) return undefined;
    const calls = isJson ? callsIn(body.slice(0, length)) : undefined;
    held = rest.startsWith(CLOSE) ? rest.slice(CLOSE.length) : rest;
    end = undefined;
    const invalid = `${OPEN} has to be followed by {"name": …, "arguments": {…}}.`;
    return said.call(calls ?? [{ name: "", arguments: {}, invalid }]);
  };

  const giveUp = (length: number): readonly AnswerPiece[] => {
    const text = held.slice(0, length);
    held = held.slice(length);
    end = undefined;
    return said.say(text);
  };

  const drain = () => {
    const pieces: AnswerPiece[] = [];
    for (let next = take(); next !== undefined; next = take()) pieces.push(...next);
    return pieces;
  };

  return {
    push(text) {
      held += text;
      return drain();
    },
    flush() {
      // A call that is whole but for its closing tag is one; what is not whole is text.
      held += end === undefined ? "" : CLOSE;
      const pieces = drain();
      if (end !== undefined) held = held.slice(0, -CLOSE.length);
      return [...pieces, ...giveUp(held.length), ...said.end()];
    },
  };
}
