import type { Conversation, NewMessage, ToolCall, ToolMessage } from "../api.ts";
import type { Tool } from "./tool.ts";

/** What became of one tool call. An error is a result too, which the model sees. */
export interface ToolResult {
  readonly id: string;
  readonly name: string;
  /** What the tool gave; absent where it failed. */
  readonly result?: unknown;
  /** Why there is none: the tool threw, its time was up, there is no such tool, or its arguments do not fit. */
  readonly error?: string;
  readonly ms: number;
}

export interface ToolCallOptions {
  readonly tools: readonly Tool[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Runs one call to its end, at most as long as it may take; never rejects. */
export async function runToolCall(call: ToolCall, options: ToolCallOptions): Promise<ToolResult> {
  const startedMs = performance.now();
  const outcome = await outcomeOf(call, options);
  return { id: call.id, name: call.name, ...outcome, ms: performance.now() - startedMs };
}

async function outcomeOf(
  call: ToolCall,
  { tools, timeoutMs, signal }: ToolCallOptions,
): Promise<Pick<ToolResult, "result" | "error">> {
  if (call.invalid !== undefined) return { error: call.invalid };
  const tool = tools.find(({ name }) => name === call.name);
  const names = tools.map(({ name }) => name).join(", ");
  if (tool === undefined) return { error: `There is no tool ${call.name}. There are: ${names}.` };
  const limitMs = tool.timeoutMs ?? timeoutMs;
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(new Error(`It took longer than ${limitMs} ms.`)), limitMs);
  const within = signal === undefined ? timer.signal : AbortSignal.any([signal, timer.signal]);
  try {
    const running = tool.call(call.arguments, { callId: call.id, signal: within });
    // A tool that does not heed its signal is left behind.
    return { result: await Promise.race([running, rejectionOf(within)]) };
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) };
  } finally {
    clearTimeout(timeout);
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** What the model is told of a result, cut where it is too long. */
export function toolMessage({ id, name, result, error }: ToolResult, mostCharacters: number): ToolMessage {
  const text = error === undefined ? textOf(result) : `Error: ${error}`;
  const content = text.length > mostCharacters ? `${text.slice(0, mostCharacters)}… (cut)` : text;
  return { role: "tool", toolCallId: id, name, content };
}

function textOf(result: unknown): string {
  if (typeof result === "string") return result;
  try {
    return JSON.stringify(result) ?? "Done.";
  } catch {
    return String(result);
  }
}

/** Calls whose tools were stopped, or whose answers nobody waited for: the model has to hear of each. */
export function unanswered({ messages }: Conversation): NewMessage[] {
  const last = messages.at(-1);
  const calls = last?.role === "assistant" ? (last.toolCalls ?? []) : [];
  return calls.map(({ id, name }) => toolMessage({ id, name, error: "It was cancelled.", ms: 0 }, 100));
}
