import { InputError } from "../errors.ts";
import type { WorkloadConversation, WorkloadTurn } from "./workload.ts";

/**
 * Traces as JSON lines. Native, one turn a line: `session_id`, `timestamp` (ms; of a conversation's first turn) or `delay` (ms after the
 * end of the turn before), `input_length` (new tokens), `output_length`. Mooncake's (FAST 25), one request a line: `timestamp`,
 * `input_length` (the whole prompt), `output_length`, `hash_ids` (one for each 512 tokens of the prompt): a request that begins with
 * another one's prompt is that conversation's next turn.
 */
export function parseTrace(text: string, name: string): readonly WorkloadConversation[] {
  const lines = text
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [parseLine(line, index + 1, name)]));
  const [first] = lines;
  if (first === undefined) throw invalid(name, 1, "it has no line");
  const isMooncake = "hash_ids" in first.fields;
  return isMooncake ? fromRequests(lines, name) : fromTurns(lines, name);
}

interface Line {
  readonly number: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface OpenConversation {
  readonly id: string;
  readonly arrivalMs: number;
  readonly turns: WorkloadTurn[];
}

function fromTurns(lines: readonly Line[], name: string): readonly WorkloadConversation[] {
  const open = new Map<string, OpenConversation>();
  for (const { number, fields } of lines) {
    const id = String(fields.session_id ?? "");
    if (id === "") throw invalid(name, number, "it has no session_id");
    const turn = {
      inputTokens: countOf(fields, "input_length", number, name),
      outputTokens: countOf(fields, "output_length", number, name),
    };
    const known = open.get(id);
    if (known) known.turns.push({ ...turn, delayMs: timeOf(fields, "delay", number, name) });
    else
      open.set(id, {
        id,
        arrivalMs: timeOf(fields, "timestamp", number, name),
        turns: [{ ...turn, delayMs: 0 }],
      });
  }
  return inOrder([...open.values()]);
}

/** Turns come when the trace says, as far as the turn before has ended by then: the time between two requests is the delay. */
function fromRequests(lines: readonly Line[], name: string): readonly WorkloadConversation[] {
  const open: OpenConversation[] = [];
  /** Conversations by the full blocks of their last prompt. */
  const byPrefix = new Map<
    string,
    { readonly conversation: OpenConversation; tokens: number; lastMs: number }
  >();
  for (const { number, fields } of lines) {
    const ids = fields.hash_ids;
    if (!Array.isArray(ids)) throw invalid(name, number, "its hash_ids are no list");
    const timestampMs = timeOf(fields, "timestamp", number, name);
    const tokens = countOf(fields, "input_length", number, name);
    const outputTokens = countOf(fields, "output_length", number, name);
    const found = longestPrefix(byPrefix, ids);
    const state = found && found.state.tokens < tokens ? found.state : undefined;
    if (found && state) {
      byPrefix.delete(found.key);
      const delayMs = Math.max(0, timestampMs - state.lastMs);
      state.conversation.turns.push({ inputTokens: tokens - state.tokens, outputTokens, delayMs });
    }
    const conversation = state?.conversation ?? {
      id: `session-${open.length + 1}`,
      arrivalMs: timestampMs,
      turns: [{ inputTokens: tokens, outputTokens, delayMs: 0 }],
    };
    if (!state) open.push(conversation);
    byPrefix.set(keyOf(ids, Math.max(1, ids.length - 1)), {
      conversation,
      tokens: tokens + outputTokens,
      lastMs: timestampMs,
    });
  }
  return inOrder(open);
}

function longestPrefix<T>(byPrefix: ReadonlyMap<string, T>, ids: readonly unknown[]) {
  for (let length = ids.length; length > 0; length--) {
    const key = keyOf(ids, length);
    const state = byPrefix.get(key);
    if (state !== undefined) return { key, state };
  }
  return undefined;
}

function keyOf(ids: readonly unknown[], length: number): string {
  return ids.slice(0, length).join(" ");
}

function inOrder(conversations: readonly WorkloadConversation[]): readonly WorkloadConversation[] {
  const sorted = conversations.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
  const begin = sorted[0]?.arrivalMs ?? 0;
  return sorted.map((conversation) => ({ ...conversation, arrivalMs: conversation.arrivalMs - begin }));
}

function parseLine(text: string, number: number, name: string): Line {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields === "object" && fields !== null && !Array.isArray(fields))
      return { number, fields: fields as Readonly<Record<string, unknown>> };
  } catch {
    // Said below.
  }
  throw invalid(name, number, "it is no JSON object");
}

function countOf(fields: Line["fields"], field: string, number: number, name: string): number {
  const value = fields[field];
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  throw invalid(name, number, `its ${field} is no whole number of at least 1`);
}

function timeOf(fields: Line["fields"], field: string, number: number, name: string): number {
  const value = fields[field];
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw invalid(name, number, `its ${field} is no number of milliseconds`);
}

function invalid(file: string, line: number, why: string): InputError {
  return new InputError("invalid-option", `Line ${line} of ${file} is no turn of a trace: ${why}.`, {
    file,
    line,
  });
}
