import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bench } from "./run_bench.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const trace = join(folder, "trace.jsonl");
const turns = ["a", "b", "c"].flatMap((id, at) => [
  { session_id: id, timestamp: at * 20, input_length: 40, output_length: 3 },
  { session_id: id, delay: 5, input_length: 6, output_length: 2 },
]);
writeFileSync(trace, turns.map((turn) => JSON.stringify(turn)).join("\n"));

const small = ["--shape", "tiny", "--kv-mib", "8", "--seeds", "1", "--loads", "1", "--conversations", "3"];

test("a trace is replayed under each policy on real devices, and one page has it all", async () => {
  const html = join(folder, "agents.html");
  const policies = ["--policies", "conserve,baton,whole-machine"];
  const { status, stdout, stderr } = await bench("agents", ...small, ...policies, "--trace", trace, "--html", html, "--json"); // biome-ignore format: one command
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    benchmark: "agents",
    model: "tiny, random weights",
    devices: [{ role: "prefiller" }, { role: "decoder" }],
  });
  expect(report.workload).toContain(
    "3 conversations, 6 turns, 138 prompt tokens (87% in first turns), 15 answered",
  );
  const cells = new Map<string, { handoffs: number; failed: number; ttfetMs: { p95: number } }>(
    report.cells.map((cell: { policy: string }) => [cell.policy, cell]),
  );
  expect([...cells.keys()].toSorted()).toEqual(["baton", "conserve", "whole-machine"]);
  expect(cells.get("conserve")).toMatchObject({ handoffs: 3, failed: 0, conversations: 3 });
  expect(cells.get("whole-machine")).toMatchObject({ handoffs: 0, failed: 0 });
  for (const { ttfetMs } of cells.values()) expect(ttfetMs.p95).toBeGreaterThan(0);
  const page = readFileSync(html, "utf8");
  const data = JSON.parse(/<script type="application\/json" id="data">(.*)<\/script>/.exec(page)?.[1] ?? "");
  expect(data.timelines).toHaveLength(3);
  expect(data.cdfs.map(({ title }: { title: string }) => title)).toContain("TTFET, pauses taken out");
  expect(page).not.toMatch(/(src|href)=/);
});

test("the table has a row for each policy", async () => {
  const { status, stdout } = await bench("agents", ...small, "--policies", "per-turn,collocated", "--quiet");
  expect(status).toBe(0);
  for (const text of ["per-turn", "collocated", "TTFET p50", "load 1:"]) expect(stdout).toContain(text);
});

test.each([
  [["--shape", "huge"], "--shape"],
  [["--policies", "best"], "--policies"],
  [["--devices", "one"], "--devices"],
  [["--loads", "0"], "--loads"],
  [["--conversations", "0"], "--conversations"],
  [["--trace", join(folder, "none.jsonl")], "--trace"],
])("refuses %j", async (args, option) => {
  const { status, stderr } = await bench("agents", ...args);
  expect(status).not.toBe(0);
  expect(stderr).toContain("error (invalid-option)");
  expect(stderr).toContain(option);
});
