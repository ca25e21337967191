import type { ComparedPolicies, PolicyName, Progress, WorkloadShape } from "../../index.ts";
import { AGENTS } from "../../workload/agents.ts";
import { type ComparisonChoice, compareOn } from "../engine.ts";
import { type PhaseProgress, progressBook } from "../progress.ts";
import type { Session } from "../session.ts";
import { createStore, type Store } from "../store.ts";
import { type Trouble, troubleOf } from "../trouble.ts";

export interface CompareSettings {
  readonly policies: readonly PolicyName[];
  readonly conversations: number;
  /** So many workloads, each with its own conversations. */
  readonly seeds: number;
  /** Share of what the devices manage at most. */
  readonly load: number;
}

export type CompareState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly phases: readonly PhaseProgress[] }
  | { readonly kind: "done"; readonly compared: ComparedPolicies }
  | { readonly kind: "failed"; readonly trouble: Trouble };

/** The same conversations under several policies, one after the other, with the model that is loaded. */
export interface Comparer {
  readonly settings: Store<CompareSettings>;
  readonly state: Store<CompareState>;
  start(): Promise<void>;
  stop(): void;
}

/** A processor that plays GPU is measured with shorter conversations and wider objectives. */
const SMALL: WorkloadShape = {
  ...AGENTS,
  turns: { min: 1, max: 2 },
  firstTokens: { median: 24, sigma: 0.4, min: 12, max: 64 },
  laterTokens: { median: 8, sigma: 0.4, min: 4, max: 16 },
  outputTokens: { median: 4, sigma: 0.5, min: 2, max: 8 },
};
const SOFTWARE = { shape: SMALL, ttftSloMs: 10_000, tbtSloMs: 1000 };
const GPU = { shape: AGENTS, ttftSloMs: 1000, tbtSloMs: 75 };
const PATIENCE_MS = 600_000;

/** What is measured: a workload and objectives that suit the adapter. */
export function comparisonFor(
  { policies, conversations, seeds, load }: CompareSettings,
  { software }: { readonly software: boolean },
): ComparisonChoice {
  const suited = software ? SOFTWARE : GPU;
  return { ...suited, policies, conversations, loads: [load], seeds, patienceMs: PATIENCE_MS };
}

export function createComparer(session: Session): Comparer {
  const settings = createStore<CompareSettings>({
    policies: ["baton", "conserve", "collocated-sticky"],
    conversations: 8,
    seeds: 1,
    load: 0.75,
  });
  const state = createStore<CompareState>({ kind: "idle" });
  let stopping = new AbortController();

  const start = async (): Promise<void> => {
    const loaded = session.state.value;
    if (loaded.kind !== "ready") return;
    stopping = new AbortController();
    const { signal } = stopping;
    const book = progressBook();
    const show = () => state.set({ kind: "running", phases: book.phases(performance.now()) });
    const onProgress = (progress: Progress) => {
      book.add(progress, performance.now());
      show();
    };
    show();
    try {
      const chosen = comparisonFor(settings.value, loaded.runtime.adapter);
      const compared = await compareOn(loaded.choice, { ...chosen, signal, onProgress });
      state.set({ kind: "done", compared });
    } catch (error) {
      state.set(signal.aborted ? { kind: "idle" } : { kind: "failed", trouble: troubleOf(error) });
    }
  };
  return { settings, state, start, stop: () => stopping.abort() };
}
