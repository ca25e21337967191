import type {
  ConversationOptions,
  ConversationStatus,
  EvaluateRequest,
  EvaluateResult,
  ImportOptions,
  ObserveOptions,
  Runtime,
  RuntimeEvent,
  RuntimeStats,
  TextCodec,
  TuneOptions,
  TuneResult,
} from "../api.ts";
import { ConversationIds } from "../conversation/conversation_ids.ts";
import { disposed } from "../conversation/loop_errors.ts";
import { checkConversationOptions } from "../conversation/message_checks.ts";
import { checkObject, checkSignal, invalidOption } from "../conversation/option_checks.ts";
import { type CheckedRuntimeOptions, checkObserveOptions, checkTuneOptions } from "../runtime_options.ts";
import { Link, type WorkerPort } from "./link.ts";
import type { RuntimeFacts } from "./messages.ts";
import { RemoteConversation, type RemoteParts } from "./remote_conversation.ts";
import { sentOptions } from "./sent_options.ts";

/**
 * A runtime in the worker behind `port`, which ends when loading fails.
 * @param pageUrl what addresses of models are relative to
 * @throws as `createRuntime`; DeviceError `device-lost` when the worker ends, or never began
 */
export async function openRemoteRuntime(
  options: CheckedRuntimeOptions,
  port: WorkerPort,
  pageUrl: string | undefined,
): Promise<Runtime> {
  const link = new Link(port);
  try {
    const { signal, onProgress } = options;
    const { facts } = await link.open(sentOptions(options), pageUrl, { signal, onProgress });
    return new RemoteRuntime(link, facts);
  } catch (error) {
    link.end(disposed());
    throw error;
  }
}

/** The runtime as the page sees it: calls go to the worker, and what has to be known at once is a copy of what is there. */
class RemoteRuntime implements Runtime {
  readonly model: RuntimeFacts["model"];
  readonly adapter: RuntimeFacts["adapter"];
  readonly devices: RuntimeFacts["devices"];
  readonly devicesReason: RuntimeFacts["devicesReason"];
  readonly policy: RuntimeFacts["policy"];
  readonly precision: RuntimeFacts["precision"];
  readonly tokenizer: TextCodec;
  readonly #link: Link;
  readonly #parts: RemoteParts;
  #disposal: Promise<void> | undefined;

  constructor(link: Link, facts: RuntimeFacts) {
    this.model = facts.model;
    this.adapter = facts.adapter;
    this.devices = facts.devices;
    this.devicesReason = facts.devicesReason;
    this.policy = facts.policy;
    this.precision = facts.precision;
    this.#link = link;
    this.#parts = { link, ids: new ConversationIds(), limits: facts.model };
    this.tokenizer = {
      encode: (text) => link.call((remote) => remote.encode(text)),
      decode: (ids) => link.call((remote) => remote.decode(ids)),
      encodeChat: (messages, tools) => link.call((remote) => remote.encodeChat(messages, tools)),
    };
  }

  stats(): RuntimeStats {
    return this.#link.snapshot.stats;
  }

  conversations(): readonly ConversationStatus[] {
    return this.#link.snapshot.conversations;
  }

  conversation(options: ConversationOptions = {}): RemoteConversation {
    this.#link.assertAlive();
    const { messages, tools } = checkConversationOptions(options);
    const id = this.#parts.ids.claim(options.id);
    this.#link.post((remote) => remote.begin(id, { messages, tools }));
    return new RemoteConversation(id, { messages, tools, cachedTokens: 0 }, this.#parts);
  }

  async import(
    saved: Uint8Array<ArrayBuffer> | Blob,
    options: ImportOptions = {},
  ): Promise<RemoteConversation> {
    this.#link.assertAlive();
    if (!(saved instanceof Uint8Array || saved instanceof Blob))
      throw invalidOption("saved", saved, "a Uint8Array or a Blob");
    const id = this.#parts.ids.claim(options.id);
    try {
      const state = await this.#link.call((remote) => remote.import(id, saved));
      return new RemoteConversation(id, state, this.#parts);
    } catch (error) {
      this.#parts.ids.release(id);
      throw error;
    }
  }

  async evaluate(request: EvaluateRequest): Promise<EvaluateResult> {
    this.#link.assertAlive();
    checkObject("request", request);
    const { signal, ...sent } = request;
    checkSignal(signal);
    return this.#link.call((remote, task) => remote.evaluate(task, sent), { signal });
  }

  async tune(options: TuneOptions = {}): Promise<TuneResult> {
    this.#link.assertAlive();
    const { signal, onProgress, ...sent } = checkTuneOptions(options);
    return this.#link.call((remote, task) => remote.tune(task, sent), { signal, onProgress });
  }

  observe(listener: (event: RuntimeEvent) => void, options: ObserveOptions = {}): () => void {
    const checked = checkObserveOptions(listener, options);
    return this.#link.follow(
      (remote, task) => remote.observe(task, checked),
      (events) => {
        for (const event of events) tell(listener, event);
      },
    );
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#link.dispose();
    return this.#disposal;
  }
}

/** What a listener throws is uncaught, and keeps nothing from the others. */
function tell(listener: (event: RuntimeEvent) => void, event: RuntimeEvent): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
