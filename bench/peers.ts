import type { Command } from "commander";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { createProgress } from "../src/cli/progress_display.ts";
import { checkNumber, invalidOption } from "../src/conversation/option_checks.ts";
import { catalogue } from "../src/loader/sources/catalogue.ts";
import { type PeersJob, runPeersJob } from "./peers/job.ts";
import { describePeers } from "./peers/report.ts";
import { type Scene, scenes } from "./peers/scenes.ts";

interface PeersOptions {
  readonly model: string;
  readonly scene: string;
  readonly rounds: number;
  readonly only?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const sceneIds = scenes.map(({ id }) => id);
const peerIds = [
  ...new Set(
    scenes.flatMap(({ entries }) => entries.flatMap(({ id, role }) => (role === "baton" ? [] : [id]))),
  ),
];

const HELP = `
Measured, with the same file and the same prompt for all: prefill of 128 tokens, and greedy decode of one sequence after them, Baton
and its peers in turn, round by round. The peers' packages are installed into bench/peers first. A peer that cannot run is
listed with its reason.

Scenes:
${scenes.map(({ id, title }) => `  ${id}: ${title}`).join("\n")}
Peers for --only: ${peerIds.join(", ")}.

Examples:
  $ npm run -s bench -- peers
  $ npm run -s bench -- peers --scene lavapipe --only onnxruntime --rounds 3
  $ npm run -s bench -- peers --json > peers.json
`;

export function addPeers(program: Command, io: Io): void {
  program
    .command("peers")
    .description("Measure Baton beside other engines on the same adapter.")
    .option("--model <model>", "name in the catalogue, path or URL of a GGUF file", catalogue.default)
    .option("--scene <names>", `some of ${sceneIds.join(", ")}, separated by commas`, sceneIds.join(","))
    .option("--rounds <number>", "how often each is measured", parseNumber("--rounds"), 5)
    .option("--only <names>", "some of the peers, separated by commas")
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors and what is installed")
    .addHelpText("after", HELP)
    .action((options: PeersOptions) => benchPeers(io, options));
}

async function benchPeers(io: Io, options: PeersOptions): Promise<void> {
  const job = checkOptions(options);
  const quiet = options.quiet === true;
  const progress = createProgress(io, quiet);
  const report = await interruptible(io, (signal) =>
    runPeersJob(job, {
      signal,
      onProgress: progress.report.bind(progress),
      say: (line) => {
        if (!quiet) say(io, line);
      },
    }),
  ).finally(() => progress.stop());
  await (options.json ? printJson(io, report) : print(io, describePeers(report)));
}

/** Before anything is installed. @throws InputError `invalid-option` */
function checkOptions({ model, scene, rounds, only }: PeersOptions): PeersJob {
  const chosen = chooseNames("--scene", scene, sceneIds);
  const peers = only === undefined ? peerIds : chooseNames("--only", only, peerIds);
  return {
    model,
    rounds: checkNumber("--rounds", rounds, { min: 1, max: 1000, integer: true }),
    scenes: scenes.filter(({ id }) => chosen.includes(id)).map((one) => withPeers(one, peers)),
  };
}

function withPeers(scene: Scene, peers: readonly string[]): Scene {
  const entries = scene.entries.filter(({ id, role }) => role === "baton" || peers.includes(id));
  return { ...scene, entries };
}

function chooseNames(option: string, text: string, known: readonly string[]): string[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw invalidOption(option, unknown, `some of ${known.join(", ")}, separated by commas`);
}
