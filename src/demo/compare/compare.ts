import { compareToBaton } from "../../comparison/compare.ts";
import type { ComparisonReport } from "../../comparison/report.ts";
import type { PolicyName, Runtime } from "../../index.ts";
import type { Slo } from "../../metrics/conversation_metrics.ts";
import type { Replay } from "../../metrics/replay.ts";
import { cellOf } from "../../metrics/replay_cell.ts";
import { AGENTS } from "../../workload/agents.ts";
import { generateWorkload, type WorkloadShape } from "../../workload/generate.ts";
import { totalsOf } from "../../workload/workload.ts";
import { type DevicesName, setupOf } from "../fleet/settings.ts";
import type { Session } from "../session.ts";
import { createStore, type Store } from "../store.ts";
import { type Trouble, troubleOf } from "../trouble.ts";
import { replayInPage } from "./page_replay.ts";

export interface CompareSettings {
  readonly policies: readonly PolicyName[];
  readonly conversations: number;
  readonly ratePerSecond: number;
  readonly devices: DevicesName;
}

export type CompareState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly policy: PolicyName; readonly done: number; readonly total: number }
  | { readonly kind: "done"; readonly report: ComparisonReport; readonly replays: readonly Replay[] }
  | { readonly kind: "failed"; readonly trouble: Trouble };

/** The same conversations under several policies, one after the other, on the model that is loaded. */
export interface Comparer {
  readonly settings: Store<CompareSettings>;
  readonly state: Store<CompareState>;
  start(): Promise<void>;
  stop(): void;
}

const SEED = 1;
/** A processor that plays GPU is measured with shorter prompts and wider objectives. */
const SMALL: WorkloadShape = {
  ...AGENTS,
  turns: { min: 1, max: 3 },
  firstTokens: { median: 48, sigma: 0.4, min: 16, max: 128 },
};
const GPU_SLO: Slo = { ttftMs: 1000, tbtMs: 75 };
const SOFTWARE_SLO: Slo = { ttftMs: 10_000, tbtMs: 1000 };
const PATIENCE_MS = 600_000;

export function createComparer(session: Session): Comparer {
  const settings = createStore<CompareSettings>({
    policies: ["baton", "conserve", "collocated-sticky"],
    conversations: 8,
    ratePerSecond: 0.5,
    devices: "pair",
  });
  const state = createStore<CompareState>({ kind: "idle" });
  let stopping = new AbortController();

  const start = async (): Promise<void> => {
    const chosen = settings.value;
    stopping = new AbortController();
    try {
      state.set(await compare(session, chosen, stopping.signal, (running) => state.set(running)));
    } catch (error) {
      state.set(stopping.signal.aborted ? { kind: "idle" } : { kind: "failed", trouble: troubleOf(error) });
    }
  };
  return { settings, state, start, stop: () => stopping.abort() };
}

/** @throws the signal's reason */
async function compare(
  session: Session,
  { policies, conversations, ratePerSecond, devices }: CompareSettings,
  signal: AbortSignal,
  tell: (running: Extract<CompareState, { kind: "running" }>) => void,
): Promise<CompareState> {
  const total = policies.length * conversations;
  let done = 0;
  const replays: Replay[] = [];
  let last: Runtime | undefined;
  for (const policy of policies) {
    tell({ kind: "running", policy, done, total });
    const runtime = await session.ensure(setupOf({ policy, devices }));
    signal.throwIfAborted();
    // Why it did not load the session says.
    if (runtime === undefined) return { kind: "idle" };
    last = runtime;
    const shape = runtime.adapter.software ? SMALL : AGENTS;
    const arrivals = { kind: "poisson", ratePerSecond } as const;
    const workload = generateWorkload({ seed: SEED, conversations, arrivals, shape });
    const onConversation = () => tell({ kind: "running", policy, done: ++done, total });
    replays.push(
      await replayInPage(runtime, workload, { seed: SEED, signal, patienceMs: PATIENCE_MS, onConversation }),
    );
  }
  return last === undefined
    ? { kind: "idle" }
    : { kind: "done", report: reportOf(last, replays, { conversations, ratePerSecond }), replays };
}

function reportOf(
  { model, devices, adapter }: Runtime,
  replays: readonly Replay[],
  { conversations, ratePerSecond }: Pick<CompareSettings, "conversations" | "ratePerSecond">,
): ComparisonReport {
  const slo = adapter.software ? SOFTWARE_SLO : GPU_SLO;
  const shape = adapter.software ? SMALL : AGENTS;
  const arrivals = { kind: "poisson", ratePerSecond } as const;
  const totals = totalsOf(generateWorkload({ seed: SEED, conversations, arrivals, shape }));
  return {
    takenAt: new Date().toISOString(),
    devices: devices.map(({ id, adapter: { name } }) => ({ role: id, adapter: name })),
    model: model.name,
    workload: `${totals.conversations} conversations, ${totals.turns} turns, about ${totals.inputTokens} prompt tokens, at most ${totals.outputTokens} answered`,
    slo,
    loads: [{ load: 1, ratePerSecond }],
    cells: replays.map((replay) => cellOf(replay, { load: 1, ratePerSecond, seed: SEED, slo })),
    comparisons: compareToBaton(
      replays.map((replayed) => ({ load: 1, seed: SEED, replayed })),
      slo,
    ),
  };
}
