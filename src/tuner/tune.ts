import { InputError } from "../errors.ts";
import { borrowDevice } from "../gpu/device.ts";
import { KernelLibrary } from "../kernels/library.ts";
import type { KernelChoice } from "../kernels/variants.ts";
import type { OnProgress } from "../protocol/progress.ts";
import { type ContestRules, contest } from "./contest.ts";
import { matmulTasks } from "./matmul_tasks.ts";
import { identityOf } from "./memory.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { BenchParts, Tunable, TuningTask } from "./task.ts";
import type { TunedChoice, Tuning } from "./tuning.ts";

/**
 * Measures the candidates of every kernel that a model needs, on the adapter that it will run on, and says which are best. The most
 * important ones come first, and what the time does not suffice for keeps its default.
 */

export interface TuneRequest extends Tunable {
  /** What implements WebGPU, with its version. */
  readonly implementation: string;
  /** The model's name, for people. */
  readonly model: string;
  /** What an earlier tuning of the same decided; it is taken over. */
  readonly known?: readonly TunedChoice[];
  /** Milliseconds in all. Default: 20,000 on a software adapter, 3,000 on a GPU. */
  readonly budgetMs?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** Resolves when the GPU has nothing better to do; that time does not count. Asked before each measurement. */
  readonly rest?: () => Promise<void>;
}

const everything = Number.POSITIVE_INFINITY;
const BUDGET_MS = { software: 20_000, gpu: 3000 } as const;
const COMPILE_LIMIT_MS = { software: 4000, gpu: 1500 } as const;

/** @throws InputError `invalid-option` where there is nothing to choose; DeviceError; the signal's reason */
export async function tune(request: TuneRequest): Promise<Tuning> {
  const { gpu, choice, products, known = [] } = request;
  assertTunable(choice);
  const isKnown = ({ family, key, upToTokens }: TuningTask) =>
    known.some(
      (one) => one.family === family && one.key === key && (one.upToTokens ?? everything) === upToTokens,
    );
  const tasks = matmulTasks(products, choice, gpu.capabilities).filter((task) => !isKnown(task));
  const kind = gpu.summary.software ? "software" : "gpu";
  const budgetMs = request.budgetMs ?? BUDGET_MS[kind];
  const identity = await identityOf(request);
  // Books of its own: what is made for measuring is freed at the end, whatever happens.
  const own = borrowDevice(gpu.device, gpu.summary);
  const stopwatch = new Stopwatch(own);
  const parts: BenchParts = { gpu: own, library: new KernelLibrary(own), stopwatch, choice };
  const clock = new TuningClock(request, { untilMs: budgetMs, compileLimitMs: COMPILE_LIMIT_MS[kind] });
  const report = progressOf(tasks, request.onProgress);
  try {
    const choices: TunedChoice[] = [];
    for (const task of tasks) {
      const { decided, choice: made } = await decide(task, parts, clock.rules(report.prepared));
      // What took too long to compile would do so again, so the default stays for good where it used up the time.
      const settled = decided || made.candidates.some(({ outcome }) => outcome === "slow-to-compile");
      if (settled) choices.push(made);
      report.ended(task);
      if (clock.now() >= budgetMs) break;
    }
    const complete = choices.length === tasks.length;
    const takenAt = new Date().toISOString();
    return {
      identity,
      model: request.model,
      takenAt,
      budgetMs,
      ms: clock.now(),
      complete,
      choices: [...known, ...choices],
    };
  } catch (cause) {
    // A lost device says so in a promise of its own, which may settle after what failed by it.
    await gpu.device.queue.onSubmittedWorkDone().catch(() => {});
    own.assertAlive();
    throw cause;
  } finally {
    stopwatch.destroy();
    own.destroy();
  }
}

/** @throws InputError `invalid-option` */
export function assertTunable({ precision }: Pick<KernelChoice, "precision">): void {
  if (precision !== "exact") return;
  throw new InputError(
    "invalid-option",
    `In precision "exact" each product has one kernel with a fixed order of additions, so there is nothing to tune. Use precision "default".`,
    { option: "precision", value: precision },
  );
}

async function decide(task: TuningTask, parts: BenchParts, rules: ContestRules) {
  await rules.rest();
  const bench = await task.open(parts);
  try {
    const { chosen, ratio, decided, entries } = await contest(
      task.tiles.map((_, index) => bench.candidate(index)),
      rules,
    );
    const { family, key, tokens, upToTokens, tiles } = task;
    const choice: TunedChoice = {
      family,
      key,
      upToTokens: Number.isFinite(upToTokens) ? upToTokens : null,
      tokens,
      default: tiles[0] ?? {},
      chosen: tiles[chosen] ?? {},
      ratio,
      candidates: tiles.map((tile, index) => ({
        tile,
        outcome: entries[index]?.outcome ?? "not-measured",
        ms: entries[index]?.ms ?? null,
        compileMs: entries[index]?.compileMs ?? null,
      })),
    };
    return { decided, choice };
  } finally {
    bench.destroy();
  }
}

/** Counts the time that tuning takes, less what it rests, and ends waits when the signal aborts. */
class TuningClock {
  readonly #startedMs = performance.now();
  readonly #request: Pick<TuneRequest, "signal" | "rest">;
  readonly #limits: Pick<ContestRules, "untilMs" | "compileLimitMs">;
  #restedMs = 0;

  constructor(
    request: Pick<TuneRequest, "signal" | "rest">,
    limits: Pick<ContestRules, "untilMs" | "compileLimitMs">,
  ) {
    this.#request = request;
    this.#limits = limits;
  }

  now(): number {
    return performance.now() - this.#startedMs - this.#restedMs;
  }

  rules(onPrepared: () => void): ContestRules {
    return {
      ...this.#limits,
      now: () => this.now(),
      rest: () => this.#rest(),
      within: (work, ms) => within(work, ms, this.#request.signal),
      onPrepared,
    };
  }

  async #rest(): Promise<void> {
    const { signal, rest } = this.#request;
    signal?.throwIfAborted();
    const started = performance.now();
    await rest?.();
    this.#restedMs += performance.now() - started;
    signal?.throwIfAborted();
  }
}

function within<T>(work: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => end(() => resolve(undefined));
    const timer = setTimeout(stop, Math.max(0, ms));
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      settle();
    };
    signal?.addEventListener("abort", stop);
    work.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    );
  });
}

/** Counts candidates, so that a bar moves at each of them. */
function progressOf(tasks: readonly TuningTask[], onProgress: OnProgress | undefined) {
  const total = tasks.reduce((sum, { tiles }) => sum + tiles.length, 0);
  let ended = 0;
  let done = 0;
  const report = () => onProgress?.({ phase: "tune", done, total, unit: "candidates", label: "kernels" });
  report();
  return {
    prepared: () => {
      done++;
      report();
    },
    ended: ({ tiles }: TuningTask) => {
      ended += tiles.length;
      done = ended;
      report();
    },
  };
}
