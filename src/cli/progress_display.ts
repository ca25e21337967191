import cliProgress from "cli-progress";
import type { Progress } from "../protocol/progress.ts";
import { formatBytes } from "./format.ts";
import { type Io, say } from "./io.ts";

/** Long work on stderr: a bar per phase on a terminal, a line now and then elsewhere, nothing when quiet. */

export interface Work {
  readonly phase: Progress["phase"] | "evaluate";
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: Progress["unit"] | "tokens" | "points";
  readonly label: string;
}

export interface ProgressDisplay {
  report(work: Work): void;
  /** Leaves the terminal as it was found; `report` may be called again. */
  stop(): void;
}

const WORDS = {
  download: "downloading",
  verify: "checking",
  load: "loading",
  compile: "compiling",
  "warm-up": "warming up",
  tune: "tuning",
  evaluate: "evaluating",
  measure: "measuring",
} as const satisfies Record<Work["phase"], string>;

const LINE_INTERVAL_MS = 5000;

export function createProgress(
  io: Io,
  quiet: boolean,
  now: () => number = () => performance.now(),
): ProgressDisplay {
  if (quiet) return { report: () => {}, stop: () => {} };
  return new Steps(io, io.stderr.isTTY === true ? new Bars(io) : new Lines(io, now));
}

/** Work that has nothing to count yet is a step, said once; the rest is counted. */
class Steps implements ProgressDisplay {
  readonly #io: Io;
  readonly #counter: ProgressDisplay;
  #step = "";

  constructor(io: Io, counter: ProgressDisplay) {
    this.#io = io;
    this.#counter = counter;
  }

  report(work: Work): void {
    if (work.total !== undefined || work.done > 0) {
      this.#counter.report(work);
    } else if (work.label !== this.#step) {
      this.#step = work.label;
      this.stop();
      say(this.#io, `${WORDS[work.phase]}: ${work.label}`);
    }
  }

  stop(): void {
    this.#counter.stop();
  }
}

/** Work that goes on side by side has a bar each; those that are full leave with the next stop. */
class Bars implements ProgressDisplay {
  readonly #io: Io;
  #display: cliProgress.MultiBar | undefined;
  readonly #bars = new Map<string, cliProgress.SingleBar>();

  constructor(io: Io) {
    this.#io = io;
  }

  report(work: Work): void {
    const { phase, done, total } = work;
    const kind = `${phase} ${total}`;
    const payload = { phase: WORDS[phase].padEnd(11), amount: amountOf(work) };
    const bar = this.#bars.get(kind);
    if (bar) bar.update(done, payload);
    else this.#bars.set(kind, this.#begin(done, total, payload));
  }

  #begin(done: number, total: number | undefined, payload: object): cliProgress.SingleBar {
    const format = total === undefined ? "{phase} {amount}" : "{phase} {bar} {amount}";
    const options = { stream: this.#io.stderr, barsize: 30, gracefulExit: false };
    this.#display ??= new cliProgress.MultiBar(options, cliProgress.Presets.shades_classic);
    return this.#display.create(total ?? 0, done, payload, { format });
  }

  stop(): void {
    this.#display?.stop();
    this.#display = undefined;
    this.#bars.clear();
  }
}

class Lines implements ProgressDisplay {
  readonly #io: Io;
  readonly #now: () => number;
  /** When each phase under way was last spoken of. */
  readonly #lastMs = new Map<Work["phase"], number>();

  constructor(io: Io, now: () => number) {
    this.#io = io;
    this.#now = now;
  }

  report(work: Work): void {
    const { phase, done, total } = work;
    const ended = done === total;
    const lastMs = this.#lastMs.get(phase);
    if (lastMs === undefined) {
      if (ended) return; // an end that was said already, or a phase with nothing to do
      this.#lastMs.set(phase, this.#now());
      return;
    }
    if (!ended && this.#now() - lastMs < LINE_INTERVAL_MS) return;
    this.#lastMs.set(phase, this.#now());
    say(this.#io, `${WORDS[phase]}: ${amountOf(work)}`);
    if (ended) this.#lastMs.delete(phase);
  }

  stop(): void {
    this.#lastMs.clear();
  }
}

function amountOf({ done, total, unit }: Work): string {
  const shown = unit === "bytes" ? formatBytes : (count: number) => `${count}`;
  const suffix = unit === "bytes" ? "" : ` ${unit}`;
  if (total === undefined) return `${shown(done)}${suffix}`;
  return `${shown(done)} of ${shown(total)}${suffix}`;
}
