import type { Work } from "../src/cli/progress_display.ts";
import { TurnLoop } from "../src/conversation/turn_loop.ts";
import type { DeviceRole } from "../src/protocol/device.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { type PolicyName, policies } from "../src/scheduler/policies/table.ts";
import { Scheduler } from "../src/scheduler/scheduler.ts";
import type { EngineCase } from "./cases.ts";
import { blocksOf, EngineBench } from "./engine_bench.ts";
import { processCpuMs, runTurn } from "./live_turns.ts";
import { type BenchedModel, modelText, openModelRunner } from "./model_runner.ts";
import { type Observed, type ObservedStep, observed } from "./observed_runner.ts";
import { RandomWords } from "./random_model.ts";
import { type Spread, spread } from "./spread.ts";

/**
 * Does a batch pay as much under the scheduler as it does on the bare device? The same runner decodes as many sequences after as many
 * tokens both ways, in turn: conversations of a turn loop, whose tokens go to sinks, and step plans given to the runner directly.
 */

export const PLACEMENTS = ["one-device", "decoder"] as const;
export type PlacementName = (typeof PLACEMENTS)[number];

export interface BatchingRequest {
  /** Of the only device, or of prefiller and decoder; empty for the best. */
  readonly adapter: string;
  readonly models: readonly BenchedModel[];
  readonly placements: readonly PlacementName[];
  readonly conversations: number;
  readonly contextTokens: number;
  /** Decode steps of a sample. */
  readonly tokens: number;
  readonly rounds: number;
  readonly kvMiB: number | undefined;
}

export interface Measuring {
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
  readonly onSoftware: (adapter: string) => void;
}

export interface BatchingResult {
  readonly model: string;
  readonly placement: PlacementName;
  readonly policy: PolicyName;
  readonly adapter: string;
  /** Tokens a second of all conversations together while each of them decodes; one sample a round. */
  readonly scheduled: Spread;
  /** Of as many rows in plans that go to the runner directly. */
  readonly direct: Spread;
  /** The first over the second, in the same round. */
  readonly ratio: Spread;
  /** CPU time of a token directly over that under the scheduler, all threads of the process: near the ratio where the adapter is the CPU. */
  readonly cpuRatio: Spread;
  /** Rows of a decode step under the scheduler, on average over all samples. */
  readonly rowsPerStep: number;
  readonly met: boolean;
}

/** The bar: this share of the device's own rate. */
export const BAR = 0.9;
/** Rounds before those that count: drivers compile, and the scheduler learns how long steps take. */
const WARM_UPS = 1;
const DECODER = "decoder";

/** @throws BatonError; the signal's reason */
export async function runBatching(request: BatchingRequest & Measuring): Promise<readonly BatchingResult[]> {
  const total = request.models.length * request.placements.length * (request.rounds + WARM_UPS);
  let done = 0;
  const onRound = () =>
    request.onProgress({ phase: "measure", done: ++done, total, unit: "samples", label: "" });
  const results: BatchingResult[] = [];
  for (const model of request.models) {
    for (const placement of request.placements)
      results.push(await measurePlacement(request, model, placement, onRound));
  }
  return results;
}

interface Opened {
  readonly runner: GpuRunner;
  readonly role: DeviceRole;
}

async function measurePlacement(
  request: BatchingRequest & Measuring,
  model: BenchedModel,
  placement: PlacementName,
  onRound: () => void,
): Promise<BatchingResult> {
  const { adapter, kvMiB, signal, onProgress } = request;
  const roles: readonly DeviceRole[] = placement === "one-device" ? ["both"] : ["prefiller", "decoder"];
  const opened: Opened[] = [];
  try {
    for (const role of roles) {
      const runner = await openModelRunner({
        model,
        adapter,
        sharers: roles.length,
        kvMiB,
        signal,
        onProgress,
      });
      opened.push({ runner, role });
    }
    const last = opened.at(-1);
    if (last === undefined) throw new Error("no device was opened");
    if (last.runner.tunable.gpu.summary.software) request.onSoftware(last.runner.name);
    // Under `baton` some of the conversations would stay on the prefiller; here all of them share the decoder's steps.
    const policy = placement === "one-device" ? "baton" : "conserve";
    const rounds = await takeRounds(request, opened, last.runner, policy, onRound);
    const ratio = spread(rounds.map(({ scheduled, direct }) => scheduled.rate / direct.rate));
    const cpuRatio = spread(rounds.map(({ scheduled, direct }) => direct.cpuMs / scheduled.cpuMs));
    const live = rounds.map(({ scheduled }) => scheduled.rowsPerStep);
    return {
      model: modelText(model),
      placement,
      policy,
      adapter: last.runner.name,
      scheduled: spread(rounds.map(({ scheduled }) => scheduled.rate)),
      direct: spread(rounds.map(({ direct }) => direct.rate)),
      ratio,
      cpuRatio,
      rowsPerStep: live.reduce((sum, rows) => sum + rows, 0) / live.length,
      met: ratio.median >= BAR,
    };
  } finally {
    for (const { runner } of opened) runner.dispose();
  }
}

interface Round {
  readonly scheduled: { readonly rate: number; readonly cpuMs: number; readonly rowsPerStep: number };
  readonly direct: { readonly rate: number; readonly cpuMs: number };
}

/** Both ways in turn, the other one first in every second round. */
async function takeRounds(
  request: BatchingRequest & Measuring,
  opened: readonly Opened[],
  decoder: GpuRunner,
  policy: PolicyName,
  onRound: () => void,
): Promise<readonly Round[]> {
  const { conversations, contextTokens, tokens, rounds, signal } = request;
  const one: EngineCase = {
    id: `batch-${conversations}`,
    group: "batch",
    batch: conversations,
    contextTokens,
    tokens,
    everyRounds: 1,
  };
  const ownBlocks = decoder.limits.blocks - blocksOf([one], decoder.limits.blockTokens);
  const bench = new EngineBench(decoder, [one], 1, ownBlocks);
  await bench.check();
  await bench.prepare(one);
  const live = await LiveBatch.open(request, opened, policy, Math.max(1, ownBlocks));
  const expected = new Map<string, string>();
  const sameTokens = (side: string, found: readonly number[]) => {
    const text = found.join(" ");
    if ((expected.get(side) ?? text) !== text) throw new Error(`other tokens for the same prompts (${side})`);
    expected.set(side, text);
  };
  const taken: Round[] = [];
  try {
    for (let round = -WARM_UPS; round < rounds; round++) {
      signal.throwIfAborted();
      const direct = async () => {
        const cpuBefore = processCpuMs();
        const sample = await bench.sample(one);
        const cpuMs = (processCpuMs() - cpuBefore) / (conversations * tokens);
        sameTokens("direct", sample.tokens);
        // From the end of the first step on, as the conversations'.
        const ms = sample.stepMs.slice(1).reduce((sum, step) => sum + step, 0);
        return { rate: (conversations * (tokens - 1) * 1000) / ms, cpuMs };
      };
      const first = round % 2 === 0 ? await direct() : undefined;
      const scheduled = await live.sample();
      sameTokens("scheduled", scheduled.tokens);
      const other = first ?? (await direct());
      if (round >= 0) taken.push({ scheduled, direct: other });
      onRound();
    }
  } finally {
    await live.dispose();
  }
  return taken;
}

/** Conversations that have a context each, and run the same turn again and again, all at once. */
class LiveBatch {
  readonly #loop: TurnLoop;
  readonly #log: Observed;
  readonly #request: BatchingRequest;

  private constructor(loop: TurnLoop, log: Observed, request: BatchingRequest) {
    this.#loop = loop;
    this.#log = log;
    this.#request = request;
  }

  static async open(
    request: BatchingRequest,
    opened: readonly Opened[],
    policy: PolicyName,
    blocks: number,
  ): Promise<LiveBatch> {
    const log: Observed = { steps: [], copies: [] };
    const devices = opened.map(({ runner, role }, at) => {
      const id = at === opened.length - 1 ? DECODER : "prefiller";
      const own = at === opened.length - 1 ? blocks : runner.limits.blocks;
      return { id, role, runner: observed(id, runner, log, own) };
    });
    const scheduler = new Scheduler({
      devices: devices.map(({ id, role, runner: { limits } }) => ({ id, role, limits })),
      policy: policies[policy],
      speculation: "off",
    });
    const loop = new TurnLoop(scheduler, new Map(devices.map(({ id, runner }) => [id, runner])));
    const batch = new LiveBatch(loop, log, request);
    const [first] = devices;
    const random = new RandomWords(2);
    await batch.#all((id) => {
      const prompt = random.integers(request.contextTokens, first?.runner.limits.vocabTokens ?? 1);
      return runTurn(loop, id, 0, prompt, 1);
    });
    return batch;
  }

  async sample() {
    const { contextTokens, tokens, conversations } = this.#request;
    this.#log.steps.length = 0;
    const turns = await this.#all((id, at) => runTurn(this.#loop, id, contextTokens, [at + 1], tokens));
    // While all of them decode: from when the last one has its first token to when the first one has its last.
    const startMs = Math.max(...turns.map(({ tokenMs }) => tokenMs[0] ?? Number.NaN));
    const endMs = Math.min(...turns.map(({ tokenMs }) => tokenMs.at(-1) ?? Number.NaN));
    const cpuFrom = Math.max(...turns.map(({ firstCpuMs }) => firstCpuMs));
    const cpuTo = Math.min(...turns.map(({ lastCpuMs }) => lastCpuMs));
    const steps = this.#log.steps.filter(({ device }) => device === DECODER);
    const shared = sharedTokens(steps, conversations);
    return {
      rate: (shared * 1000) / (endMs - startMs),
      cpuMs: (cpuTo - cpuFrom) / shared,
      rowsPerStep: (conversations * tokens) / steps.length,
      tokens: turns.flatMap((turn) => turn.tokens),
    };
  }

  dispose(): Promise<void> {
    return this.#loop.dispose();
  }

  #all<T>(one: (id: string, at: number) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from({ length: this.#request.conversations }, (_, at) => one(`c${at}`, at)));
  }
}

/**
 * Tokens of the steps that all conversations share, but the first one's: those between its end and the end of the last. By steps and not
 * by the moments of delivery: the tokens of one step are delivered one after the other, so that a moment would cut through it.
 */
export function sharedTokens(
  steps: readonly Pick<ObservedStep, "sequences">[],
  conversations: number,
): number {
  const shared = steps.filter(({ sequences }) => sequences.length === conversations).length;
  return Math.max(0, shared - 1) * conversations;
}
