import {
  BatonError,
  type BrowserPlatformOptions,
  conversationStorage,
  createAgent,
  createBrowserPlatform,
  createRuntime,
  modelStorage,
  openConversation,
  type PersistedConversation,
  type Runtime,
  type StorageError,
} from "../../../src/index.ts";
import { collect } from "../answers.ts";
import type { Loaded, LoadRequest } from "./load_request.ts";

/** What the test calls in the page, one step at a time, between reloads. */

const held: { runtime?: Runtime; conversation?: PersistedConversation } = {};
const errors: string[] = [];

const steps = {
  /** Loads the model as asked, and says how that went. */
  async load(request: LoadRequest): Promise<Loaded> {
    const kept = new Set<boolean>();
    const phases = new Set<string>();
    try {
      const platform = createBrowserPlatform(platformOptions(request));
      held.runtime = await createRuntime({
        model: request.model,
        precision: "exact",
        kvMiB: 4,
        platform,
        onProgress: (progress) => {
          phases.add(progress.phase);
          if (progress.kept === false) kept.add(false);
        },
      });
      return { loaded: true, phases: [...phases], isKept: !kept.has(false) };
    } catch (error) {
      const code = error instanceof BatonError ? `${error.name} ${error.code}` : String(error);
      const fields = error instanceof BatonError ? error.fields : {};
      return { loaded: false, phases: [...phases], isKept: false, code, fields };
    }
  },

  /** Fetches the model and stops once `bytes` have come. */
  async stopAfter(request: LoadRequest, bytes: number): Promise<string> {
    const stop = new AbortController();
    const platform = createBrowserPlatform(platformOptions(request));
    const onProgress = ({ done }: { readonly done: number }) => {
      if (done >= bytes) stop.abort(new Error("stopped"));
    };
    return platform.resolveModel(request.model, { signal: stop.signal, onProgress }).then(
      () => "loaded",
      (error: unknown) => String(error),
    );
  },

  loadInWorker(request: LoadRequest): Promise<unknown> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`The worker failed: ${message}`));
      worker.postMessage({ ...request, base: location.href });
    }).finally(() => worker.terminate());
  },

  /** From now on the page reaches nobody. */
  goOffline(): void {
    globalThis.fetch = () => Promise.reject(new TypeError("there is no network"));
  },

  async answer(): Promise<string> {
    if (!held.runtime) throw new Error("Nothing is loaded.");
    const conversation = held.runtime.conversation();
    return (await collect(conversation.send("Hello", { temperature: 0, maxTokens: 8 }))).text;
  },

  list: () => modelStorage().list(),
  remove: (name: string) => modelStorage().remove(name),
  clear: () => modelStorage().clear(),
  usage: () => modelStorage().usage(),

  async open(key: string) {
    if (!held.runtime) throw new Error("Nothing is loaded.");
    errors.length = 0;
    const onError = ({ code }: StorageError) => errors.push(code);
    held.conversation = await openConversation(held.runtime, key, { system: "Be brief.", onError });
    return { beginning: held.conversation.beginning.kind, messages: held.conversation.messages };
  },

  async say(text: string) {
    if (!held.conversation) throw new Error("No conversation is open.");
    const done = await collect(held.conversation.send(text, { temperature: 0, maxTokens: 12 }));
    return { text: done.text, usage: done.usage };
  },

  /** The same turn in a copy, which leaves the conversation as it is. */
  async sayInFork(text: string) {
    if (!held.conversation) throw new Error("No conversation is open.");
    const fork = held.conversation.fork();
    const done = await collect(fork.send(text, { temperature: 0, maxTokens: 12 }));
    fork.dispose();
    return { text: done.text, usage: done.usage };
  },

  async save() {
    return { saved: await held.conversation?.save(), errors };
  },

  /** An agent's answer, and what it knew before. */
  async askAgent(text: string) {
    if (!held.runtime) throw new Error("Nothing is loaded.");
    const agent = createAgent(held.runtime, { persist: "agent", temperature: 0 });
    const beginning = await agent.open();
    const known = agent.messages.length;
    let cachedTokens = 0;
    for await (const event of agent.send(text, { maxTokens: 8 }))
      if (event.type === "done") cachedTokens = event.usage.cachedTokens;
    return { beginning: beginning?.kind, known, cachedTokens };
  },

  /** Damages what is saved under the key. */
  async damage(key: string): Promise<void> {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle("baton-conversations");
    const handle = await folder.getFileHandle(`${key}.kv`);
    const stream = await handle.createWritable({ keepExistingData: true });
    await stream.write({ type: "write", position: 200, data: new Uint8Array(8) });
    await stream.close();
  },

  saved: () => conversationStorage().list(),
  removeSaved: (key: string) => conversationStorage().remove(key),
  clearSaved: () => conversationStorage().clear(),
};

function platformOptions({ catalogue, modelsUrl, whenFull }: LoadRequest): BrowserPlatformOptions {
  return {
    patience: { answerMs: 10_000, stallMs: 10_000, retryMs: 10, attempts: 2 },
    ...(catalogue && { catalogue: { default: catalogue.name, models: [catalogue] } }),
    ...(modelsUrl !== undefined && { modelsUrl }),
    ...(whenFull && { whenFull }),
  };
}

export type Steps = typeof steps;

Object.assign(globalThis, { steps });
