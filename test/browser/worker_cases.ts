import { answer, answersOf, collect } from "./answers.ts";
import { DEATHS } from "./deaths.ts";
import dyingWorker from "./dying_worker.ts?worker&url";
import { codeOf } from "./plain.ts";
import { openTiny, withTiny } from "./use_cases.ts";

/** What a page sees of the worker that its runtime runs in. */

const ROUNDS = 20;

export const workerCases = {
  threads: async () => {
    const inWorker = await withWorkersCounted(() => withTiny({}, answersOf));
    const inPage = await withWorkersCounted(() => withTiny({ thread: "page" }, answersOf));
    return { inWorker, inPage };
  },

  /** It is the page's, and not the worker's script's. */
  relativeAddress: () =>
    withTiny({ model: "models/tiny.gguf" }, async (runtime) => ({
      name: runtime.model.name,
      text: (await answer(runtime, "Hello")).text,
    })),

  longestTask: async () => ({
    withWorker: await withTiny({}, (runtime) => longestTaskMs(() => generate(runtime))),
    inPage: await withTiny({ thread: "page" }, (runtime) => longestTaskMs(() => generate(runtime))),
    // What the page does while it opens one.
    opening: await longestTaskMs(async () => (await openTiny()).dispose()),
    /** Of a task that is long, to see that it is seen. */
    control: await longestTaskMs(async () => {
      await pause(0);
      for (const end = performance.now() + 80; performance.now() < end; );
    }),
  }),

  deadWorker: async () => {
    const runtime = await openTiny({ workerUrl: dyingWorker });
    const before = (await answer(runtime, "Hello")).text;
    const turn = answer(runtime, "Hello", { maxTokens: 500 }).catch((error: unknown) => error);
    await runtime.conversation().send("Hello")[Symbol.asyncIterator]().next();
    const channel = new BroadcastChannel(DEATHS);
    channel.postMessage("told to");
    const error = await turn;
    channel.close();
    const again = async () => answer(runtime, "Again");
    const codes = [await codeOf(Promise.reject(error)), await codeOf(again())];
    await runtime.dispose();
    return { before, codes, message: error instanceof Error ? error.message : "" };
  },

  noWorker: () => codeOf(openTiny({ workerUrl: "/no-such-worker.js" })),

  rounds: async () => {
    const heapMiB: number[] = [];
    const { workers, ended } = await withWorkersCounted(async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await withTiny({}, async (runtime) => collect(runtime.conversation().send("Hi", { maxTokens: 2 })));
        heapMiB.push(usedHeapMiB());
      }
    });
    return { workers, ended, heapMiB };
  },
};

async function generate(runtime: Awaited<ReturnType<typeof openTiny>>): Promise<void> {
  const prompts = ["Hello", "A longer prompt. ".repeat(20), "1234567890 ".repeat(20)];
  await Promise.all(prompts.map((prompt) => answer(runtime, prompt, { maxTokens: 60 })));
}

/** Of this thread's tasks while `work` runs the longest, in ms; 0 where none took 50 ms, which is when browsers call one long. */
async function longestTaskMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  const note = (entries: PerformanceEntryList) => {
    for (const { duration } of entries) longest = Math.max(longest, duration);
  };
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  await pause(200); // tasks of what was before
  observer.observe({ type: "longtask" });
  await work();
  await pause(200); // entries come late
  note(observer.takeRecords());
  observer.disconnect();
  return longest;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What `use` gives, how many workers were made for it, and how many of them were ended. */
async function withWorkersCounted<T>(use: () => Promise<T>) {
  const Own = globalThis.Worker;
  let workers = 0;
  let ended = 0;
  globalThis.Worker = class extends Own {
    constructor(...args: ConstructorParameters<typeof Own>) {
      super(...args);
      workers += 1;
    }
    override terminate(): void {
      ended += 1;
      super.terminate();
    }
  };
  try {
    return { result: await use(), workers, ended };
  } finally {
    globalThis.Worker = Own;
  }
}

function usedHeapMiB(): number {
  const { memory } = performance as { readonly memory?: { readonly usedJSHeapSize: number } };
  return Math.round((memory?.usedJSHeapSize ?? 0) / 2 ** 20);
}
