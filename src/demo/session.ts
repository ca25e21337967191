import type { Progress, Runtime } from "../index.ts";
import { closeRuntime, type ModelChoice, openRuntime, type Setup } from "./engine.ts";
import { type PhaseProgress, type ProgressBook, progressBook } from "./progress.ts";
import { createStore, type Store } from "./store.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/** The page's one model on its devices, and how it came to be there. */
export interface Session {
  readonly state: Store<SessionState>;
  /** Loads a model, letting go of the one before; the runtime, or undefined where it failed or was stopped, which `state` says. */
  load(choice: ModelChoice, setup?: Setup): Promise<Runtime | undefined>;
  /** The same model with other devices or another policy; at once where it has these. */
  ensure(setup: Setup): Promise<Runtime | undefined>;
  retry(): Promise<Runtime | undefined>;
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
    }
  | { readonly kind: "failed"; readonly choice: ModelChoice; readonly trouble: Trouble };

const EVERYTHING: Setup = { policy: "baton", devices: "auto" };

export function createSession(): Session {
  const state = createStore<SessionState>({ kind: "empty" });
  let asked: { readonly choice: ModelChoice; readonly setup: Setup } | undefined;
  let stopping = new AbortController();
  /** Loads go one after the other: two models at once may not fit. */
  let tail: Promise<unknown> = Promise.resolve();

  const open = async (
    choice: ModelChoice,
    setup: Setup,
    signal: AbortSignal,
  ): Promise<Runtime | undefined> => {
    const before = state.value;
    const book: ProgressBook = progressBook();
    const show = () => state.set({ kind: "loading", choice, phases: book.phases(performance.now()) });
    if (signal.aborted) return undefined;
    show();
    if (before.kind === "ready") await closeRuntime(before.runtime);
    try {
      const onProgress = (progress: Progress) => {
        if (signal.aborted) return;
        book.add(progress, performance.now());
        show();
      };
      const runtime = await openRuntime(choice, setup, { onProgress, signal });
      state.set({ kind: "ready", choice, setup, runtime });
      return runtime;
    } catch (error) {
      const stopped = signal.aborted;
      state.set(stopped ? { kind: "empty" } : { kind: "failed", choice, trouble: troubleOf(error) });
      return undefined;
    }
  };

  const load: Session["load"] = (choice, setup = EVERYTHING) => {
    asked = { choice, setup };
    stopping.abort();
    stopping = new AbortController();
    const { signal } = stopping;
    const opening = tail.then(() => open(choice, setup, signal));
    tail = opening;
    return opening;
  };

  return {
    state,
    load,
    ensure: async (setup) => {
      await tail;
      const now = state.value;
      if (now.kind === "ready" && sameSetup(now.setup, setup)) return now.runtime;
      return asked === undefined ? undefined : load(asked.choice, setup);
    },
    retry: async () => (asked === undefined ? undefined : load(asked.choice, asked.setup)),
    stop: () => stopping.abort(),
  };
}

function sameSetup(a: Setup, b: Setup): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
