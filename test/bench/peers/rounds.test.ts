import { expect, test } from "vitest";
import { type Peer, PeerFailure } from "../../../bench/peers/peer_process.ts";
import { measurePeers } from "../../../bench/peers/rounds.ts";

const job = { model: "model.gguf", onnx: undefined, ids: [1], text: "text", threads: 1 };
const WARM_UPS = 2;

/** Writes what it is asked into `calls`; `tokenMs` of decode; `misbehave` may throw or give other tokens at a call. */
function fake(
  name: string,
  calls: string[],
  {
    tokenMs = 100,
    prefillMs = (_run: number): number => 10,
    misbehave = (_run: number): number[] | undefined => undefined,
  } = {},
) {
  let runs = 0;
  const peer: Peer & { stops: number } = {
    name,
    stops: 0,
    load: async () => {
      calls.push(`load ${name}`);
      return { version: `${name} 1.0` };
    },
    run: async (tokens) => {
      calls.push(`${name} ${tokens}`);
      runs += 1;
      const ids = misbehave(runs) ?? Array.from({ length: tokens }, (_, at) => at);
      return { prefillMs: prefillMs(runs), decodeMs: (tokens - 1) * tokenMs, tokens: ids };
    },
    stop: async () => {
      peer.stops += 1;
    },
  };
  return peer;
}

function measure(peers: readonly Peer[], rounds: number, signal = new AbortController().signal) {
  const progress: string[] = [];
  const onRun = (done: number, total: number) => progress.push(`${done}/${total}`);
  const outcomes = measurePeers(peers, () => job, { rounds, signal, onLoad: () => {}, onRun });
  return { outcomes, progress };
}

test("peers are warmed up one after the other, then measured in turn, each round from the next one on", async () => {
  const calls: string[] = [];
  const { outcomes, progress } = measure([fake("a", calls), fake("b", calls)], 3);
  const [a, b] = await outcomes;
  expect(calls.slice(0, 6)).toEqual(["load a", "a 3", "a 3", "load b", "b 3", "b 3"]);
  expect(calls.slice(6).map((call) => call[0])).toEqual(["a", "b", "b", "a", "a", "b"]);
  expect(a).toMatchObject({ kind: "measured", version: "a 1.0" });
  expect([a, b].map((one) => one?.kind === "measured" && one.samples.length)).toEqual([3, 3]);
  expect(progress).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
});

test("a peer is warmed up until it gets no quicker", async () => {
  const calls: string[] = [];
  const prefillMs = (run: number) => [5000, 2000, 1000, 990][run - 1] ?? 990;
  await measure([fake("a", calls, { prefillMs })], 1).outcomes;
  expect(calls).toEqual(["load a", "a 3", "a 3", "a 3", "a 3", "a 17"]);
});

test.each([
  ["quick", 1, 17],
  ["slow", 2_000, 6],
  ["slower than the limit", 60_000, 3],
])("a %s peer decodes as many tokens as fit into the time", async (_, tokenMs, tokens) => {
  const calls: string[] = [];
  await measure([fake("a", calls, { tokenMs })], 1).outcomes;
  expect(calls.at(-1)).toBe(`a ${tokens}`);
});

test("a peer that fails in a round is stopped and left out, and the others go on", async () => {
  const calls: string[] = [];
  const misbehave = (run: number) => {
    if (run === WARM_UPS + 2) throw new PeerFailure("it fell over");
    return undefined;
  };
  const [a, b] = [fake("a", calls, { misbehave }), fake("b", calls)];
  const { outcomes, progress } = measure([a, b], 3);
  const [ofA, ofB] = await outcomes;
  expect(ofA).toEqual({ kind: "failed", reason: "it fell over" });
  expect(ofB?.kind === "measured" && ofB.samples).toHaveLength(3);
  expect([a.stops, b.stops]).toEqual([1, 0]);
  expect(progress.at(-1)).toBe("5/5");
});

test("a peer that gives other tokens for the same prompt has no figures", async () => {
  const misbehave = (run: number) => (run === WARM_UPS + 2 ? [9, 9, 9] : undefined);
  const [outcome] = await measure([fake("a", [], { misbehave })], 2).outcomes;
  expect(outcome).toEqual({ kind: "failed", reason: "it gave other tokens for the same prompt" });
});

test("a peer that gives too few tokens has no figures", async () => {
  const [outcome] = await measure([fake("a", [], { misbehave: () => [1, 2] })], 1).outcomes;
  expect(outcome).toEqual({ kind: "failed", reason: "it gave 2 tokens" });
});

test("a peer whose files are missing is not loaded", async () => {
  const calls: string[] = [];
  const jobOf = () => {
    throw new PeerFailure("its packages are not installed");
  };
  const signal = new AbortController().signal;
  const options = { rounds: 1, signal, onLoad: () => {}, onRun: () => {} };
  const [outcome] = await measurePeers([fake("a", calls)], jobOf, options);
  expect(outcome).toEqual({ kind: "failed", reason: "its packages are not installed" });
  expect(calls).toEqual([]);
});

test("an aborted signal ends it at once, and what is no peer's failure is thrown", async () => {
  const controller = new AbortController();
  const waiting: Peer = { ...fake("a", []), run: () => new Promise(() => {}) };
  const { outcomes } = measure([waiting], 1, controller.signal);
  controller.abort(new Error("enough"));
  await expect(outcomes).rejects.toThrow("enough");
  const misbehave = () => {
    throw new TypeError("a defect");
  };
  await expect(measure([fake("a", [], { misbehave })], 1).outcomes).rejects.toThrow("a defect");
});
