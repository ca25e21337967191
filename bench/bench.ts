import { Command } from "commander";
import { fail } from "../src/cli/failure.ts";
import type { Io } from "../src/cli/io.ts";
import { addAgents } from "./agents.ts";
import { addBatching } from "./batching.ts";
import { addBusyWait } from "./busy_wait.ts";
import { addEngine, addShow } from "./engine.ts";
import { addFidelity } from "./fidelity.ts";
import { addHandoff } from "./handoff.ts";
import { addPaper } from "./paper.ts";
import { addParts } from "./parts.ts";
import { addPeers } from "./peers.ts";
import { addPolicyMap } from "./policy_map.ts";
import { addScheduler } from "./scheduler.ts";
import { addSimulatorScale } from "./simulator_scale.ts";
import { addSpeculation } from "./speculation.ts";

/** Runs the benchmarks' program with `args` (without Node and the script). Never throws; returns the exit status. */
export async function runBench(args: readonly string[], io: Io): Promise<number> {
  // A write that fails says so through its callback; without a listener it would end the process as well.
  for (const stream of [io.stdout, io.stderr]) stream.on("error", () => {});
  const program = new Command("npm run -s bench --")
    .description("Measures Baton.")
    .helpOption("--help", "print help")
    .showHelpAfterError("(add --help for what there is)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    });
  addEngine(program, io);
  addShow(program, io);
  addBusyWait(program, io);
  addSpeculation(program, io);
  addPeers(program, io);
  addAgents(program, io);
  addParts(program, io);
  addScheduler(program, io);
  addBatching(program, io);
  addHandoff(program, io);
  addFidelity(program, io);
  addPaper(program, io);
  addSimulatorScale(program, io);
  addPolicyMap(program, io);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return await fail(error, io, args.includes("--json"));
  }
}
