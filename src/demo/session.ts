import type { Progress, Runtime } from "../index.ts";
import { closeRuntime, type ModelChoice, openRuntime, type Setup } from "./engine.ts";
import { isKept, type PhaseProgress, type ProgressBook, progressBook } from "./progress.ts";
import { createStore, type Store } from "./store.ts";
import { createTabClaim, type TabWay } from "./tab_claim.ts";
import { inOtherTab, type Trouble, takenByOtherTab, troubleOf } from "./trouble.ts";

/** The page's one model on its devices, and how it came to be there. */
export interface Session {
  readonly state: Store<SessionState>;
  /** Loads a model, letting go of the one before; the runtime, or undefined where it failed or was stopped, which `state` says. */
  load(choice: ModelChoice, setup?: Setup): Promise<Runtime | undefined>;
  /** The same model with other devices or another policy; at once where it has these. */
  ensure(setup: Setup): Promise<Runtime | undefined>;
  /** What was asked for last, once more. */
  retry(way?: TabWay): Promise<Runtime | undefined>;
  stop(): void;
}

export type SessionState =
  | { readonly kind: "empty" }
  | { readonly kind: "loading"; readonly choice: ModelChoice; readonly phases: readonly PhaseProgress[] }
  | {
      readonly kind: "ready";
      readonly choice: ModelChoice;
      readonly setup: Setup;
      readonly runtime: Runtime;
      /** False where the browser had no room for it, so that the next load fetches it again. */
      readonly kept: boolean;
    }
  | { readonly kind: "failed"; readonly choice: ModelChoice; readonly trouble: Trouble }
  /** Another tab of the page has a model, and this one none. */
  | { readonly kind: "elsewhere"; readonly choice: ModelChoice; readonly trouble: Trouble };

interface Wanted {
  readonly choice: ModelChoice;
  readonly setup: Setup;
}

const EVERYTHING: Setup = { policy: "baton", devices: "auto" };

export function createSession(): Session {
  const state = createStore<SessionState>({ kind: "empty" });
  let asked: Wanted | undefined;
  let stopping = new AbortController();
  /** Loads go one after the other: two models at once may not fit. */
  let tail: Promise<unknown> = Promise.resolve();

  /** Another tab has taken over. */
  const letGo = async (): Promise<void> => {
    stopping.abort();
    const going = tail.then(async () => {
      const before = state.value;
      if (asked) state.set({ kind: "elsewhere", choice: asked.choice, trouble: takenByOtherTab });
      if (before.kind === "ready") await closeRuntime(before.runtime);
    });
    tail = going;
    await going;
  };
  const tab = createTabClaim(letGo);

  const open = async (
    { choice, setup }: Wanted,
    way: TabWay,
    signal: AbortSignal,
  ): Promise<Runtime | undefined> => {
    const before = state.value;
    const book: ProgressBook = progressBook();
    const phases = () => book.phases(performance.now());
    const show = () => state.set({ kind: "loading", choice, phases: phases() });
    if (signal.aborted) return undefined;
    show();
    if (before.kind === "ready") await closeRuntime(before.runtime);
    try {
      if (!(await tab.claim(way))) {
        state.set({ kind: "elsewhere", choice, trouble: inOtherTab });
        return undefined;
      }
      const onProgress = (progress: Progress) => {
        if (signal.aborted) return;
        book.add(progress, performance.now());
        show();
      };
      const runtime = await openRuntime(choice, setup, { onProgress, signal });
      state.set({ kind: "ready", choice, setup, runtime, kept: isKept(phases()) });
      return runtime;
    } catch (error) {
      tab.release();
      const stopped = signal.aborted;
      state.set(stopped ? { kind: "empty" } : { kind: "failed", choice, trouble: troubleOf(error) });
      return undefined;
    }
  };

  const begin = (wanted: Wanted, way: TabWay): Promise<Runtime | undefined> => {
    asked = wanted;
    stopping.abort();
    stopping = new AbortController();
    const { signal } = stopping;
    const opening = tail.then(() => open(wanted, way, signal));
    tail = opening;
    return opening;
  };

  return {
    state,
    load: (choice, setup = EVERYTHING) => begin({ choice, setup }, "ask"),
    ensure: async (setup) => {
      await tail;
      const now = state.value;
      if (now.kind === "ready" && sameSetup(now.setup, setup)) return now.runtime;
      return asked === undefined ? undefined : begin({ choice: asked.choice, setup }, "ask");
    },
    retry: async (way = "ask") => (asked === undefined ? undefined : begin(asked, way)),
    stop: () => stopping.abort(),
  };
}

function sameSetup(a: Setup, b: Setup): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
