import { defineConfig } from "vitest/config";

const full = process.env.BATON_TEST_FULL === "1";

/** Quick tests by default; `npm run test:full` sets BATON_TEST_FULL and gets `*.full.test.ts` as well. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: full ? [] : ["test/**/*.full.test.ts"],
    reporters: ["default", "./test/harness/vitest_summary.ts"],
    // A process per file, so that a crash in a driver takes one file along; two, since GPU work is CPU work on software adapters.
    pool: "forks",
    maxWorkers: 2,
    // Against what hangs: where drivers have no kernels cached yet, many a test compiles for minutes.
    testTimeout: full ? 900_000 : 300_000,
    hookTimeout: full ? 900_000 : 300_000,
  },
});
