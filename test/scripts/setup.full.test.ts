import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** What a setup may take that has nothing to do. */
const IDLE_SETUP_MS = 2000;

function setUp() {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/run.cjs", "setup"], {
    encoding: "utf8",
  });
  return { status, output: stdout + stderr, ms: performance.now() - start };
}

test("a second setup has nothing to do, says nothing, and is soon done", () => {
  const first = setUp();
  expect(first.status, first.output).toBe(0);
  const second = setUp();
  expect(second).toMatchObject({ status: 0, output: "" });
  expect(second.ms).toBeLessThan(IDLE_SETUP_MS);
});
