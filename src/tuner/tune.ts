import { InputError } from "../errors.ts";
import { borrowDevice } from "../gpu/device.ts";
import { KernelLibrary } from "../kernels/library.ts";
import type { KernelChoice } from "../kernels/variants.ts";
import type { OnProgress } from "../protocol/progress.ts";
import { type Pauses, TuningClock } from "./clock.ts";
import { type ContestRules, contest } from "./contest.ts";
import { identityOf } from "./memory.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { BenchParts, Tunable, TuningTask } from "./task.ts";
import { tuningTasks } from "./tasks.ts";
import type { TunedChoice, Tuning } from "./tuning.ts";

/**
 * Measures the candidates of every kernel that a model needs, on the adapter that it will run on, and says which are best. The most
 * important ones come first, and what the time does not suffice for keeps its default.
 */

export interface TuneRequest extends Tunable, Pauses {
  /** What implements WebGPU, with its version. */
  readonly implementation: string;
  /** The model's name, for people. */
  readonly model: string;
  /** What an earlier tuning of the same decided; it is taken over. */
  readonly known?: readonly TunedChoice[];
  /** Milliseconds in all. Default: 20,000 on a software adapter, 3,000 on a GPU. */
  readonly budgetMs?: number;
  readonly onProgress?: OnProgress;
}

const everything = Number.POSITIVE_INFINITY;
const BUDGET_MS = { software: 20_000, gpu: 3000 } as const;
const COMPILE_LIMIT_MS = { software: 4000, gpu: 1500 } as const;

/** @throws InputError `invalid-option` where there is nothing to choose; DeviceError; the signal's reason */
export async function tune(request: TuneRequest): Promise<Tuning> {
  const { gpu, choice, model, known = [] } = request;
  assertTunable(choice);
  const tasks = tuningTasks(request).filter((task) => !isAmong(known, task));
  const kind = gpu.summary.software ? "software" : "gpu";
  const budgetMs = request.budgetMs ?? BUDGET_MS[kind];
  const identity = await identityOf(request);
  const clock = new TuningClock(request, { untilMs: budgetMs, compileLimitMs: COMPILE_LIMIT_MS[kind] });
  const choices = await decideAll(tasks, request, clock);
  return {
    identity,
    model,
    takenAt: new Date().toISOString(),
    budgetMs,
    ms: clock.now(),
    complete: choices.length === tasks.length,
    choices: [...known, ...choices],
  };
}

function isAmong(known: readonly TunedChoice[], { family, key, upToTokens }: TuningTask): boolean {
  return known.some(
    (one) => one.family === family && one.key === key && (one.upToTokens ?? everything) === upToTokens,
  );
}

/** One after the other, as far as the time suffices. */
async function decideAll(
  tasks: readonly TuningTask[],
  { gpu, choice, onProgress }: TuneRequest,
  clock: TuningClock,
): Promise<readonly TunedChoice[]> {
  // Books of its own: what is made for measuring is freed at the end, whatever happens.
  const own = borrowDevice(gpu.device, gpu.summary);
  const stopwatch = new Stopwatch(own);
  const parts: BenchParts = { gpu: own, library: new KernelLibrary(own), stopwatch, choice };
  const report = progressOf(tasks, onProgress);
  const choices: TunedChoice[] = [];
  try {
    for (const task of tasks) {
      const { decided, choice: made } = await decide(task, parts, clock.rules(report.prepared));
      // What took too long to compile would do so again, so the default stays for good where it used up the time.
      const settled = decided || made.candidates.some(({ outcome }) => outcome === "slow-to-compile");
      if (settled) choices.push(made);
      report.ended(task);
      if (clock.isUp) break;
    }
    return choices;
  } catch (cause) {
    // A lost device says so in a promise of its own, which may settle after what failed by it.
    await gpu.idle().catch(() => {});
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
