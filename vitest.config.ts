import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const full = process.env.BATON_TEST_FULL === "1";

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
    exclude: full ? [] : ["test/**/*.full.test.ts"],
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
