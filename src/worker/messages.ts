import type {
  ComparedPolicies,
  ComparePoliciesOptions,
  Conversation,
  ConversationOptions,
  ConversationStatus,
  EvaluateRequest,
  EvaluateResult,
  Message,
  NewMessage,
  ObserveOptions,
  Part,
  Runtime,
  RuntimeEvent,
  RuntimeOptions,
  RuntimeStats,
  SendOptions,
  ToolDefinition,
  TuneOptions,
  TuneResult,
} from "../api.ts";
import type { Progress } from "../protocol/progress.ts";
import type { Failure, Outcome } from "./outcome.ts";

/**
 * What crosses between a page and its runtime's worker: plain data, bytes and streams. Signals and functions do not cross: each call that
 * takes time is a task with a number, by which the page aborts it, and hears of its progress, its parts and its end.
 */

export type Sent<Options> = Omit<
  Options,
  "model" | "device" | "platform" | "onProgress" | "signal" | "thread" | "workerUrl" | "modelsUrl"
> & { readonly model: string | Blob | ReadableStream<Uint8Array>; readonly modelsUrl?: string };
export type SentOptions = Sent<RuntimeOptions>;
export type SentComparison = Sent<ComparePoliciesOptions>;
export type SentTurn = Omit<SendOptions, "signal">;
export type SentEvaluation = Omit<EvaluateRequest, "signal">;
export type SentTuning = Omit<TuneOptions, "signal" | "onProgress">;

/** What the page can ask for at any time. */
export interface Snapshot {
  readonly stats: RuntimeStats;
  readonly conversations: readonly ConversationStatus[];
}

export type RuntimeFacts = Pick<
  Runtime,
  "model" | "adapter" | "devices" | "devicesReason" | "policy" | "precision"
>;

export interface Opened {
  readonly facts: RuntimeFacts;
  readonly snapshot: Snapshot;
}

export type ConversationState = Pick<Conversation, "messages" | "cachedTokens">;
export type ImportedState = ConversationState & Pick<Conversation, "tools">;

export interface TurnEnd {
  /** The last ones. */
  readonly parts: readonly Part[];
  /** What the turn failed with. */
  readonly failure: Failure | undefined;
  readonly state: ConversationState;
  readonly snapshot: Snapshot;
}

/** What the page asks of the worker. Calls come in the order in which they were made. */
export interface RuntimeCalls {
  /** @param events a port on which the worker is told `PageEvents`. @param pageUrl what addresses are relative to */
  open(
    task: number,
    options: SentOptions,
    events: MessagePort,
    pageUrl: string | undefined,
  ): Promise<Outcome<Opened>>;
  /** Compares policies, in place of a runtime that is opened. As `open`. */
  compare(
    task: number,
    options: SentComparison,
    events: MessagePort,
    pageUrl: string | undefined,
  ): Promise<Outcome<ComparedPolicies>>;
  /** What runs for `task` is to end; does nothing when it has. */
  abort(task: number): void;
  begin(id: string, options: Omit<ConversationOptions, "id">): void;
  /** Parts and end come as events. `aborted`: its signal was, before it began. */
  send(
    task: number,
    id: string,
    input: string | readonly NewMessage[],
    options: SentTurn,
    aborted: boolean,
  ): void;
  endPause(id: string): void;
  /** `from` forks: the new one is `id`, and has its first `messages` messages. */
  fork(id: string, from: string, messages: number): void;
  rollback(id: string, messages: number): void;
  export(id: string): Promise<Outcome<Uint8Array<ArrayBuffer>>>;
  close(id: string): void;
  import(id: string, saved: Uint8Array<ArrayBuffer> | Blob): Promise<Outcome<ImportedState>>;
  evaluate(task: number, request: SentEvaluation): Promise<Outcome<EvaluateResult>>;
  tune(task: number, options: SentTuning): Promise<Outcome<TuneResult>>;
  /** Events come for this task until it is aborted. */
  observe(task: number, options: ObserveOptions): void;
  encode(text: string): Promise<Outcome<number[]>>;
  decode(ids: readonly number[]): Promise<Outcome<string>>;
  encodeChat(
    messages: readonly Message[],
    tools: readonly ToolDefinition[] | undefined,
  ): Promise<Outcome<number[]>>;
  /** Resolves when every turn's end has been told, and nothing is left on the GPU. */
  dispose(): Promise<Outcome<Snapshot>>;
}

/** What the worker tells the page, in order. Resolves when the page has heard it. */
export interface PageEvents {
  progress(task: number, progress: Progress): void | Promise<void>;
  parts(task: number, parts: readonly Part[]): void | Promise<void>;
  ended(task: number, end: TurnEnd): void | Promise<void>;
  observed(task: number, events: readonly RuntimeEvent[]): void | Promise<void>;
  snapshot(snapshot: Snapshot): void | Promise<void>;
}
