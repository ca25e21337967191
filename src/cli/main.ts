#!/usr/bin/env node
import { runCli } from "./cli.ts";
import { processIo } from "./io.ts";

// No process.exit: it would cut off output that has not left yet. The process ends when nothing is left to do.
process.exitCode = await runCli(process.argv.slice(2), processIo());
