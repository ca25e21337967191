import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { policies } from "../src/scheduler/policies/table.ts";
import type { Policy } from "../src/scheduler/policy.ts";
import { describeMachine, loadAverage, type Machine } from "./machine.ts";
import { type LoadCounts, SchedulerLoad } from "./scheduler_load.ts";
import { type Spread, spread } from "./spread.ts";

/**
 * How many events a second the scheduler takes, alone on one thread: devices answer at once, and making their answers and the turns is in
 * the time. An event is one call of `advance`: a step of a device that has ended, with all its rows, a turn that arrives, a copy
 * that is done, a conversation that is closed.
 */

interface SchedulerOptions {
  readonly conversations: number;
  readonly devices?: number;
  readonly rows: number;
  readonly policy: string;
  readonly drafts?: boolean;
  readonly seconds: number;
  readonly rounds: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface Shape {
  readonly devices: number;
  /** Most rows of a step. */
  readonly rows: number;
}

interface ShapeResult extends Shape {
  readonly eventsPerSecond: Spread;
  /** A row is a token of a decode, or a chunk of a prompt. */
  readonly rowsPerSecond: Spread;
  readonly turnsPerSecond: Spread;
  readonly rowsPerStep: number;
  /** Turns that waited for a place or for blocks when the last round ended. */
  readonly waiting: number;
  /** Shares of all events. */
  readonly byKind: LoadCounts["byKind"];
}

interface SchedulerReport {
  readonly benchmark: "scheduler";
  readonly takenAt: string;
  readonly machine: Machine;
  readonly loadAverage: readonly [number, number];
  readonly policy: string;
  readonly conversations: number;
  readonly drafts: boolean;
  readonly seconds: number;
  readonly results: readonly ShapeResult[];
}

const SHAPES: readonly Shape[] = [
  { devices: 16, rows: 4 },
  { devices: 16, rows: 8 },
  { devices: 2, rows: 64 },
];

export function addScheduler(program: Command, io: Io): void {
  program
    .command("scheduler")
    .description("Measure how many events a second the scheduler takes, without devices.")
    .option("--conversations <number>", "live all the time", parseNumber("--conversations"), 1000)
    .option("--devices <number>", "of one shape, in place of 16 and 2", parseNumber("--devices"))
    .option("--rows <number>", "most rows of a step, with --devices", parseNumber("--rows"), 8)
    .option("--policy <name>", `one of ${Object.keys(policies).join(", ")}`, "baton")
    .option("--drafts", "with speculation, which looks every token up")
    .option("--seconds <number>", "of a round", parseNumber("--seconds"), 2)
    .option("--rounds <number>", "after one that warms up", parseNumber("--rounds"), 5)
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async (options: SchedulerOptions) => {
      const policy = policyOf(options.policy);
      const { devices, drafts = false } = options;
      const conversations = whole("--conversations", options.conversations, 100_000);
      const rows = whole("--rows", options.rows, 4096);
      const rounds = whole("--rounds", options.rounds, 1000);
      const seconds = checkNumber("--seconds", options.seconds, { above: 0, max: 3600 });
      const shapes = devices === undefined ? SHAPES : [{ devices: whole("--devices", devices, 1000), rows }];
      const before = loadAverage();
      const results = await interruptible(io, async (signal) => {
        const loads = shapes.map((shape) => {
          const speculation = drafts ? "auto" : "off";
          return { shape, load: new SchedulerLoad({ ...shape, policy, conversations, speculation }) };
        });
        const samples = loads.map((): Sample[] => []);
        for (let round = 0; round <= rounds; round++) {
          for (const [index, { load }] of loads.entries()) {
            signal.throwIfAborted();
            const sample = measure(load, seconds);
            if (round > 0) samples[index]?.push(sample);
            // Between samples, so that Ctrl-C is heard.
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (options.quiet !== true) say(io, `round ${round} of ${rounds}`);
        }
        return loads.map(({ shape, load }, index) => resultOf(shape, load, samples[index] ?? []));
      });
      const report: SchedulerReport = {
        benchmark: "scheduler",
        takenAt: new Date().toISOString(),
        machine: describeMachine(),
        loadAverage: [before, loadAverage()],
        policy: policy.name,
        conversations,
        drafts,
        seconds,
        results,
      };
      await (options.json ? printJson(io, report) : print(io, describe(report)));
    });
}

function whole(name: string, value: number, max: number): number {
  return checkNumber(name, value, { min: 1, max, integer: true });
}

/** @throws InputError `invalid-option` */
function policyOf(name: string): Policy {
  for (const [known, policy] of Object.entries(policies)) if (known === name) return policy;
  throw invalidOption("--policy", name, `one of ${Object.keys(policies).join(", ")}`);
}

interface Sample {
  readonly events: number;
  readonly rows: number;
  readonly turns: number;
}

const REPORTS_AT_A_TIME = 64;

/** Per second. */
function measure(load: SchedulerLoad, seconds: number): Sample {
  const before = load.counts;
  const started = performance.now();
  let ms = 0;
  while (ms < seconds * 1000) {
    load.run(REPORTS_AT_A_TIME);
    ms = performance.now() - started;
  }
  const after = load.counts;
  const rate = (count: "events" | "rows" | "turns") => ((after[count] - before[count]) * 1000) / ms;
  return { events: rate("events"), rows: rate("rows"), turns: rate("turns") };
}

function resultOf(shape: Shape, load: SchedulerLoad, samples: readonly Sample[]): ShapeResult {
  const { events, rows, byKind } = load.counts;
  const shares = Object.entries(byKind).map(([kind, count]) => [kind, Number((count / events).toFixed(4))]);
  return {
    ...shape,
    eventsPerSecond: spread(samples.map((sample) => sample.events)),
    rowsPerSecond: spread(samples.map((sample) => sample.rows)),
    turnsPerSecond: spread(samples.map((sample) => sample.turns)),
    rowsPerStep: Number((rows / (byKind["step-ended"] ?? 1)).toFixed(2)),
    waiting: load.waiting,
    byKind: Object.fromEntries(shares),
  };
}

function describe({ machine, policy, conversations, drafts, results, loadAverage }: SchedulerReport): string {
  const text = ({ median, min, max }: Spread) =>
    `${Math.round(median)} (${Math.round(min)}–${Math.round(max)})`;
  const rows = results.map(({ devices, rows, ...result }) => [
    `${devices} x ${rows}`,
    text(result.eventsPerSecond),
    text(result.rowsPerSecond),
    text(result.turnsPerSecond),
    String(result.rowsPerStep),
    String(result.waiting),
  ]);
  const kinds = results.map(({ devices, rows, byKind }) => {
    const shares = Object.entries(byKind).map(([kind, share = 0]) => `${kind} ${(share * 100).toFixed(1)}%`);
    return `${devices} x ${rows}: ${shares.join(", ")}`;
  });
  return `${conversations} conversations under ${policy}, ${drafts ? "with" : "without"} drafts; one thread of ${machine.cores} x ${machine.cpu}, Node ${machine.node}, load ${loadAverage.map((load) => load.toFixed(1)).join(" and ")}

${formatTable([["devices x rows", "events/s", "rows/s", "turns/s", "rows a step", "waiting"], ...rows])}
An event is one call of the scheduler; a row is a token of a decode or a chunk of a prompt. Medians of ${results[0]?.eventsPerSecond.samples ?? 0} rounds, least and greatest in brackets.

${kinds.join("\n")}
`;
}
