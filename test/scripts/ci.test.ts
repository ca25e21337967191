import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

/** Runs .ci/run with an npm that does nothing but what `quick` and `full` say, in shell. */
function runCi(quick: string, full: string) {
  const folder = mkdtempSync(join(tmpdir(), "baton-ci-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const npm = `#!/bin/sh\nif [ "$*" = test ]; then ${quick}; elif [ "$*" = "run test:full" ]; then ${full}; fi\n`;
  writeFileSync(join(folder, "npm"), npm);
  chmodSync(join(folder, "npm"), 0o755);
  const { status, stdout } = spawnSync(".ci/run", {
    encoding: "utf8",
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  });
  const lines = stdout.trimEnd().split("\n");
  return { status, lastLine: lines.at(-1), lines };
}

test("the counts of both commands are added", () => {
  const ci = runCi("echo '10 passed, 0 failed'", "echo '300 passed, 0 failed'");
  expect(ci).toMatchObject({ status: 0, lastLine: "310 passed, 0 failed" });
});

test("the second command runs though the first failed", () => {
  const ci = runCi("echo '8 passed, 2 failed'; exit 1", "echo '300 passed, 0 failed'");
  expect(ci).toMatchObject({ status: 1, lastLine: "308 passed, 2 failed" });
});

test("a command that ends without its count is a failure", () => {
  const ci = runCi("echo '10 passed, 0 failed'", "kill -9 $$");
  expect(ci).toMatchObject({ status: 1, lastLine: "10 passed, 1 failed" });
});

test("a command that counts no failure and fails is a failure", () => {
  const ci = runCi("echo '10 passed, 0 failed'; exit 1", "echo '1 passed, 0 failed'");
  expect(ci).toMatchObject({ status: 1, lastLine: "11 passed, 1 failed" });
});

test("what failed in either command is said again at the end", () => {
  const failing = (name: string) => `echo 'baton: failed: ${name}' >&2; echo '1 passed, 1 failed'; exit 1`;
  const { lines } = runCi(failing("a.test.ts > first"), failing("b.test.ts > second"));
  expect(lines.slice(-3)).toEqual([
    "baton: failed: a.test.ts > first",
    "baton: failed: b.test.ts > second",
    "2 passed, 2 failed",
  ]);
});

test("a command that ends without its count is among what failed", () => {
  const { lines } = runCi("echo '10 passed, 0 failed'", "kill -9 $$");
  expect(lines.at(-2)).toBe("baton: failed: npm run test:full");
});
