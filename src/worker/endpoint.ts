import { transfer, wrap } from "comlink";
import type {
  ComparedPolicies,
  ComparePoliciesOptions,
  Conversation,
  NewMessage,
  Runtime,
  RuntimeEvent,
  RuntimeOptions,
} from "../api.ts";
import { disposed } from "../conversation/loop_errors.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type {
  ImportedState,
  Opened,
  PageEvents,
  RuntimeCalls,
  SentComparison,
  SentEvaluation,
  SentOptions,
  SentTuning,
  SentTurn,
  Snapshot,
} from "./messages.ts";
import { failureOf, type Outcome, outcomeOf } from "./outcome.ts";
import { Batches, sendBatches } from "./part_batches.ts";
import { SnapshotFeed } from "./snapshot_feed.ts";

/** How the runtime is made. `pageUrl`: what addresses of models are relative to. */
export type OpenRuntime = (options: RuntimeOptions, pageUrl: string | undefined) => Promise<Runtime>;
/** How policies are compared. */
export type ComparePolicies = (
  options: ComparePoliciesOptions,
  pageUrl: string | undefined,
) => Promise<ComparedPolicies>;

/** A runtime, and what tells the page of it. */
interface Served {
  readonly runtime: Runtime;
  readonly events: PageEvents;
  readonly feed: SnapshotFeed;
}

/** The worker's side: one runtime or one comparison of policies, for the page at the other end. It decides nothing, and keeps what the page has named. */
export class RuntimeEndpoint implements RuntimeCalls {
  readonly #openRuntime: OpenRuntime;
  readonly #comparePolicies: ComparePolicies;
  readonly #conversations = new Map<string, Conversation>();
  /** What ends each task early. */
  readonly #tasks = new Map<number, AbortController>();
  readonly #turns = new Set<Promise<void>>();
  #served: Served | undefined;

  constructor(openRuntime: OpenRuntime, comparePolicies: ComparePolicies) {
    this.#openRuntime = openRuntime;
    this.#comparePolicies = comparePolicies;
  }

  open(
    task: number,
    options: SentOptions,
    port: MessagePort,
    pageUrl: string | undefined,
  ): Promise<Outcome<Opened>> {
    const events: PageEvents = wrap<PageEvents>(port);
    return this.#task(task, async (signal) => {
      const runtime = await toldOfProgress(events, task, (onProgress) =>
        this.#openRuntime({ ...options, signal, onProgress }, pageUrl),
      );
      const feed = new SnapshotFeed({
        take: () => snapshotOf(runtime),
        send: async (snapshot) => events.snapshot(snapshot),
      });
      this.#served = { runtime, events, feed };
      const { model, adapter, devices, devicesReason, policy, precision } = runtime;
      const facts = { model, adapter, devices, devicesReason, policy, precision };
      return { facts, snapshot: snapshotOf(runtime) };
    });
  }

  compare(
    task: number,
    options: SentComparison,
    port: MessagePort,
    pageUrl: string | undefined,
  ): Promise<Outcome<ComparedPolicies>> {
    const events: PageEvents = wrap<PageEvents>(port);
    return this.#task(task, (signal) =>
      toldOfProgress(events, task, (onProgress) =>
        this.#comparePolicies({ ...options, signal, onProgress }, pageUrl),
      ),
    );
  }

  abort(task: number): void {
    this.#tasks.get(task)?.abort();
  }

  begin(id: string, options: Parameters<RuntimeCalls["begin"]>[1]): void {
    const { runtime } = this.#serving();
    this.#conversations.set(id, runtime.conversation({ ...options, id }));
  }

  send(
    task: number,
    id: string,
    input: string | readonly NewMessage[],
    options: SentTurn,
    aborted: boolean,
  ): void {
    const conversation = this.#conversation(id);
    const controller = this.#begin(task);
    if (aborted) controller.abort();
    const parts = conversation.send(input, { ...options, signal: controller.signal });
    const turn = this.#run(task, conversation, parts).finally(() => this.#turns.delete(turn));
    this.#turns.add(turn);
  }

  endPause(id: string): void {
    this.#conversation(id).endPause();
  }

  fork(id: string, from: string, messages: number): void {
    this.#conversations.set(id, this.#conversation(from).fork({ id, messages }));
    this.#serving().feed.soon();
  }

  rollback(id: string, messages: number): void {
    this.#conversation(id).rollback(messages);
  }

  async export(id: string): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
    const outcome = await outcomeOf(() => this.#conversation(id).export());
    return outcome.kind === "value" ? transfer(outcome, [outcome.value.buffer]) : outcome;
  }

  close(id: string): void {
    this.#conversations.get(id)?.dispose();
    this.#conversations.delete(id);
    this.#serving().feed.soon();
  }

  import(id: string, saved: Uint8Array<ArrayBuffer> | Blob): Promise<Outcome<ImportedState>> {
    return outcomeOf(async () => {
      const { runtime, feed } = this.#serving();
      const conversation = await runtime.import(saved, { id });
      this.#conversations.set(id, conversation);
      await feed.send();
      const { messages, tools, cachedTokens } = conversation;
      return { messages, tools, cachedTokens };
    });
  }

  evaluate(task: number, request: SentEvaluation): ReturnType<RuntimeCalls["evaluate"]> {
    return this.#watched(task, (runtime, signal) => runtime.evaluate({ ...request, signal }));
  }

  tune(task: number, options: SentTuning): ReturnType<RuntimeCalls["tune"]> {
    return this.#watched(task, (runtime, signal) =>
      toldOfProgress(this.#serving().events, task, (onProgress) =>
        runtime.tune({ ...options, signal, onProgress }),
      ),
    );
  }

  observe(task: number, options: Parameters<RuntimeCalls["observe"]>[1]): void {
    const { runtime, events } = this.#serving();
    const batches = new Batches<RuntimeEvent>(async (batch) => events.observed(task, batch));
    const end = runtime.observe((event) => batches.push(event), options);
    this.#begin(task).signal.addEventListener("abort", () => {
      end();
      this.#tasks.delete(task);
    });
  }

  encode(text: string): Promise<Outcome<number[]>> {
    return outcomeOf(() => this.#serving().runtime.tokenizer.encode(text));
  }

  decode(ids: readonly number[]): Promise<Outcome<string>> {
    return outcomeOf(() => this.#serving().runtime.tokenizer.decode(ids));
  }

  encodeChat(...[messages, tools]: Parameters<RuntimeCalls["encodeChat"]>): Promise<Outcome<number[]>> {
    return outcomeOf(() => this.#serving().runtime.tokenizer.encodeChat(messages, tools));
  }

  dispose(): Promise<Outcome<Snapshot>> {
    return outcomeOf(async () => {
      const { runtime, feed } = this.#serving();
      await runtime.dispose();
      await Promise.all(this.#turns);
      feed.stop();
      this.#conversations.clear();
      return snapshotOf(runtime);
    });
  }

  /** Runs a turn to its end, and tells of it. */
  async #run(
    task: number,
    conversation: Conversation,
    parts: ReturnType<Conversation["send"]>,
  ): Promise<void> {
    const { events, feed } = this.#serving();
    feed.begin();
    const { rest, cause } = await sendBatches(parts, async (batch) => events.parts(task, batch));
    this.#tasks.delete(task);
    const failure = cause === undefined ? undefined : failureOf(cause);
    const { messages, cachedTokens } = conversation;
    const state = { messages, cachedTokens };
    await events.ended(task, { parts: rest, failure, state, snapshot: feed.end() });
  }

  /** A task that the snapshots follow, the last of which comes before its result. */
  #watched<T>(
    task: number,
    work: (runtime: Runtime, signal: AbortSignal) => Promise<T>,
  ): Promise<Outcome<T>> {
    return this.#task(task, async (signal) => {
      const { runtime, feed, events } = this.#serving();
      feed.begin();
      try {
        return await work(runtime, signal);
      } finally {
        await events.snapshot(feed.end());
      }
    });
  }

  async #task<T>(task: number, work: (signal: AbortSignal) => Promise<T>): Promise<Outcome<T>> {
    const { signal } = this.#begin(task);
    const outcome = await outcomeOf(() => work(signal), signal);
    this.#tasks.delete(task);
    return outcome;
  }

  #begin(task: number): AbortController {
    const controller = new AbortController();
    this.#tasks.set(task, controller);
    return controller;
  }

  #serving(): Served {
    if (this.#served === undefined) throw new Error("The worker has no runtime yet.");
    return this.#served;
  }

  /** @throws InputError `disposed` */
  #conversation(id: string): Conversation {
    const conversation = this.#conversations.get(id);
    if (conversation === undefined) throw disposed();
    return conversation;
  }
}

function snapshotOf(runtime: Runtime): Snapshot {
  return { stats: runtime.stats(), conversations: runtime.conversations() };
}

/** What the work gives, once the page has heard of all its progress. */
async function toldOfProgress<T>(
  events: PageEvents,
  task: number,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  let last: Promise<void> | undefined;
  const result = await work((progress) => {
    // Whoever listens there may throw: the page ends the task then.
    last = Promise.resolve(events.progress(task, progress)).catch(() => {});
  });
  await last;
  return result;
}
