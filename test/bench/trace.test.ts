import { expect, test } from "vitest";
import { TraceLog } from "../../bench/trace.ts";

const profile = {
  host: { startedMs: 100, uploadMs: 1, encodeMs: 2, submitMs: 3, waitMs: 4 },
  onePassMs: 3.5,
  stages: [{ label: "norm", bytes: 10, macs: 0 }],
  dispatches: [
    { stage: 0, kernel: "rms_norm WORKGROUP=64", startMs: 0, ms: 0.25 },
    { stage: 0, kernel: "rms_norm WORKGROUP=64", startMs: 0.5, ms: 0.25 },
  ],
};

test("a trace holds what Chrome asks of one: microseconds, tracks with names, slices that do not overlap", () => {
  const log = new TraceLog();
  log.step("decode-context-0", 50, 10, { round: 0, step: 3 });
  log.profile("decode-context-0", profile);
  const { traceEvents, displayTimeUnit } = JSON.parse(JSON.stringify(log.toChrome("tiny")));
  expect(displayTimeUnit).toBe("ms");
  const slices = traceEvents.filter(({ ph }: { ph: string }) => ph === "X");
  const named = traceEvents.filter(({ ph }: { ph: string }) => ph === "M");
  expect(named.map(({ args }: { args: { name: string } }) => args.name)).toContain("tiny");
  expect(slices).toMatchObject([
    { name: "decode-context-0", cat: "steps", ts: 50_000, dur: 10_000, args: { round: 0, step: 3 } },
    { name: "decode-context-0", cat: "host", ts: 100_000, dur: 10_000 },
    { name: "upload", cat: "host", ts: 100_000, dur: 1000 },
    { name: "encode", cat: "host", ts: 101_000, dur: 2000 },
    { name: "submit", cat: "host", ts: 103_000, dur: 3000 },
    { name: "wait", cat: "host", ts: 106_000, dur: 4000 },
    { name: "decode-context-0 in one pass", cat: "gpu", ts: 106_000, dur: 3500 },
    { name: "norm", cat: "gpu", ts: 109_500, dur: 250, args: { kernel: "rms_norm WORKGROUP=64", bytes: 10 } },
    { name: "norm", cat: "gpu", ts: 110_000, dur: 250 },
  ]);
  const tracks = new Set(slices.map(({ tid }: { tid: number }) => tid));
  const names = new Set(named.map(({ tid }: { tid: number }) => tid));
  expect([...tracks].every((tid) => names.has(tid))).toBe(true);
  expect(new Set(slices.map(({ pid }: { pid: number }) => pid))).toEqual(new Set([1]));
});

test("what another log holds can be taken over", () => {
  const [there, here] = [new TraceLog(), new TraceLog()];
  there.step("prefill-32", 1, 2, {});
  here.take(JSON.parse(JSON.stringify(there.slices)));
  expect(here.slices).toEqual(there.slices);
});
