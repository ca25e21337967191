import { expect, test } from "vitest";
import { chooseCases } from "../../bench/cases.ts";
import type { Sample } from "../../bench/engine_bench.ts";
import { runRounds } from "../../bench/rounds.ts";

const cases = chooseCases("decode-context-0,batch-2");
const signal = new AbortController().signal;

/** Samples that take what `ms` says, call by call; then always 10 ms. */
function scripted(ms: readonly number[], tokens: (call: number) => number[] = () => [1, 2]) {
  const calls: string[] = [];
  const sample = async ({ id }: { readonly id: string }): Promise<Sample> => {
    calls.push(id);
    return {
      stepMs: [ms[calls.length - 1] ?? 10],
      startedMs: [0],
      tokens: tokens(calls.length),
      dispatches: 1,
    };
  };
  return { calls, sample, prepare: async () => {} };
}

test("all cases are warmed up until they get no quicker, and then measured in turn", async () => {
  const bench = scripted([100, 50, 30, 30, 20, 20]);
  const done: number[] = [];
  const taken = await runRounds(bench, cases, {
    samples: 2,
    device: "d",
    signal,
    onSample: (count) => done.push(count),
  });
  const [decode, batch] = ["decode-context-0", "batch-2"];
  const warmUps = [decode, decode, decode, decode, batch, batch];
  expect(bench.calls).toEqual([...warmUps, decode, batch, decode, batch]);
  expect([...taken.values()].map((samples) => samples.length)).toEqual([2, 2]);
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("other tokens for the same prompt are an error and no figure", async () => {
  const bench = scripted([], (call) => (call === 6 ? [1, 3] : [1, 2]));
  const options = { samples: 2, device: "d", signal, onSample: () => {} };
  await expect(runRounds(bench, cases, options)).rejects.toMatchObject({
    code: "gpu-error",
    message: expect.stringMatching(/"d" gave other tokens for the same prompt \(batch-2\)/),
  });
});

test("an aborted signal ends it before the next sample", async () => {
  const controller = new AbortController();
  const bench = scripted([]);
  const onSample = (done: number) => {
    if (done === 1) controller.abort(new Error("enough"));
  };
  const options = { samples: 2, device: "d", signal: controller.signal, onSample };
  await expect(runRounds(bench, cases, options)).rejects.toThrow("enough");
  expect(bench.calls).toHaveLength(2);
});
