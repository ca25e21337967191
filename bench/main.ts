import { processIo } from "../src/cli/io.ts";
import { runBench } from "./bench.ts";

process.exitCode = await runBench(process.argv.slice(2), processIo());
