import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const full = process.env.BATON_TEST_FULL === "1";

/** Where the quick tests have just run, a full run leaves out those that it would only repeat: they know neither full runs nor adapters. */
const repeated = full && process.env.BATON_TEST_QUICK_DONE === "1" ? filesWithout(/Adapter|FullRun/) : [];

function filesWithout(words: RegExp): string[] {
  return readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts") && !name.endsWith(".full.test.ts"))
    .map((name) => join("test", name))
    .filter((path) => !words.test(readFileSync(path, "utf8")));
}

/** The full tests first: one that takes a quarter of an hour would otherwise begin when all others have ended. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFull = ({ moduleId }: TestSpecification) => Number(moduleId.includes(".full."));
    return (await super.sort(files)).toSorted((a, b) => isFull(b) - isFull(a));
  }
}

/** Quick tests by default; `npm run test:full` sets BATON_TEST_FULL and gets `*.full.test.ts` as well. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: full ? repeated : ["test/**/*.full.test.ts"],
    reporters: ["default", "./test/harness/vitest_summary.ts"],
    // A process per file, so that a crash in a driver takes one file along; two, since GPU work is CPU work on software adapters.
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Against what hangs: where drivers have no kernels cached yet, many a test compiles for minutes.
    testTimeout: full ? 900_000 : 300_000,
    hookTimeout: full ? 900_000 : 300_000,
  },
});
