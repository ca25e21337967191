import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findChromium } from "../../scripts/chromium.mjs";

/** A folder of programs that end with these statuses, and an environment with nothing else on PATH or in the cache. */
function machineWith(programs: Readonly<Record<string, number>>) {
  const folder = mkdtempSync(join(tmpdir(), "baton-path-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, status] of Object.entries(programs))
    writeFileSync(join(folder, name), `#!/bin/sh\nexit ${status}\n`, { mode: 0o755 });
  return { folder, env: { PATH: folder, BATON_CACHE: join(folder, "cache") } };
}

test("a machine without Chromium has none", () => {
  expect(findChromium(machineWith({}).env)).toBeUndefined();
});

test.skipIf(process.platform === "win32")("a Chromium that only says how to get it is passed over", () => {
  const { folder, env } = machineWith({ chromium: 1, "google-chrome": 0 });
  expect(findChromium(env)).toEqual({ path: join(folder, "google-chrome"), env: {} });
});

test("the fetched one comes with its libraries, and last", () => {
  const { env } = machineWith({});
  const folder = join(env.BATON_CACHE, "chromium");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "chromium"), "");
  expect(findChromium(env)).toEqual({ path: join(folder, "chromium"), env: { LD_LIBRARY_PATH: folder } });
  expect(findChromium({ ...env, CHROME_PATH: "chosen" })?.path).toBe("chosen");
});
