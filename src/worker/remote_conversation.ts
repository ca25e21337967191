import type {
  Conversation,
  ForkOptions,
  Message,
  NewMessage,
  Part,
  SendOptions,
  ToolDefinition,
} from "../api.ts";
import type { ConversationIds } from "../conversation/conversation_ids.ts";
import { conversationBusy, conversationDisposed, errorOf } from "../conversation/loop_errors.ts";
import { checkInput, firstMessages } from "../conversation/message_checks.ts";
import { PartStream } from "../conversation/part_stream.ts";
import { checkSendOptions } from "../conversation/send_options.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { Link } from "./link.ts";
import type { ConversationState, ImportedState, TurnEnd } from "./messages.ts";
import { errorOfFailure } from "./outcome.ts";

/** What a conversation of the page stands on; the runtime's. */
export interface RemoteParts {
  readonly link: Link;
  readonly ids: ConversationIds;
  readonly limits: Pick<RunnerLimits, "contextTokens" | "vocabTokens">;
}

/**
 * A conversation in the worker as the page sees it. What it says at once is what the worker said at the end of the last turn, with
 * what has been done to it here since: nothing else changes it there.
 */
export class RemoteConversation implements Conversation {
  readonly id: string;
  readonly tools: readonly ToolDefinition[];
  readonly #parts: RemoteParts;
  #state: ConversationState;
  #disposed = false;
  #turns = 0;

  constructor(id: string, { tools, messages, cachedTokens }: ImportedState, parts: RemoteParts) {
    this.id = id;
    this.tools = tools;
    this.#state = { messages, cachedTokens };
    this.#parts = parts;
  }

  get messages(): readonly Message[] {
    return this.#state.messages;
  }

  get cachedTokens(): number {
    return this.#disposed ? 0 : this.#state.cachedTokens;
  }

  async *send(input: string | readonly NewMessage[], options: SendOptions = {}): AsyncGenerator<Part, void> {
    checkInput(input);
    const { signal } = checkSendOptions(options, this.#parts.limits, this.tools);
    if (this.#disposed) throw conversationDisposed(this.id);
    const turn = this.#begin(input, options);
    this.#turns += 1;
    try {
      signal?.addEventListener("abort", turn.abort);
      yield* turn.parts;
    } finally {
      signal?.removeEventListener("abort", turn.abort);
      turn.abort();
      await turn.ended;
      this.#turns -= 1;
    }
  }

  fork({ messages = this.messages.length, id: wanted }: ForkOptions = {}): RemoteConversation {
    const kept = this.#first(messages);
    const { ids, link } = this.#parts;
    const id = ids.claim(wanted);
    link.post((remote) => remote.fork(id, this.id, messages));
    const state = { messages: kept, tools: this.tools, cachedTokens: this.cachedTokens };
    return new RemoteConversation(id, state, this.#parts);
  }

  endPause(): void {
    if (!this.#disposed) this.#parts.link.post((remote) => remote.endPause(this.id));
  }

  rollback(messages: number): void {
    const kept = this.#first(messages);
    if (this.#turns > 0) throw conversationBusy(this.id);
    this.#state = { ...this.#state, messages: kept };
    this.#parts.link.post((remote) => remote.rollback(this.id, messages));
  }

  async export(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#disposed) throw conversationDisposed(this.id);
    return this.#parts.link.call((remote) => remote.export(this.id));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#parts.link.post((remote) => remote.close(this.id));
    this.#parts.ids.release(this.id);
  }

  /** @throws InputError `invalid-option`, `disposed`; DeviceError `device-lost` */
  #first(messages: number): readonly Message[] {
    if (this.#disposed) throw conversationDisposed(this.id);
    this.#parts.link.assertAlive();
    return firstMessages(this.messages, messages);
  }

  /** A turn there: its parts, whether it has ended, and a way to end it. @throws InputError `disposed`; DeviceError `device-lost` */
  #begin(input: string | readonly NewMessage[], { signal, ...sent }: SendOptions) {
    const { link } = this.#parts;
    const stream = new PartStream();
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const close = (error?: unknown) => {
      stream.close(error === undefined ? undefined : errorOf(error));
      end();
    };
    const take = ({ parts, failure, state }: TurnEnd) => {
      this.#state = state;
      stream.push(...parts);
      close(failure && errorOfFailure(failure, signal));
    };
    const aborted = signal?.aborted === true;
    const task = link.start((remote, number) => remote.send(number, this.id, input, sent, aborted), {
      parts: (parts) => stream.push(...parts),
      ended: take,
      failed: close,
    });
    return { parts: stream.read(), ended, abort: () => link.abort(task) };
  }
}
