import { type Endpoint, expose, type Remote, releaseProxy, transfer, wrap } from "comlink";
import type { ComparedPolicies, Part, RuntimeEvent } from "../api.ts";
import { disposed } from "../conversation/loop_errors.ts";
import { DeviceError } from "../errors.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type {
  Opened,
  PageEvents,
  RuntimeCalls,
  Sent,
  SentComparison,
  SentOptions,
  Snapshot,
  TurnEnd,
} from "./messages.ts";
import { type Outcome, unwrap } from "./outcome.ts";

/** A worker, or what stands for one. It tells of its death by an `error` or a `messageerror` event. */
export interface WorkerPort {
  readonly endpoint: Endpoint;
  /** Ends it at once. */
  terminate(): void;
}

/** Who waits for what a task gives. */
export interface TaskSink {
  progress?: OnProgress | undefined;
  parts?(parts: readonly Part[]): void;
  ended?(end: TurnEnd): void;
  observed?(events: readonly RuntimeEvent[]): void;
  failed(error: unknown): void;
}

type Call<T> = (remote: Remote<RuntimeCalls>, task: number) => Promise<T>;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The page's side of a worker: calls with their ends, and one end for all of them should the worker die. */
export class Link {
  readonly #port: WorkerPort;
  readonly #remote: Remote<RuntimeCalls>;
  readonly #events = new MessageChannel();
  readonly #sinks = new Map<number, TaskSink>();
  #tasks = 0;
  #snapshot: Snapshot | undefined;
  /** What later calls are refused with. */
  #refusal: Error | undefined;
  #ended = false;

  constructor(port: WorkerPort) {
    this.#port = port;
    this.#remote = wrap<RuntimeCalls>(port.endpoint);
    expose(this.#told, this.#events.port1);
    port.endpoint.addEventListener("error", this.#died);
    port.endpoint.addEventListener("messageerror", this.#died);
  }

  /** The last one. @throws Error before `open` */
  get snapshot(): Snapshot {
    if (this.#snapshot === undefined) throw new Error("The worker has told nothing yet.");
    return this.#snapshot;
  }

  /** @throws InputError `disposed`; DeviceError `device-lost` when the worker has died */
  assertAlive(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** Loads the model there. */
  async open(options: SentOptions, pageUrl: string | undefined, more: CallOptions): Promise<Opened> {
    const { port2 } = this.#events;
    const opened = await this.call(
      (remote, task) => remote.open(task, movable(options), transfer(port2, [port2]), pageUrl),
      more,
    );
    this.#snapshot = opened.snapshot;
    return opened;
  }

  /** Compares policies there, in place of a runtime that is opened. */
  compare(
    options: SentComparison,
    pageUrl: string | undefined,
    more: CallOptions,
  ): Promise<ComparedPolicies> {
    const { port2 } = this.#events;
    return this.call(
      (remote, task) => remote.compare(task, movable(options), transfer(port2, [port2]), pageUrl),
      more,
    );
  }

  /** @throws what the call failed with, and what `onProgress` threw; as `assertAlive` */
  async call<T>(call: Call<Outcome<T>>, { signal, onProgress }: CallOptions = {}): Promise<T> {
    this.assertAlive();
    return this.#call(call, signal, onProgress);
  }

  /** Does what cannot fail while the worker lives. Later calls come after it. */
  post(call: (remote: Remote<RuntimeCalls>) => Promise<unknown>): void {
    if (!this.#ended) void call(this.#remote).catch(() => {});
  }

  /** Begins a task that ends by an event. @throws as `assertAlive` */
  start(call: Call<unknown>, sink: TaskSink): number {
    this.assertAlive();
    const task = this.#add(sink);
    call(this.#remote, task).catch((error: unknown) => this.#take(task)?.failed(error));
    return task;
  }

  /** Begins a task that goes on until what is returned is called, or the worker ends. @throws as `assertAlive` */
  follow(call: Call<unknown>, observed: NonNullable<TaskSink["observed"]>): () => void {
    const task = this.start(call, { observed, failed: () => {} });
    return () => {
      this.abort(task);
      this.#take(task);
    };
  }

  /** Ends a task early; does nothing when it has ended. */
  abort(task: number): void {
    if (this.#sinks.has(task)) this.post((remote) => remote.abort(task));
  }

  /** Ends the runtime there, and the worker. */
  async dispose(): Promise<void> {
    if (this.#refusal !== undefined) return;
    const refusal = disposed();
    this.#refusal = refusal;
    try {
      this.#snapshot = await this.#call((remote) => remote.dispose());
    } catch (error) {
      // Of a worker that has died meanwhile nothing is left.
      if (!this.#ended) throw error;
    } finally {
      this.end(refusal);
    }
  }

  /** Ends the worker; whatever waits fails with this error, and later calls too. */
  end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#refusal = error;
    for (const task of [...this.#sinks.keys()]) this.#take(task)?.failed(error);
    this.#port.endpoint.removeEventListener("error", this.#died);
    this.#port.endpoint.removeEventListener("messageerror", this.#died);
    this.#remote[releaseProxy]();
    this.#events.port1.close();
    this.#port.terminate();
  }

  #call<T>(call: Call<Outcome<T>>, signal?: AbortSignal, progress?: OnProgress): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const task = this.#add({ progress, failed: reject });
      const abort = () => this.abort(task);
      const settled = () => {
        signal?.removeEventListener("abort", abort);
        this.#sinks.delete(task);
      };
      call(this.#remote, task)
        .then((outcome) => resolve(unwrap(outcome, signal)))
        .catch(reject)
        .finally(settled);
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) abort();
    });
  }

  #add(sink: TaskSink): number {
    this.#tasks += 1;
    this.#sinks.set(this.#tasks, sink);
    return this.#tasks;
  }

  /** Nobody hears of the task any more. */
  #take(task: number): TaskSink | undefined {
    const sink = this.#sinks.get(task);
    this.#sinks.delete(task);
    return sink;
  }

  /** What the worker says. */
  readonly #told: PageEvents = {
    progress: (task, progress) => {
      const sink = this.#sinks.get(task);
      try {
        sink?.progress?.(progress);
      } catch (error) {
        this.abort(task);
        sink?.failed(error);
      }
    },
    parts: (task, parts) => this.#sinks.get(task)?.parts?.(parts),
    ended: (task, end) => {
      this.#snapshot = end.snapshot;
      this.#take(task)?.ended?.(end);
    },
    observed: (task, events) => this.#sinks.get(task)?.observed?.(events),
    snapshot: (snapshot) => {
      this.#snapshot = snapshot;
    },
  };

  readonly #died = (event: unknown): void => {
    const message = event instanceof Event && "message" in event ? String(event.message) : "";
    // It is told to whoever calls, and is no error of the page's own.
    if (event instanceof Event) event.preventDefault();
    const reason = message || "its script could not be loaded, or sent what cannot be read";
    this.end(
      new DeviceError(
        "device-lost",
        `The runtime's worker has ended: ${reason}. Create a new runtime; if its script is not found, give workerUrl.`,
        { device: "worker", reason },
      ),
    );
  };
}

/** A stream is given away, as it cannot be copied. */
function movable<Options extends Sent<unknown>>(options: Options): Options {
  const { model } = options;
  return model instanceof ReadableStream ? transfer(options, [model]) : options;
}
