import { defineConfig } from "vitest/config";

const full = process.env.BATON_TEST_FULL === "1";

/** Quick tests by default; `npm run test:full` sets BATON_TEST_FULL and gets `*.full.test.ts` as well. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: full ? [] : ["test/**/*.full.test.ts"],
    // On software adapters GPU work is CPU work, and a lost process must not take another file's tests along.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: full ? 900_000 : 120_000,
    hookTimeout: full ? 900_000 : 120_000,
  },
});
