import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { shapes } from "../src/model/shapes.ts";
import { type FidelityReport, runFidelity } from "./fidelity_run.ts";

interface FidelityOptions {
  readonly devices: string;
  readonly conversations: number;
  readonly replicates: number;
  readonly seed: number;
  readonly shape: string;
  readonly foretold?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addFidelity(program: Command, io: Io): void {
  program
    .command("fidelity")
    .description("Fit the simulator to some runs on real devices, and check what it foretells of others.")
    .option("--devices <adapters>", "prefiller and decoder: parts of their names, separated by a comma", ",")
    .option("--conversations <number>", "of each run", parseNumber("--conversations"), 40)
    .option("--replicates <number>", "how often each run that is foretold is made", parseNumber("--replicates"), 2) // biome-ignore format: one option
    .option("--seed <number>", "of the workload that is foretold", parseNumber("--seed"), 1)
    .option("--shape <name>", "random weights of this shape", "tiny-15m")
    .option("--foretold <file>", "write what is foretold there, before it is run")
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async (options: FidelityOptions) => {
      const { devices, shape, foretold: file, quiet } = options;
      const [first, second, ...more] = devices.split(",").map((name) => name.trim());
      if (first === undefined || second === undefined || more.length > 0)
        throw invalidOption("--devices", devices, "two adapters with a comma between");
      if (!Object.hasOwn(shapes, shape))
        throw invalidOption("--shape", shape, `one of ${Object.keys(shapes).join(", ")}`);
      const whole = (option: string, value: number, most: number) =>
        checkNumber(option, value, { min: 1, max: most, integer: true });
      const progress = createProgress(io, quiet === true);
      const report = await interruptible(io, (signal) =>
        runFidelity({
          adapters: [first, second],
          shape,
          conversations: whole("--conversations", options.conversations, 10_000),
          replicates: whole("--replicates", options.replicates, 100),
          seed: whole("--seed", options.seed, 1_000_000),
          signal,
          onProgress: progress.report.bind(progress),
          onSoftware: (name) => {
            if (quiet !== true) say(io, `${name} is a software adapter: everything is slow on it.`);
          },
          onForetold: async (foretold) => {
            const text = JSON.stringify({ writtenAt: new Date().toISOString(), foretold }, null, 1);
            if (file !== undefined) await writeFile(file, `${text}\n`);
          },
        }),
      ).finally(() => progress.stop());
      await (options.json ? printJson(io, report) : print(io, fidelityText(report)));
    });
}

function fidelityText({ checks, machine, devices, fitted, link, paces, met }: FidelityReport): string {
  const rows = checks.map(({ policy, load, metric, foretold, measured, error, allowed, met: isMet }) => [
    policy,
    `${load}`,
    metric,
    foretold.toFixed(0),
    measured.map((value) => value.toFixed(0)).join(" "),
    `${(100 * error).toFixed(0)}%`,
    `${(100 * allowed).toFixed(0)}%`,
    isMet ? "" : "missed",
  ]);
  const head = ["policy", "load", "what", "foretold", "measured", "off by", "allowed", ""];
  return `${formatTable([head, ...rows], [3, 4, 5, 6])}
${met} of ${checks.length} within what is allowed: 10% of means, 15% of 95th percentiles, or 1.5 times what replicates differ by.
fitted: ${JSON.stringify(fitted)}; link ${(link.bytesPerMs / 1000).toFixed(0)} MB/s after ${link.latencyMs.toFixed(1)} ms
${devices.map(({ role, adapter }) => `${role}: ${adapter}`).join("; ")}; ${machine.cores} x ${machine.cpu}, Node ${machine.node}, Dawn ${machine.dawn}
the machine's pace, ms for a fixed piece of work: ${paces.map((ms) => ms.toFixed(0)).join(" ")}
`;
}
