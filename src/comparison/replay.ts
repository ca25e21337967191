import { TurnLoop } from "../conversation/turn_loop.ts";
import type { ConversationTurn } from "../metrics/conversation_metrics.ts";
import type {
  ConversationRecord,
  CopyRecord,
  OccupancyRecord,
  Replay,
  StepRecord,
} from "../metrics/replay.ts";
import { stepWork } from "../metrics/step_work.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import { GREEDY } from "../protocol/sampling.ts";
import type { Runner } from "../protocol/step.ts";
import type { Policy } from "../scheduler/policy.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import { Draws } from "../workload/random.ts";
import type { WorkloadConversation } from "../workload/workload.ts";

/** Replays a workload on real devices under one policy, and writes down what happened. All times in ms from the beginning. */

export interface ReplayDevice extends DeviceSpec {
  readonly runner: Runner;
}

export interface ReplayOptions {
  readonly policy: Policy;
  readonly devices: readonly ReplayDevice[];
  /** Of the prompts' tokens. */
  readonly seed: number;
  readonly signal: AbortSignal;
  /** How long after the last arrival conversations are cut off. */
  readonly patienceMs: number;
  readonly onConversation?: (done: number) => void;
}

const OCCUPANCY_MS = 100;

/** @throws the signal's reason */
export async function replay(
  workload: readonly WorkloadConversation[],
  { policy, devices, seed, signal, patienceMs, onConversation }: ReplayOptions,
): Promise<Replay> {
  const beginMs = performance.now();
  const now = () => performance.now() - beginMs;
  const log = { steps: [] as StepRecord[], copies: [] as CopyRecord[] };
  const runners = new Map(devices.map(({ id, runner }) => [id, logged(id, runner, log, now)]));
  const specs = devices.map(({ runner: _, ...spec }): DeviceSpec => spec);
  const scheduler = new Scheduler({ devices: specs, policy, speculation: "off" });
  const loop = new TurnLoop(scheduler, runners, { now });
  const occupancy: OccupancyRecord[] = [];
  const watch = setInterval(() => {
    const blocks = scheduler.snapshot().devices.map(({ id, blocks }) => [id, blocks.used] as const);
    occupancy.push({ atMs: now(), blocks: Object.fromEntries(blocks) });
  }, OCCUPANCY_MS);
  const cut = new AbortController();
  const lastMs = Math.max(0, ...workload.map(({ arrivalMs }) => arrivalMs));
  const patience = setTimeout(() => cut.abort(), lastMs + patienceMs);
  const ends = AbortSignal.any([signal, cut.signal]);
  const ending = new Ending(ends);
  const limits = devices[0]?.limits;
  let done = 0;
  const one = async (conversation: WorkloadConversation, index: number): Promise<ConversationRecord> => {
    const draws = new Draws((seed * 100_003 + index) >>> 0);
    const tokensOf = (count: number) =>
      Array.from({ length: count }, () => draws.integer(0, (limits?.vocabTokens ?? 1) - 1));
    await ending.pause(conversation.arrivalMs - now());
    const record = await replayConversation(conversation, { scheduler, loop, tokensOf, now, ending });
    const { transfers, blocks } = scheduler.movedOf(conversation.id);
    loop.close(conversation.id);
    onConversation?.(++done);
    return { ...record, transfers, movedBytes: blocks * (limits?.blockBytes ?? 0) };
  };
  try {
    const conversations = await Promise.all(workload.map(one));
    signal.throwIfAborted();
    return { policy: policy.name, totalMs: now(), conversations, ...log, occupancy };
  } finally {
    clearInterval(watch);
    clearTimeout(patience);
    await loop.dispose();
  }
}

interface Replaying {
  readonly scheduler: Scheduler;
  readonly loop: TurnLoop;
  readonly tokensOf: (count: number) => readonly number[];
  readonly now: () => number;
  readonly ending: Ending;
}

async function replayConversation(
  { id, turns: given }: WorkloadConversation,
  { scheduler, loop, tokensOf, now, ending }: Replaying,
): Promise<Pick<ConversationRecord, "id" | "turns" | "error" | "cutMs">> {
  const turns: ConversationTurn[] = [];
  for (const { delayMs, inputTokens, outputTokens } of given) {
    await ending.pause(delayMs);
    if (ending.hasCome) return { id, turns, error: undefined, cutMs: now() };
    const arrivedMs = now();
    const tokenMs: number[] = [];
    const request = {
      conversation: id,
      keep: scheduler.ranTokens(id),
      tokens: tokensOf(inputTokens),
      output: { kind: "tokens", sampling: GREEDY, maxTokens: outputTokens, endTokens: [], stopTokens: [] },
    } as const;
    let stop = () => {};
    const error = await new Promise<Error | undefined>((resolve) => {
      const turn = loop.start(request, {
        token: (_, atMs) => void tokenMs.push(atMs),
        finished: () => resolve(undefined),
        failed: resolve,
      });
      stop = () => loop.stop(turn, "abort");
      ending.listeners.add(stop);
    });
    ending.listeners.delete(stop);
    turns.push({ arrivedMs, tokenMs, endedMs: now(), pauseMs: delayMs });
    if (turns.length < given.length) loop.pause(id);
    if (error) return { id, turns, error: error.message };
    if (ending.hasCome) return { id, turns, error: undefined, cutMs: now() };
  }
  return { id, turns, error: undefined };
}

/** A signal that every conversation waits for: hundreds, so that it has one listener for all of them. */
class Ending {
  readonly listeners = new Set<() => void>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => {
      for (const listener of this.listeners) listener();
    });
  }

  get hasCome(): boolean {
    return this.#signal.aborted;
  }

  /** Ends early with the signal. */
  async pause(ms: number): Promise<void> {
    if (ms <= 0 || this.hasCome) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => wake(), ms);
      const wake = () => {
        clearTimeout(timer);
        this.listeners.delete(wake);
        resolve();
      };
      this.listeners.add(wake);
    });
  }
}

/** The same runner, with what it does written down. */
function logged(
  device: string,
  runner: Runner,
  log: { readonly steps: StepRecord[]; readonly copies: CopyRecord[] },
  now: () => number,
): Runner {
  const copied = async <T>(step: "export" | "import", bytes: number, work: Promise<T>): Promise<T> => {
    const startMs = now();
    const result = await work;
    log.copies.push({ device, step, startMs, endMs: now(), bytes });
    return result;
  };
  return {
    name: runner.name,
    limits: runner.limits,
    run: async (plan) => {
      const result = await runner.run(plan);
      const endMs = now();
      log.steps.push({ device, startMs: endMs - result.ms, endMs, ...stepWork(plan) });
      return result;
    },
    exportBlocks: (blocks) =>
      copied("export", blocks.length * runner.limits.blockBytes, runner.exportBlocks(blocks)),
    importBlocks: (blocks, data) => copied("import", data.byteLength, runner.importBlocks(blocks, data)),
    dispose: () => {},
  };
}
