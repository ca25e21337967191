import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { sloOptions } from "../src/cli/policy_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { readText } from "../src/cli/simulation_inputs.ts";
import { comparisonHtml } from "../src/comparison/html.ts";
import { WHOLE_MACHINE } from "../src/comparison/take_cells.ts";
import { comparisonText } from "../src/comparison/text.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { shapes } from "../src/model/shapes.ts";
import { type PolicyName, policies } from "../src/scheduler/policies/table.ts";
import { parseTrace } from "../src/workload/trace.ts";
import { type AgentsReport, type AgentsRequest, runAgents } from "./agents_run.ts";

interface AgentsOptions {
  readonly devices: string;
  readonly policies: string;
  readonly loads: string;
  readonly conversations: number;
  readonly seeds: number;
  readonly shape: string;
  readonly model?: string;
  readonly kvMib?: number;
  readonly patience: number;
  readonly ttftSlo: number;
  readonly tbtSlo: number;
  readonly trace?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addAgents(program: Command, io: Io): void {
  const names = Object.keys(policies);
  program
    .command("agents")
    .description(
      "Replay agents' conversations over a prefiller and a decoder under each policy, and compare.",
    )
    .option("--devices <adapters>", "prefiller and decoder: parts of their names, separated by a comma", ",")
    .option(
      "--policies <names>",
      `some of ${names.join(", ")}, and ${WHOLE_MACHINE}: one device that has all cores`,
      [...names, WHOLE_MACHINE].join(","),
    )
    .option(
      "--loads <shares>",
      "conversations a second, as shares of what the devices manage at most",
      "0.5,0.75,1",
    )
    .option("--conversations <number>", "conversations of a cell", parseNumber("--conversations"), 200)
    .option("--seeds <number>", "workloads of each load", parseNumber("--seeds"), 2)
    .option("--shape <name>", `random weights of this shape: ${Object.keys(shapes).join(", ")}`, "tiny-15m")
    .option("--model <model>", "name in the catalogue or path of a GGUF file, in place of a shape")
    .option("--kv-mib <MiB>", "size of each KV pool", parseNumber("--kv-mib"))
    .option(
      "--patience <s>",
      "how long after the last arrival conversations are cut off, and keep no SLO",
      parseNumber("--patience"),
      30,
    )
    .option("--ttft-slo <ms>", "most a turn may wait for its first token", parseNumber("--ttft-slo"), 1000)
    .option("--tbt-slo <ms>", "most the mean time between tokens may be", parseNumber("--tbt-slo"), 75)
    .option(
      "--trace <file>",
      "turns as JSON lines or CSV (session_id, timestamp, delay, lengths), or Mooncake's",
    )
    .option("--html <file>", "write a report with plots")
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async (options: AgentsOptions) => {
      const request = await requestOf(options);
      const progress = createProgress(io, options.quiet === true);
      const onProgress = progress.report.bind(progress);
      const onSoftware = (name: string) => {
        if (options.quiet !== true) say(io, `${name} is a software adapter: everything is slow on it.`);
      };
      const { report, replays } = await interruptible(io, (signal) =>
        runAgents({ ...request, signal, onProgress, onSoftware }),
      ).finally(() => progress.stop());
      if (options.html !== undefined)
        await writeFile(options.html, comparisonHtml(report, textOf(report), replays));
      await (options.json ? printJson(io, report) : print(io, textOf(report)));
    });
}

function textOf(report: AgentsReport): string {
  const { machine, loadAverage } = report;
  const [before, after] = loadAverage.map((load) => load.toFixed(1));
  const { baton, commit, node, dawn, os, cores, cpu } = machine;
  return comparisonText(report, [
    ["versions", `Baton ${baton} (${commit ?? "no clone"}), Node ${node}, Dawn ${dawn}`],
    ["machine", `${os}, ${cores} x ${cpu}, load ${before} to ${after}`],
  ]);
}

/** @throws InputError `invalid-option`; what reading a trace throws */
async function requestOf(options: AgentsOptions): Promise<AgentsRequest> {
  const { shape, model, kvMib } = options;
  if (model === undefined && !Object.hasOwn(shapes, shape))
    throw invalidOption("--shape", shape, `one of ${Object.keys(shapes).join(", ")}`);
  const adapters = options.devices.split(",").map((name) => name.trim());
  if (adapters.length !== 2)
    throw invalidOption("--devices", options.devices, "two adapters with a comma between");
  const words = options.policies.split(",").map((name) => name.trim());
  const unknown = words.find((name) => name !== WHOLE_MACHINE && !Object.hasOwn(policies, name));
  if (unknown !== undefined) throw invalidOption("--policies", unknown, `a policy, or ${WHOLE_MACHINE}`);
  const loads = options.loads.split(",").map((load) => Number(load));
  for (const load of loads) checkNumber("--loads", load, { above: 0, max: 10 });
  const text = options.trace === undefined ? undefined : await readText("--trace", options.trace);
  return {
    adapters: [adapters[0] ?? "", adapters[1] ?? ""],
    policies: words.filter((name): name is PolicyName => name !== WHOLE_MACHINE),
    wholeMachine: words.includes(WHOLE_MACHINE),
    loads,
    conversations: checkNumber("--conversations", options.conversations, {
      min: 1,
      max: 100_000,
      integer: true,
    }),
    seeds: checkNumber("--seeds", options.seeds, { min: 1, max: 1000, integer: true }),
    patienceMs: 1000 * checkNumber("--patience", options.patience, { min: 0, max: 1_000_000 }),
    model: model === undefined ? { kind: "shape", name: shape } : { kind: "file", name: model },
    kvMiB: kvMib === undefined ? undefined : checkNumber("--kv-mib", kvMib, { above: 0, max: 2 ** 20 }),
    slo: sloOptions(options),
    trace: text === undefined ? undefined : parseTrace(text, options.trace ?? ""),
  };
}
