import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { comparisonHtml } from "../../comparison/html.ts";
import { checkNumber, checkOptionalNumber } from "../../conversation/option_checks.ts";
import { policies, policyNamed } from "../../scheduler/policies/table.ts";
import { fleetOf, parseDevices } from "../../simulator/device_file.ts";
import { gpus } from "../../simulator/gpus.ts";
import { type SimulationRequest, simulatePolicies } from "../../simulator/simulate_policies.ts";
import { simulationText } from "../../simulator/text.ts";
import type { Arrivals } from "../../workload/arrivals.ts";
import { shapes } from "../../workload/shapes.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, print, printJson } from "../io.ts";
import { parseNumber } from "../model_options.ts";
import { policyOption, sloOptions } from "../policy_options.ts";
import { createProgress } from "../progress_display.ts";
import { readJson, readModel, readWorkload } from "../simulation_inputs.ts";

interface SimulateCommandOptions {
  readonly devices: string;
  readonly workload: string;
  readonly policy: string;
  readonly model?: string;
  readonly seed: number;
  readonly conversations: number;
  readonly rate: number;
  readonly variation: number;
  readonly concurrency?: number;
  readonly predictionError: number;
  readonly ttftSlo: number;
  readonly tbtSlo: number;
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const HELP = `
The devices' FILE is JSON: {"devices": [{"id": "p", "role": "prefiller", "gpu": "a40"}, {"id": "d", "role": "decoder", "gpu": "l4", "count": 2}]}.
A device has a "gpu" (${Object.keys(gpus).join(", ")}) or its own figures, which go before the card's: peakTflops, bandwidthGBps,
computeEfficiency, memoryEfficiency, stepOverheadMs, or "fitted" to measured steps; kvGiB or kvBlocks; link {GBps, latencyMs};
power {idleWatts, prefillWatts, decodeWatts, peakWatts}. Beside "devices": "model", "link" that devices share, "hostKvGiB", "faults".

A workload is a turn a line: {"session_id", "timestamp" (ms; of a conversation's first turn) or "delay" (ms after the end of the
turn before), "input_length" (new tokens), "output_length"}, or Mooncake's requests with hash_ids, or a CSV with these columns.

--json prints {"devices", "model", "workload", "seed", "slo", "results": [{"policy", "summary", "energy", "turns"}], "comparisons"}; times in ms.

Examples:
  $ baton simulate --devices pair.json --workload trace.jsonl --policy baton,conserve --json
  $ baton simulate --devices pair.json --workload swe-agent --rate 0.5 --model llama-3.2-1b
`;

export function addSimulate(program: Command, io: Io): void {
  program
    .command("simulate")
    .description("Simulate policies on devices that are described in a file.")
    .requiredOption("--devices <file>", "the devices, as JSON")
    .requiredOption(
      "--workload <file>",
      `turns, a line each, or a name: ${Object.keys(shapes).join(", ")}`,
    )
    .option("--policy <names>", `some of ${Object.keys(policies).join(", ")}`, "baton,conserve,collocated-sticky") // biome-ignore format: one option
    .option("--model <model>", "a name, or a JSON file with its shape (default: the devices' file's, or qwen3-0.6b)") // biome-ignore format: one option
    .option("--seed <number>", "of the workload that a name generates", parseNumber("--seed"), 1) // biome-ignore format: one option
    .option("--conversations <number>", "of a generated workload", parseNumber("--conversations"), 200)
    .option("--rate <per second>", "conversations of a generated workload that come in a second", parseNumber("--rate"), 1) // biome-ignore format: one option
    .option("--variation <number>", "of the gaps between them, standard deviation over mean: 1 is Poisson, more comes in bursts", parseNumber("--variation"), 1) // biome-ignore format: one option
    .option("--concurrency <number>", "so many conversations at a time, whatever their times of arrival", parseNumber("--concurrency")) // biome-ignore format: one option
    .option("--prediction-error <sigma>", "of ampd's predictions: standard deviation of the logarithm", parseNumber("--prediction-error"), 0) // biome-ignore format: one option
    .option("--ttft-slo <ms>", "most a turn may wait for its first token", parseNumber("--ttft-slo"), 1000)
    .option("--tbt-slo <ms>", "most the mean time between tokens may be", parseNumber("--tbt-slo"), 75)
    .option("--html <file>", "write a report with plots")
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .addHelpText("after", HELP)
    .action((options: SimulateCommandOptions) => runSimulate(io, options));
}

async function runSimulate(io: Io, options: SimulateCommandOptions): Promise<void> {
  const request = await requestOf(options);
  const progress = createProgress(io, options.quiet === true);
  const onProgress = progress.report.bind(progress);
  const result = await interruptible(io, (signal) =>
    simulatePolicies({ ...request, signal, onProgress }),
  ).finally(() => progress.stop());
  const { report, simulations } = result;
  const text = simulationText(report);
  if (options.html !== undefined)
    await writeFile(options.html, comparisonHtml(report.comparison, text, simulations));
  if (!options.json) return print(io, text);
  const { comparison, results } = report;
  await printJson(io, {
    devices: request.file.devices,
    model: request.model,
    workload: comparison.workload,
    seed: request.seed,
    slo: request.slo,
    results: results.map(({ rows, ...rest }) => ({ ...rest, turns: rows.map(rowOf) })),
    comparisons: comparison.comparisons,
  });
}

function rowOf(row: SimulatedRow) {
  return {
    session_id: row.conversation,
    turn: row.turn,
    arrival_ms: row.arrivedMs,
    start_ms: row.startedMs ?? null,
    first_token_ms: row.firstTokenMs ?? null,
    end_ms: row.endedMs,
    device: row.device ?? null,
    moved_bytes: row.movedBytes,
  };
}

type SimulatedRow = Awaited<ReturnType<typeof simulatePolicies>>["report"]["results"][number]["rows"][number];

/** @throws InputError `invalid-option`; what reading the files throws */
async function requestOf(
  options: SimulateCommandOptions,
): Promise<Omit<SimulationRequest, "signal" | "onProgress">> {
  // biome-ignore format: one type
  const { devices, workload, policy, conversations, rate } = options;
  const slo = sloOptions(options);
  const seed = checkNumber("--seed", options.seed, { min: 0, max: 2 ** 31, integer: true });
  const names = policy.split(",").map((name) => name.trim());
  const predictionError = checkNumber("--prediction-error", options.predictionError, { min: 0, max: 10 });
  const found = names.map((name) => policyNamed(policyOption("--policy", name), { ...slo, predictionError }));
  const file = parseDevices(await readJson("--devices", devices), devices);
  const model = await readModel(options.model ?? file.model ?? "qwen3-0.6b");
  const concurrency = checkOptionalNumber("--concurrency", options.concurrency, { min: 1, max: 1_000_000, integer: true }); // biome-ignore format: one call
  const generated = {
    seed,
    conversations: checkNumber("--conversations", conversations, { min: 1, max: 10_000_000, integer: true }),
    arrivals: arrivalsOf(checkNumber("--rate", rate, { above: 0, max: 1_000_000 }), options.variation),
  };
  return {
    file,
    fleet: fleetOf(file, model, devices),
    model,
    workload: await readWorkload(workload, generated),
    workloadName: workload,
    policies: found,
    seed,
    slo,
    ...(concurrency !== undefined && { concurrency }),
  };
}

function arrivalsOf(ratePerSecond: number, given: number): Arrivals {
  const variation = checkNumber("--variation", given, { above: 0, max: 100 });
  return variation === 1 ? { kind: "poisson", ratePerSecond } : { kind: "bursty", ratePerSecond, variation };
}
