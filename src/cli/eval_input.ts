import { readFile } from "node:fs/promises";
import type { Message, TextCodec } from "../api.ts";
import { InputError, ModelError } from "../errors.ts";

/** One entry of the file that `eval` reads. */
export type EvalEntry =
  | { readonly ids: readonly number[] }
  | { readonly text: string }
  | { readonly messages: readonly Message[] };

const FORMS = `{"ids": […]}, {"text": "…"} or {"messages": [{"role": …, "content": …}, …]}`;
const ROLES = ["system", "user", "assistant"] as const satisfies Message["role"][];

/** @throws ModelError `file-not-found`, `file-unreadable`; InputError `invalid-option` naming the entry */
export async function readEvalFile(path: string): Promise<readonly EvalEntry[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const data = parse(path, text);
  if (!Array.isArray(data) || data.length === 0) {
    throw wrong(path, `${path} has to hold an array of entries, each ${FORMS}.`);
  }
  return data.map((entry: unknown, index) => checkEntry(path, index, entry));
}

/**
 * The ids of every entry, each below `vocabTokens`.
 * @throws InputError `invalid-option` naming the entry
 */
export async function encodeEntries(
  path: string,
  entries: readonly EvalEntry[],
  codec: TextCodec,
  vocabTokens: number,
): Promise<readonly (readonly number[])[]> {
  const encoded: (readonly number[])[] = [];
  for (const [index, entry] of entries.entries()) {
    const ids = await encode(entry, codec);
    if (ids.length === 0) throw wrongEntry(path, index, "comes to no tokens; it needs at least one");
    const beyond = ids.find((id) => id >= vocabTokens);
    if (beyond !== undefined)
      throw wrongEntry(path, index, `has the id ${beyond}, and the model's ids end at ${vocabTokens - 1}`);
    encoded.push(ids);
  }
  return encoded;
}

async function encode(entry: EvalEntry, codec: TextCodec): Promise<readonly number[]> {
  if ("ids" in entry) return entry.ids;
  return "text" in entry ? codec.encode(entry.text) : codec.encodeChat(entry.messages);
}

function checkEntry(path: string, index: number, entry: unknown): EvalEntry {
  const { ids, text, messages } = isRecord(entry) ? entry : {};
  if ([ids, text, messages].filter((form) => form !== undefined).length !== 1) {
    throw wrongEntry(path, index, `has to be one of ${FORMS}`);
  }
  if (ids !== undefined) return { ids: checkIds(path, index, ids) };
  if (messages !== undefined) return { messages: checkMessages(path, index, messages) };
  if (typeof text !== "string") throw wrongEntry(path, index, "has a text that is no string");
  return { text };
}

function checkIds(path: string, index: number, ids: unknown): readonly number[] {
  if (!Array.isArray(ids) || ids.length === 0) {
    throw wrongEntry(path, index, "has to have ids, an array of at least one token id");
  }
  const bad = ids.findIndex((id) => !(Number.isSafeInteger(id) && id >= 0));
  if (bad < 0) return ids;
  throw wrongEntry(path, index, `has ${JSON.stringify(ids[bad])} as id ${bad}, which is no token id`);
}

function checkMessages(path: string, index: number, messages: unknown): readonly Message[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw wrongEntry(path, index, "has to have messages, an array of at least one message");
  }
  return messages.map((message: unknown, at) => {
    const { role, content } = isRecord(message) ? message : {};
    const known = ROLES.find((one) => one === role);
    if (known !== undefined && typeof content === "string") return { role: known, content };
    const expected = `a role (${ROLES.join(", ")}) and a content, both strings`;
    throw wrongEntry(path, index, `has a message ${at} that needs ${expected}`);
  });
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n", 1)[0] : "";
    throw wrong(path, `${path} is no JSON: ${why}.`);
  }
}

function unreadable(path: string, cause: unknown): ModelError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
  if (code === "ENOENT") return new ModelError("file-not-found", `There is no file ${path}.`, { path });
  const why = code === "EISDIR" ? "it is a folder" : code;
  return new ModelError("file-unreadable", `The file ${path} cannot be read: ${why}.`, {
    path,
    reason: code,
  });
}

function wrongEntry(path: string, index: number, problem: string): InputError {
  return wrong(path, `Entry ${index} of ${path} ${problem}.`, { entry: index });
}

function wrong(path: string, message: string, fields: { readonly entry?: number } = {}): InputError {
  return new InputError("invalid-option", message, { option: "FILE", path, ...fields });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
