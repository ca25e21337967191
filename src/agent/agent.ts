import type {
  Conversation,
  FinishReason,
  Message,
  NewMessage,
  Runtime,
  SamplingOptions,
  TextPart,
  Timings,
  ToolCall,
  ToolCallPart,
  ToolChoice,
  Usage,
} from "../api.ts";
import type { Beginning } from "../persist/persisted_conversation.ts";
import { type CheckedAgentOptions, checkAgentOptions } from "./agent_options.ts";
import { type AgentPersistence, type AgentRuntime, beginConversation, beginningOf } from "./begin.ts";
import type { Tool } from "./tool.ts";
import { runToolCall, type ToolResult, toolMessage, unanswered } from "./tool_calls.ts";

export interface AgentOptions extends SamplingOptions {
  readonly system?: string;
  readonly tools?: readonly Tool[];
  /** Decode tool calls under a grammar, so that each is valid. Default false. */
  readonly constrained?: boolean;
  /** Most answers of the model for one `send`, of which the last calls no tools. Range [1, 1000]; default 8. */
  readonly maxSteps?: number;
  /** Most time a tool may take for a call. Range (0, 86400000]; default 30000. */
  readonly toolTimeoutMs?: number;
  /** Of a longer result the model sees the beginning. Range [1, 10000000]; default 20000. */
  readonly maxResultCharacters?: number;
  /** As `SendOptions.priority`. */
  readonly priority?: number;
  /**
   * A key under which its conversation is saved, as `openConversation` does, so that the agent goes on after the page was reloaded: with
   * the messages and the system message of then, and with the tools that the model was told of then, which `tools` are to run.
   */
  readonly persist?: string | AgentPersistence;
}

export interface AgentSendOptions {
  /** Most tokens of all answers to this `send` together. Default: what the model's context leaves each. */
  readonly maxTokens?: number;
  /** For the first answer; later ones are free. */
  readonly toolChoice?: ToolChoice;
  readonly priority?: number;
  readonly signal?: AbortSignal;
}

export type AgentEvent = TextPart | ToolCallPart | ToolResultEvent | UsageEvent | AgentDone;

export interface ToolResultEvent extends ToolResult {
  readonly type: "tool-result";
}

/** Of one answer of the model, when it has ended. */
export interface UsageEvent {
  readonly type: "usage";
  /** From 1. */
  readonly step: number;
  readonly usage: Usage;
  readonly timings: Timings;
}

export interface AgentDone {
  readonly type: "done";
  /** Of the last answer; `budget`: `maxTokens` of the `send` were used up. */
  readonly finishReason: Exclude<FinishReason, "tool-calls"> | "budget";
  readonly steps: number;
  /** Of all answers together. */
  readonly usage: Usage;
  readonly timings: AgentTimings;
}

/** In ms from `send`. Undefined where it did not come to that. */
export interface AgentTimings {
  readonly firstTokenMs: number | undefined;
  /** The first token of the answer that calls no tools any more (TTFET). */
  readonly firstEffectiveTokenMs: number | undefined;
  readonly toolMs: number;
  readonly totalMs: number;
}

/** A conversation that uses tools by itself until it has an answer. */
export interface Agent {
  /** Empty until it is opened: by `open`, or by its first `send`. */
  readonly messages: readonly Message[];
  /**
   * Begins its conversation, or restores the saved one, as the first `send` would otherwise. Undefined for one that is not saved.
   * @throws InputError `invalid-option`, `invalid-schema`, `disposed`; DeviceError
   */
  open(): Promise<Beginning | undefined>;
  /**
   * Sends one request and streams what happens until it is answered. Errors of tools are results that the model sees; others, as
   * `Conversation.send` throws them, come out of the loop. Leaving the loop, or the signal, stops the answer or the tools that run.
   * @throws InputError, besides those of `Conversation.send`, `invalid-schema`; CapacityError; DeviceError
   */
  send(text: string, options?: AgentSendOptions): AsyncIterable<AgentEvent>;
  /** Another agent that goes on from here by itself: nothing is prefilled or copied for it. @throws InputError `disposed` */
  fork(): Promise<Agent>;
  /** For `importAgent`, also in another process or tab. @throws InputError `disposed`; DeviceError */
  export(): Promise<Uint8Array<ArrayBuffer>>;
  dispose(): void;
}

/**
 * An agent of its own conversation. Many share a runtime: while one's tools run, the devices are the others'.
 * @throws InputError `invalid-option`
 */
export function createAgent(runtime: AgentRuntime, options: AgentOptions = {}): Agent {
  const checked = checkAgentOptions(options);
  return new ConversationAgent(checked, () => beginConversation(runtime, checked));
}

/**
 * An agent that `Agent.export` has saved. The model goes on with the tools it was told of then: `options.tools` are what runs them.
 * @throws InputError `invalid-option`, `artefact-damaged`, `artefact-version`, `artefact-model`, `disposed`
 */
export async function importAgent(
  runtime: Pick<Runtime, "import">,
  saved: Uint8Array<ArrayBuffer> | Blob,
  options: Omit<AgentOptions, "system" | "persist"> = {},
): Promise<Agent> {
  const checked = checkAgentOptions(options);
  const conversation = await runtime.import(saved);
  return new ConversationAgent(checked, async () => conversation, conversation);
}

class ConversationAgent implements Agent {
  readonly #options: CheckedAgentOptions;
  readonly #begin: () => Promise<Conversation>;
  #beginning: Promise<Conversation> | undefined;
  #conversation: Conversation | undefined;
  #disposed = false;

  constructor(options: CheckedAgentOptions, begin: () => Promise<Conversation>, conversation?: Conversation) {
    this.#options = options;
    this.#begin = begin;
    this.#conversation = conversation;
  }

  get messages(): readonly Message[] {
    return this.#conversation?.messages ?? [];
  }

  async open(): Promise<Beginning | undefined> {
    return beginningOf(await this.#open());
  }

  async *send(text: string, options: AgentSendOptions = {}): AsyncGenerator<AgentEvent, void> {
    const conversation = await this.#open();
    const request: readonly NewMessage[] = [{ role: "user", content: text }];
    yield* new AgentTurn(conversation, this.#options, options).run([...unanswered(conversation), ...request]);
  }

  async fork(): Promise<Agent> {
    const conversation = (await this.#open()).fork();
    return new ConversationAgent(this.#options, async () => conversation, conversation);
  }

  async export(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#open()).export();
  }

  dispose(): void {
    this.#disposed = true;
    this.#conversation?.dispose();
  }

  async #open(): Promise<Conversation> {
    this.#beginning ??= this.#begin();
    const conversation = await this.#beginning;
    this.#conversation = conversation;
    if (this.#disposed) conversation.dispose();
    return conversation;
  }
}

/** One `send` of an agent: answers and tool calls in turn. */
class AgentTurn {
  readonly #conversation: Conversation;
  readonly #options: CheckedAgentOptions;
  readonly #send: AgentSendOptions;
  readonly #startedMs = performance.now();
  #firstTokenMs: number | undefined;
  #answerTokenMs: number | undefined;
  #toolMs = 0;
  #steps = 0;
  #usage: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };

  constructor(conversation: Conversation, options: CheckedAgentOptions, send: AgentSendOptions) {
    this.#conversation = conversation;
    this.#options = options;
    this.#send = send;
  }

  async *run(request: readonly NewMessage[]): AsyncGenerator<AgentEvent, void> {
    try {
      for (let next = request; ; ) {
        const answer: Answer = { calls: [] };
        yield* this.#answer(next, answer);
        const { calls, finishReason } = answer;
        if (finishReason !== undefined) return yield this.#done(finishReason);
        const results: ToolResult[] = [];
        yield* this.#runTools(calls, results);
        if (this.#send.signal?.aborted) return yield this.#done("abort");
        if (this.#tokensLeft() === 0) return yield this.#done("budget");
        next = results.map((result) => toolMessage(result, this.#options.maxResultCharacters));
      }
    } finally {
      this.#conversation.endPause();
    }
  }

  /** One answer of the model. Without a reason to finish, its calls are to be run. */
  async *#answer(messages: readonly NewMessage[], answer: Answer): AsyncGenerator<AgentEvent, void> {
    this.#steps += 1;
    this.#answerTokenMs = undefined;
    for await (const part of this.#conversation.send(messages, this.#sendOptions())) {
      if (part.type !== "done") {
        this.#answerTokenMs ??= performance.now() - this.#startedMs;
        this.#firstTokenMs ??= this.#answerTokenMs;
        if (part.type === "tool-call") answer.calls.push(part);
        yield part;
        continue;
      }
      const { usage, timings, finishReason } = part;
      this.#usage = sum(this.#usage, usage);
      yield { type: "usage", step: this.#steps, usage, timings };
      if (finishReason === "tool-calls") continue;
      const overBudget = finishReason === "length" && this.#tokensLeft() === 0;
      answer.finishReason = overBudget ? "budget" : finishReason;
    }
  }

  /** Side by side, and told of in the order of the calls. */
  async *#runTools(calls: readonly ToolCall[], results: ToolResult[]): AsyncGenerator<AgentEvent, void> {
    const startedMs = performance.now();
    const stop = new AbortController();
    const { signal } = this.#send;
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const { tools, toolTimeoutMs: timeoutMs } = this.#options;
    const running = calls.map((call) => runToolCall(call, { tools, timeoutMs, signal: either }));
    try {
      for (const result of running) {
        results.push(await result);
        yield { type: "tool-result", ...(await result) };
      }
    } finally {
      stop.abort(new Error("It was cancelled."));
      this.#toolMs += performance.now() - startedMs;
    }
  }

  #sendOptions() {
    const { sampling, constrained, maxSteps, priority } = this.#options;
    const isLast = this.#steps === maxSteps;
    const wanted = this.#steps === 1 ? (this.#send.toolChoice ?? "auto") : "auto";
    const maxTokens = this.#tokensLeft();
    return {
      ...sampling,
      constrained,
      priority: this.#send.priority ?? priority,
      toolChoice: isLast ? "none" : wanted,
      ...(maxTokens !== undefined && { maxTokens }),
      ...(this.#send.signal && { signal: this.#send.signal }),
    } as const;
  }

  #tokensLeft(): number | undefined {
    const { maxTokens } = this.#send;
    return maxTokens === undefined ? undefined : Math.max(0, maxTokens - this.#usage.completionTokens);
  }

  #done(finishReason: AgentDone["finishReason"]): AgentDone {
    const answered = finishReason !== "abort" && finishReason !== "budget";
    const timings = {
      firstTokenMs: this.#firstTokenMs,
      firstEffectiveTokenMs: answered ? this.#answerTokenMs : undefined,
      toolMs: this.#toolMs,
      totalMs: performance.now() - this.#startedMs,
    };
    return { type: "done", finishReason, steps: this.#steps, usage: this.#usage, timings };
  }
}

interface Answer {
  readonly calls: ToolCall[];
  finishReason?: AgentDone["finishReason"];
}

function sum(a: Usage, b: Usage): Usage {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    completionTokens: a.completionTokens + b.completionTokens,
  };
}
