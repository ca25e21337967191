import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { bench } from "./run_bench.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the busy wait is measured each way, with time, CPU time and speed beside the first", async () => {
  const model = join(folder, "tiny.gguf");
  writeFileSync(model, writeTinyModel({ vocabTokens: 600 }));
  const { status, stdout, stderr } = await bench(
    "busy-wait",
    "--model",
    model,
    "--samples",
    "2",
    "--json",
    "--kv-mib",
    "2",
  );
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  const { results } = JSON.parse(stdout);
  const ways = results.map(({ waits, inFlight }: { waits: string; inFlight: number }) => [waits, inFlight]);
  expect(ways).toEqual([
    ["poll", 1],
    ["rest", 1],
    ["poll", 2],
    ["rest", 2],
  ]);
  for (const { stepMs, cpuMsPerStep, speed } of results) {
    expect(stepMs.samples).toBe(2);
    expect(Math.min(stepMs.min, cpuMsPerStep.min, speed.min)).toBeGreaterThan(0);
  }
  expect(results[0].speed).toMatchObject({ min: 1, max: 1 });
});
