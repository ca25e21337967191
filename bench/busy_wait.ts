import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { addModelOptions, type ModelOptions, parseNumber, runtimeOptions } from "../src/cli/model_options.ts";
import { checkNumber } from "../src/conversation/option_checks.ts";
import { greedy } from "../src/conversation/send_options.ts";
import { openDevice } from "../src/gpu/device.ts";
import { openGguf } from "../src/loader/gguf.ts";
import { type Summary, summarize } from "../src/metrics/summary.ts";
import { createNodePlatform } from "../src/platform/node/node_platform.ts";
import { restingWait } from "../src/platform/node/resting_wait.ts";
import { FED_TOKEN, type StepResult } from "../src/protocol/step.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { openRunner } from "../src/runner/open_runner.ts";
import { type CheckedRuntimeOptions, checkRuntimeOptions } from "../src/runtime_options.ts";
import { describeMachine, type Machine } from "./machine.ts";

/**
 * Does the host's waiting take the core that a software adapter computes on? Dawn's Node binding polls while anything is pending; where
 * the adapter is software, Baton rests between its looks. Here decode runs both ways, one step at a time and one step ahead.
 */

interface BusyWaitOptions extends ModelOptions {
  readonly samples: number;
}

const DECODED_TOKENS = 24;

/** One way to decode: resting while it waits or not, and how many steps are in flight. */
interface Way {
  readonly waits: "rest" | "poll";
  readonly inFlight: number;
  readonly runner: GpuRunner;
}

interface Sample {
  readonly stepMs: number;
  /** Of all threads of the process, those of a software adapter included. */
  readonly cpuMs: number;
  readonly tokens: string;
}

interface WayResult {
  readonly waits: Way["waits"];
  readonly inFlight: number;
  readonly stepMs: Summary;
  readonly cpuMsPerStep: Summary;
  /** Steps a second beside those of polling with one step in flight, in the same round. */
  readonly speed: Summary;
}

interface BusyWaitReport {
  readonly benchmark: "busy-wait";
  readonly takenAt: string;
  readonly adapter: string;
  readonly machine: Machine;
  readonly model: string;
  readonly decodedTokens: number;
  readonly results: readonly WayResult[];
}

export function addBusyWait(program: Command, io: Io): void {
  const command = program
    .command("busy-wait")
    .description("Measure what waiting for a step costs: resting or polling, with and without a step ahead.")
    .option("--samples <number>", "samples of each way", parseNumber("--samples"), 7);
  addModelOptions(command).action(async (options: BusyWaitOptions) => {
    const runtime = checkRuntimeOptions(runtimeOptions(options));
    const samples = checkNumber("--samples", options.samples, { min: 1, max: 1000, integer: true });
    const onSample = (text: string) => options.quiet !== true && say(io, text);
    const report = await interruptible(io, (signal) => measure(runtime, samples, signal, onSample));
    await (options.json ? printJson(io, report) : print(io, describe(report)));
  });
}

async function measure(
  runtime: CheckedRuntimeOptions,
  samples: number,
  signal: AbortSignal,
  onSample: (text: string) => void,
): Promise<BusyWaitReport> {
  const resting = await open(runtime, true, signal);
  const polling = await open(runtime, false, signal).catch((error: unknown) => {
    resting.dispose();
    throw error;
  });
  const ways = [1, 2].flatMap((inFlight): Way[] => [
    { waits: "poll", inFlight, runner: polling },
    { waits: "rest", inFlight, runner: resting },
  ]);
  try {
    const rounds: Sample[][] = [];
    // The first two rounds warm up.
    for (let round = -2; round < samples; round++) {
      const taken: Sample[] = [];
      for (const way of ways) {
        signal.throwIfAborted();
        taken.push(await decode(way));
      }
      if (new Set(taken.map(({ tokens }) => tokens)).size > 1)
        throw new Error("the ways gave different tokens");
      if (round >= 0) rounds.push(taken);
      onSample(`round ${round + 3} of ${samples + 2}`);
    }
    return {
      benchmark: "busy-wait",
      takenAt: new Date().toISOString(),
      adapter: resting.name,
      machine: describeMachine(),
      model: String(runtime.model),
      decodedTokens: DECODED_TOKENS,
      results: ways.map((way, index) => resultOf(way, index, rounds)),
    };
  } finally {
    resting.dispose();
    polling.dispose();
  }
}

async function open(runtime: CheckedRuntimeOptions, rests: boolean, signal: AbortSignal): Promise<GpuRunner> {
  const platform = createNodePlatform();
  const { adapter, model, precision, maxStepTokens, kvMiB } = runtime;
  const opened = await platform.openAdapter(adapter === undefined ? {} : { name: adapter });
  const gpu = await openDevice({ ...opened, wait: rests ? restingWait : (pending) => pending });
  const file = await openGguf(await platform.resolveModel(String(model), { signal }), { signal });
  try {
    return await openRunner({ gpu, file, precision, maxStepTokens, ...(kvMiB !== undefined && { kvMiB }) });
  } finally {
    await file.close();
  }
}

/** Decodes greedily from one token on; a step that is not the first is fed by the one before, unless that has reported. */
async function decode({ runner, inFlight }: Way): Promise<Sample> {
  const output = { kind: "token", sampling: { ...greedy, promptTokens: [], completionTokens: [] } } as const;
  const blocks = Array.from({ length: Math.ceil(DECODED_TOKENS / runner.limits.blockTokens) }, (_, at) => at);
  const tokens: number[] = [];
  const flying: Promise<StepResult>[] = [];
  const land = async () => {
    const [row] = (await flying.shift())?.rows ?? [];
    tokens.push(row?.kind === "token" ? row.token : -1);
  };
  const started = performance.now();
  const cpu = process.cpuUsage();
  for (let position = 0; position < DECODED_TOKENS; position++) {
    const token = flying.length > 0 ? FED_TOKEN : (tokens.at(-1) ?? 1);
    const row = { sequence: "s", tokens: [token], position, blocks, output };
    flying.push(runner.run({ id: position, rows: [row] }));
    if (flying.length === inFlight) await land();
  }
  while (flying.length > 0) await land();
  const { user, system } = process.cpuUsage(cpu);
  const stepMs = (performance.now() - started) / DECODED_TOKENS;
  return { stepMs, cpuMs: (user + system) / 1000 / DECODED_TOKENS, tokens: tokens.join(" ") };
}

function resultOf(
  { waits, inFlight }: Way,
  index: number,
  rounds: readonly (readonly Sample[])[],
): WayResult {
  const each = (value: (sample: Sample, first: Sample) => number): Summary => {
    const values = rounds.flatMap((round) => {
      const [first, sample] = [round[0], round[index]];
      return first && sample ? [value(sample, first)] : [];
    });
    const summary = summarize(values);
    if (summary === undefined) throw new Error("there are no samples");
    return summary;
  };
  return {
    waits,
    inFlight,
    stepMs: each(({ stepMs }) => stepMs),
    cpuMsPerStep: each(({ cpuMs }) => cpuMs),
    speed: each((sample, first) => first.stepMs / sample.stepMs),
  };
}

function describe({ adapter, model, results }: BusyWaitReport): string {
  const spread = ({ min, median, max }: Summary, digits: number) =>
    `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
  const rows = results.map(({ waits, inFlight, stepMs, cpuMsPerStep, speed }) => [
    `${waits}, ${inFlight} in flight`,
    spread(stepMs, 1),
    spread(cpuMsPerStep, 1),
    spread(speed, 2),
  ]);
  return `${model} on ${adapter}\n\n${formatTable([["", "ms a step", "CPU ms a step", "speed"], ...rows])}`;
}
