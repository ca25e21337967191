import { TurnLoop } from "../src/conversation/turn_loop.ts";
import type { ConversationTurn } from "../src/metrics/conversation_metrics.ts";
import type {
  ConversationRecord,
  CopyRecord,
  OccupancyRecord,
  Replay,
  StepRecord,
} from "../src/metrics/replay.ts";
import type { DeviceSpec } from "../src/protocol/device.ts";
import { GREEDY } from "../src/protocol/sampling.ts";
import type { Runner, StepPlan } from "../src/protocol/step.ts";
import type { Policy } from "../src/scheduler/policy.ts";
import { Scheduler } from "../src/scheduler/scheduler.ts";
import { Draws } from "../src/workload/random.ts";
import type { WorkloadConversation } from "../src/workload/workload.ts";

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
  readonly onConversation?: (done: number) => void;
}

const OCCUPANCY_MS = 100;

/** @throws the signal's reason */
export async function replay(
  workload: readonly WorkloadConversation[],
  { policy, devices, seed, signal, onConversation }: ReplayOptions,
): Promise<Replay> {
  const beginMs = performance.now();
  const now = () => performance.now() - beginMs;
  const log = { steps: [] as StepRecord[], copies: [] as CopyRecord[] };
  const runners = new Map(devices.map(({ id, runner }) => [id, logged(id, runner, log, now)]));
  const specs = devices.map(({ id, role, limits }) => ({ id, role, limits }));
  const scheduler = new Scheduler({ devices: specs, policy, speculation: "off" });
  const loop = new TurnLoop(scheduler, runners, { now });
  const vocabTokens = devices[0]?.limits.vocabTokens ?? 1;
  const blockBytes = devices[0]?.limits.blockBytes ?? 0;
  const occupancy: OccupancyRecord[] = [];
  const watch = setInterval(() => {
    const blocks = scheduler.snapshot().devices.map(({ id, blocks }) => [id, blocks.used] as const);
    occupancy.push({ atMs: now(), blocks: Object.fromEntries(blocks) });
  }, OCCUPANCY_MS);
  let done = 0;
  const one = async (conversation: WorkloadConversation, index: number): Promise<ConversationRecord> => {
    const { id } = conversation;
    const draws = new Draws((seed * 100_003 + index) >>> 0);
    await pause(conversation.arrivalMs - now(), signal);
    const turns: ConversationTurn[] = [];
    let error: string | undefined;
    for (const turn of conversation.turns) {
      await pause(turn.delayMs, signal);
      const tokens = Array.from({ length: turn.inputTokens }, () => draws.integer(0, vocabTokens - 1));
      const arrivedMs = now();
      const tokenMs: number[] = [];
      try {
        await new Promise<void>((resolve, failed) => {
          const output = {
            kind: "tokens",
            sampling: GREEDY,
            maxTokens: turn.outputTokens,
            endTokens: [],
            stopTokens: [],
          } as const;
          const token = (_: number, atMs: number) => void tokenMs.push(atMs);
          const keep = scheduler.history(id).length;
          loop.start(
            { conversation: id, keep, tokens, output },
            { token, finished: () => resolve(), failed },
          );
        });
      } catch (cause) {
        error = cause instanceof Error ? cause.message : String(cause);
        break;
      }
      turns.push({ arrivedMs, tokenMs, endedMs: now(), pauseMs: turn.delayMs });
    }
    const seen = scheduler.snapshot().conversations.find((state) => state.id === id);
    loop.close(id);
    onConversation?.(++done);
    return {
      id,
      turns,
      transfers: seen?.transfers ?? 0,
      movedBytes: (seen?.movedBlocks ?? 0) * blockBytes,
      error,
    };
  };
  try {
    const conversations = await Promise.all(workload.map(one));
    return { policy: policy.name, totalMs: now(), conversations, ...log, occupancy };
  } finally {
    clearInterval(watch);
    await loop.dispose();
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
      log.steps.push({ device, startMs: endMs - result.ms, endMs, ...contentOf(plan) });
      return result;
    },
    exportBlocks: (blocks) =>
      copied("export", blocks.length * runner.limits.blockBytes, runner.exportBlocks(blocks)),
    importBlocks: (blocks, data) => copied("import", data.byteLength, runner.importBlocks(blocks, data)),
    dispose: () => {},
  };
}

function contentOf({ rows }: StepPlan): Pick<StepRecord, "prefillTokens" | "decodes"> {
  const decodes = rows.filter(({ tokens, output, position }) => {
    return tokens.length === 1 && output.kind === "token" && position > 0;
  }).length;
  return { decodes, prefillTokens: rows.reduce((sum, { tokens }) => sum + tokens.length, 0) - decodes };
}

/** @throws the signal's reason */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener("abort", stop);
        resolve();
      },
      Math.max(0, ms),
    );
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
