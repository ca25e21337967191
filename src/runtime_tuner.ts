import type { TuneOptions, TuneResult } from "./api.ts";
import { invalidOption } from "./conversation/option_checks.ts";
import type { Platform } from "./platform/platform.ts";
import { identityOf, recall, remember, tunedKernels } from "./tuner/memory.ts";
import type { Tunable } from "./tuner/task.ts";
import { assertTunable, tune } from "./tuner/tune.ts";

/** Tuning within a runtime: what was remembered at its start, a tuning that was asked for, and one in idle moments. */

/** How a runtime is used: by its own clock, when its last turn ended, and how many run. */
export interface Activity {
  readonly nowMs: number;
  readonly turnsRunning: number;
  /** Undefined before the first turn. */
  readonly lastTurnEndedMs: number | undefined;
}

type Memory = Pick<Platform, "settings" | "implementation">;

export interface RuntimeTunerParts {
  /** What is measured now, by the device: one of each GPU, the first of which is meant where none is named. */
  readonly tunables: () => ReadonlyMap<string, Tunable>;
  readonly memory: Memory;
  /** The model's name, for people. */
  readonly model: string;
  readonly activity: Activity;
}

/** Nobody has asked for anything for so long. */
const IDLE_MS = 3000;
/** How often it is looked whether turns run: for idle moments, and while somebody waits for the tuning. */
const IDLE_POLL_MS = 500;
const BUSY_POLL_MS = 20;

/** The variants that tuning found before for these products on this adapter; empty where it found none. */
export async function recallKernels(tunable: Tunable, { settings, implementation }: Memory) {
  const identity = await identityOf({ ...tunable, implementation });
  return tunedKernels(tunable, await recall(settings, identity));
}

export class RuntimeTuner {
  readonly #parts: RuntimeTunerParts;
  readonly #disposal = new AbortController();
  /** Of the tuning in idle moments. */
  #idle = new AbortController();
  /** Tunings go one after the other. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(parts: RuntimeTunerParts) {
    this.#parts = parts;
  }

  /** Now, or in the pauses between turns that run. @throws InputError `invalid-option`; DeviceError; the signal's reason */
  tune(options: TuneOptions = {}): Promise<TuneResult> {
    this.#idle.abort();
    const given = options.signal ? [options.signal] : [];
    const signal = AbortSignal.any([this.#disposal.signal, ...given]);
    const { activity } = this.#parts;
    const rest = async () => {
      while (activity.turnsRunning > 0) await pause(BUSY_POLL_MS, signal);
    };
    return this.#queue(() => this.#tune(this.#tunable(options.device), { ...options, signal }, rest));
  }

  /** Each GPU once nobody has asked for anything for a while after the first turn, unless there is a result already; what fails is left. */
  tuneWhenIdle(options: Pick<TuneOptions, "budgetMs"> = {}): void {
    const signal = AbortSignal.any([this.#disposal.signal, this.#idle.signal]);
    const { activity } = this.#parts;
    const rest = async () => {
      while (!isIdle(activity)) await pause(IDLE_POLL_MS, signal);
    };
    const work = async () => {
      for (const device of this.#parts.tunables().keys()) {
        // Of two alike the second is known when the first is.
        if ((await this.#recall(this.#tunable(device)))?.complete) continue;
        await rest();
        await this.#tune(this.#tunable(device), { ...options, signal }, rest);
      }
    };
    void this.#queue(work).catch(() => {});
  }

  /** Ends what runs, within a measurement, with `reason`. */
  async dispose(reason: Error): Promise<void> {
    this.#disposal.abort(reason);
    await this.#tail;
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }

  /** @throws InputError `invalid-option` */
  #tunable(device: string | undefined): Tunable {
    const tunables = this.#parts.tunables();
    const [first = ""] = tunables.keys();
    const found = tunables.get(device ?? first);
    if (found === undefined)
      throw invalidOption("device", device, `one of ${[...tunables.keys()].join(", ")}`);
    return found;
  }

  async #recall(tunable: Tunable) {
    const { settings, implementation } = this.#parts.memory;
    return recall(settings, await identityOf({ ...tunable, implementation }));
  }

  async #tune(tunable: Tunable, options: TuneOptions, rest: () => Promise<void>): Promise<TuneResult> {
    const { memory, model } = this.#parts;
    assertTunable(tunable.choice);
    const { settings, implementation } = memory;
    // One that the time did not suffice for goes on; one that did is done again, if somebody asks.
    const before = await this.#recall(tunable);
    const known = before === undefined || before.complete ? [] : before.choices;
    const tuning = await tune({ ...tunable, ...options, known, implementation, model, rest });
    return { ...tuning, remembered: await remember(settings, tuning) };
  }
}

function isIdle({ nowMs, turnsRunning, lastTurnEndedMs }: Activity): boolean {
  return turnsRunning === 0 && lastTurnEndedMs !== undefined && nowMs - lastTurnEndedMs >= IDLE_MS;
}

/** @throws the signal's reason */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
