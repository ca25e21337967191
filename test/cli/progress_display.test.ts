import { expect, test } from "vitest";
import { createProgress, type Work } from "../../src/cli/progress_display.ts";
import { TestIo } from "./test_io.ts";

const download = (done: number, total: number | undefined): Work => ({
  phase: "download",
  done,
  total,
  unit: "bytes",
  label: "the model",
});
const compile = (done: number): Work => ({
  phase: "compile",
  done,
  total: 3,
  unit: "pipelines",
  label: "matmul",
});

/** What is on stderr after `events`, each `stepMs` after the one before it. */
async function shown(events: readonly Work[], stepMs: number, io = new TestIo(), quiet = false) {
  let now = 0;
  const progress = createProgress(io, quiet, () => now);
  for (const event of events) {
    progress.report(event);
    now += stepMs;
  }
  progress.stop();
  await new Promise(setImmediate);
  return io.errors;
}

const pieces = Array.from({ length: 101 }, (_, index) => download(index * 1e6, 100e6));

test("without a terminal quick work is one line, however many events there are", async () => {
  expect(await shown(pieces, 1)).toBe("downloading: 100.0 MB of 100.0 MB\n");
});

test("without a terminal slow work is a line every five seconds, and one at its end", async () => {
  const lines = (await shown(pieces, 200)).trimEnd().split("\n");
  expect(lines).toEqual(
    ["25.0", "50.0", "75.0", "100.0"].map((done) => `downloading: ${done} MB of 100.0 MB`),
  );
});

test("each phase has its line", async () => {
  const events = [...pieces, compile(1), compile(2), compile(3)];
  expect(await shown(events, 1)).toBe("downloading: 100.0 MB of 100.0 MB\ncompiling: 3 of 3 pipelines\n");
});

test("work of unknown length is counted without a total", async () => {
  expect(await shown([download(1e6, undefined), download(5e6, undefined)], 6000)).toBe(
    "downloading: 5.0 MB\n",
  );
});

test("a step that has nothing to count yet is said once", async () => {
  const asking: Work = { ...download(0, undefined), label: "asking the hub" };
  expect(await shown([asking, asking, ...pieces], 1)).toBe(
    "downloading: asking the hub\ndownloading: 100.0 MB of 100.0 MB\n",
  );
});

test("quiet says nothing, on a terminal or not", async () => {
  expect(await shown(pieces, 1, new TestIo(), true)).toBe("");
  expect(await shown(pieces, 1, new TestIo({ terminal: true }), true)).toBe("");
});

test("a terminal gets a bar per phase, which ends full and on its own line", async () => {
  const written = await shown([...pieces, compile(1), compile(3)], 1, new TestIo({ terminal: true }));
  const last = written.split("\n").map((line) => line.split("\r").at(-1) ?? "");
  expect(last).toHaveLength(3);
  expect(last[0]).toContain("100.0 MB of 100.0 MB");
  expect(last[1]).toContain("3 of 3 pipelines");
  expect(written).not.toContain("░ 100.0 MB of");
});
