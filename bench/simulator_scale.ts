import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { policyOption } from "../src/cli/policy_options.ts";
import { checkNumber } from "../src/conversation/option_checks.ts";
import { type PolicyName, policies } from "../src/scheduler/policies/table.ts";
import { fleetOf, modelCosts, parseDevices } from "../src/simulator/device_file.ts";
import { simulate } from "../src/simulator/simulate.ts";
import { generateWorkload, type WorkloadShape } from "../src/workload/generate.ts";
import { describeMachine } from "./machine.ts";

/** How fast the simulator is, on one core, and how that changes with the number of devices. */

interface ScaleOptions {
  readonly devices: string;
  readonly conversations: number;
  readonly policy: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Ten turns in the mean, answers of 128 tokens in the mean. */
const SHAPE: WorkloadShape = {
  turns: { min: 5, max: 15 },
  firstTokens: { median: 1000, sigma: 0.5, min: 100, max: 4000 },
  laterTokens: { median: 100, sigma: 0.8, min: 10, max: 1000 },
  outputTokens: { median: 107, sigma: 0.6, min: 8, max: 1024 },
  pauseMs: { median: 500, sigma: 1, min: 10, max: 60_000 },
};
/** Conversations a second for each device, at which there are some four tokens of answers for each event. */
const RATE_PER_DEVICE = 1.2;

const WARM_UP = { devices: 8, conversations: 200 };

export interface ScaleResult {
  readonly devices: number;
  readonly conversations: number;
  readonly turns: number;
  readonly tokens: number;
  readonly events: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly microsecondsPerEvent: number;
  /** The most memory that the process has had, so far. */
  readonly peakMiB: number;
  readonly simulatedSeconds: number;
}

export function addSimulatorScale(program: Command, io: Io): void {
  program
    .command("simulator")
    .description("Time the simulator itself, on one core, by the number of devices.")
    .option("--devices <numbers>", "how many, with commas between", "10,100,1000")
    .option("--conversations <number>", "for each device", parseNumber("--conversations"), 20)
    .option("--policy <name>", Object.keys(policies).join(", "), "baton")
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async ({ devices, conversations, policy, json, quiet }: ScaleOptions) => {
      const name = policyOption("--policy", policy);
      const whole = { min: 1, max: 1_000_000, integer: true };
      const each = checkNumber("--conversations", conversations, whole);
      const counts = devices.split(",").map((count) => checkNumber("--devices", Number(count), whole));
      const results: ScaleResult[] = [];
      // What runs first runs before the compiler has seen it.
      scaleOf(WARM_UP.devices, WARM_UP.conversations, name);
      for (const count of counts) {
        if (quiet !== true) say(io, `simulating ${count} devices and ${count * each} conversations`);
        results.push(scaleOf(count, count * each, name));
      }
      const report = { benchmark: "simulator", takenAt: new Date().toISOString(), machine: describeMachine(), policy, results }; // biome-ignore format: one record
      await (json ? printJson(io, report) : print(io, scaleText(results)));
    });
}

export function scaleOf(devices: number, conversations: number, policy: PolicyName): ScaleResult {
  const prefillers = Math.max(1, Math.round(devices / 4));
  const model = modelCosts("qwen3-0.6b", "model");
  const file = parseDevices(
    {
      devices: [
        { id: "p", role: "prefiller", gpu: "a40", count: prefillers },
        { id: "d", role: "decoder", gpu: "a40", count: Math.max(1, devices - prefillers) },
      ],
    },
    "devices",
  );
  const workload = generateWorkload({
    seed: 1,
    conversations,
    arrivals: { kind: "poisson", ratePerSecond: RATE_PER_DEVICE * devices },
    shape: SHAPE,
  });
  const { devices: specs, link } = fleetOf(file, model, "devices");
  const beganMs = performance.now();
  const simulation = simulate(workload, { policy: policies[policy], devices: specs, link, keeps: "totals" });
  const seconds = (performance.now() - beganMs) / 1000;
  const { events, totals, totalMs } = simulation;
  return {
    devices,
    conversations,
    turns: totals.turns,
    tokens: totals.tokens,
    events,
    seconds,
    eventsPerSecond: events / seconds,
    tokensPerSecond: totals.tokens / seconds,
    microsecondsPerEvent: (1e6 * seconds) / events,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    simulatedSeconds: totalMs / 1000,
  };
}

function scaleText(results: readonly ScaleResult[]): string {
  const rows = results.map((one) => [
    `${one.devices}`,
    `${one.conversations}`,
    `${one.turns}`,
    `${(one.tokens / 1e6).toFixed(1)} M`,
    `${(one.events / 1e6).toFixed(2)} M`,
    one.seconds.toFixed(1),
    one.eventsPerSecond.toFixed(0),
    one.tokensPerSecond.toFixed(0),
    one.microsecondsPerEvent.toFixed(2),
    one.peakMiB.toFixed(0),
    one.simulatedSeconds.toFixed(0),
  ]);
  const head = ["devices", "conversations", "turns", "tokens", "events", "seconds", "events/s", "tokens/s", "µs/event", "MiB", "simulated s"]; // biome-ignore format: a list
  return formatTable([head, ...rows], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) + growthText(results);
}

/** How the cost of an event grows from the fewest devices to the most, beside the logarithm of their number. */
function growthText(results: readonly ScaleResult[]): string {
  const [first, last] = [results[0], results.at(-1)];
  if (first === undefined || last === undefined || first.devices < 2 || last.devices <= first.devices)
    return "";
  const cost = last.microsecondsPerEvent / first.microsecondsPerEvent;
  const logarithm = Math.log(last.devices) / Math.log(first.devices);
  return `\nFrom ${first.devices} to ${last.devices} devices an event costs ${cost.toFixed(2)} times as much, the logarithm of their number grows ${logarithm.toFixed(2)} times.\n`;
}
