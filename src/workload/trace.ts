import { type Beginning, Beginnings } from "./beginnings.ts";
import { invalidLine, readTurns, type TraceTurn } from "./trace_lines.ts";
import type { WorkloadConversation, WorkloadTurn } from "./workload.ts";

interface OpenConversation {
  readonly id: string;
  readonly arrivalMs: number;
  readonly turns: WorkloadTurn[];
  /** Of all turns: what its next prompt has to begin with. */
  tokens: number;
  /** When its last turn came, as far as the trace says. */
  lastMs: number;
  beginning: Beginning<OpenConversation> | undefined;
}

/**
 * The conversations of a trace, by arrival; the first one arrives at 0. Turns of a conversation are in the order of their lines. Read are:
 *
 * - JSON lines of Baton's own, one for each turn: `session_id`, `timestamp` (ms) of a conversation's first turn, `delay` (ms after the end
 *   of the turn before) of the others, `input_length` (new tokens), `output_length`. A later turn may have a `timestamp` in place of
 *   `delay`; the time since the turn before came is the delay then.
 * - CSV with these names in its first line.
 * - JSON lines as Mooncake's traces have them (FAST 25, arXiv 2407.00079), one for each request: `timestamp`, `input_length` (of the whole
 *   prompt), `output_length`, and `hash_ids`: one for each block (512 tokens) of the prompt. A request that begins with all full blocks of
 *   a conversation's last prompt, and is longer than that with its answer, is its next turn. System prompts that many begin with are left
 *   out of account, so a conversation is lost sight of as long as its own part of the prompt is not a full block. Where a request has a
 *   `session_id` too, that says whose turn it is, and `delay` may say when; one that is shorter than what came before (a summary took its
 *   place) begins another conversation.
 * - CSV as of BurstGPT (`Timestamp` in s, `Request tokens`, `Response tokens`) and Azure (`TIMESTAMP` as a date, `ContextTokens`,
 *   `GeneratedTokens`): each line is a conversation of one turn; those without tokens failed and are left out.
 *
 * Delays that are differences of timestamps are too long by as long as the turn before took, which those traces do not tell.
 * @param name of the file, for errors
 * @throws InputError `invalid-option` that says which line of which file is wrong, and how
 */
export function parseTrace(text: string, name: string): readonly WorkloadConversation[] {
  const all: OpenConversation[] = [];
  const sessions = new Map<string, OpenConversation>();
  const turns = readTurns(text, name);
  const beginnings = new Beginnings<OpenConversation>(
    turns.flatMap(({ blocks }) => (blocks ? [blocks] : [])),
  );
  for (const turn of turns) {
    const { session, blocks } = turn;
    if (session === undefined && blocks === undefined) throw invalidLine(name, turn.line, "it has no session_id"); // biome-ignore format: one check
    const found = blocks && beginnings.of(blocks);
    const previous = session === undefined ? found?.longest?.owner : sessions.get(session);
    const isNext = previous !== undefined && (blocks === undefined || previous.tokens < turn.inputTokens);
    const isKnown = session === undefined || sessions.has(session);
    const id = isKnown ? `${session ?? "session"}-${all.length + 1}` : session;
    const conversation = isNext ? goneOn(previous, turn, name) : begun(id, turn, name);
    if (!isNext) all.push(conversation);
    if (session !== undefined) sessions.set(session, conversation);
    if (found) own(conversation, found.whole);
  }
  return inOrder(all);
}

/**
 * A workload as native JSON lines, a conversation after the other. Read again it is the same, as long as its ids differ, conversations are
 * in the order of their arrivals, and the first one arrives at 0.
 */
export function traceLines(workload: readonly WorkloadConversation[]): readonly string[] {
  return workload.flatMap(({ id, arrivalMs, turns }) =>
    turns.map(({ delayMs, inputTokens, outputTokens }, at) =>
      JSON.stringify({
        session_id: id,
        ...(at === 0 ? { timestamp: arrivalMs } : { delay: delayMs }),
        input_length: inputTokens,
        output_length: outputTokens,
      }),
    ),
  );
}

function begun(id: string, turn: TraceTurn, name: string): OpenConversation {
  const { timestampMs, inputTokens, outputTokens, line } = turn;
  if (timestampMs === undefined)
    throw invalidLine(name, line, "it begins a conversation and has no timestamp");
  return {
    id,
    arrivalMs: timestampMs,
    turns: [{ inputTokens, outputTokens, delayMs: 0 }],
    tokens: inputTokens + outputTokens,
    lastMs: timestampMs,
    beginning: undefined,
  };
}

function goneOn(conversation: OpenConversation, turn: TraceTurn, name: string): OpenConversation {
  const { timestampMs, outputTokens, blocks, line } = turn;
  const delayMs =
    turn.delayMs ?? (timestampMs === undefined ? undefined : Math.max(0, timestampMs - conversation.lastMs));
  if (delayMs === undefined) throw invalidLine(name, line, "it has neither a delay nor a timestamp");
  const inputTokens = turn.inputTokens - (blocks === undefined ? 0 : conversation.tokens);
  conversation.turns.push({ inputTokens, outputTokens, delayMs });
  conversation.tokens += inputTokens + outputTokens;
  conversation.lastMs = timestampMs ?? conversation.lastMs + delayMs;
  return conversation;
}

/** From now on the conversation is found by this beginning alone. */
function own(conversation: OpenConversation, beginning: Beginning<OpenConversation> | undefined): void {
  if (conversation.beginning?.owner === conversation) conversation.beginning.owner = undefined;
  conversation.beginning = beginning;
  if (beginning) beginning.owner = conversation;
}

function inOrder(conversations: readonly OpenConversation[]): readonly WorkloadConversation[] {
  const sorted = conversations.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
  const beginMs = sorted[0]?.arrivalMs ?? 0;
  return sorted.map(({ id, arrivalMs, turns }) => ({ id, arrivalMs: arrivalMs - beginMs, turns }));
}
