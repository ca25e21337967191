import { expect, test } from "vitest";
import type { PeerSample } from "../../../bench/peers/protocol.ts";
import { describePeers, type PeerName, type PeersReport, sceneReport } from "../../../bench/peers/report.ts";
import type { PeerOutcome } from "../../../bench/peers/rounds.ts";

const names: readonly PeerName[] = [
  { id: "baton", title: "Baton", role: "baton" },
  { id: "one", title: "One", role: "peer" },
  { id: "two", title: "Two", role: "peer" },
  { id: "cpu", title: "CPU", role: "ceiling" },
  { id: "gone", title: "Gone", role: "peer" },
];

/** Of a prompt of 100 tokens, and 3 tokens. */
function sample(prefill: number, decode: number, tokens = [1, 2, 3]): PeerSample {
  return { prefillMs: 100_000 / prefill, decodeMs: 2000 / decode, tokens };
}

function measured(...samples: readonly PeerSample[]): PeerOutcome {
  return { kind: "measured", version: "1.0", samples };
}

const outcomes = [
  measured(sample(100, 20), sample(200, 10), sample(90, 30)),
  measured(sample(50, 4, [1, 2, 9]), sample(50, 4), sample(30, 3)),
  measured(sample(20, 5), sample(100, 2), sample(9, 6)),
  measured(sample(400, 40), sample(400, 40), sample(450, 60)),
  { kind: "failed", reason: "it is not there" },
] satisfies PeerOutcome[];

const scene = sceneReport("In a test", names, outcomes, 100);

test("ratios are of the same round, with their spread", () => {
  const [baton, one, two] = scene.results;
  expect(baton).toMatchObject({ ratios: null, sameTokens: null, tokens: 3 });
  expect(one).toMatchObject({
    prefillTokensPerSecond: { samples: 3, median: 50, min: 30, max: 50 },
    ratios: {
      prefill: { samples: 3, median: 3, min: 2, max: 4 },
      decode: { samples: 3, median: 5, min: 2.5, max: 10 },
    },
  });
  expect(two).toMatchObject({ ratios: { prefill: { median: 5, min: 2, max: 10 } } });
});

test("the best peer is the quickest of each round on the adapter, and never the ceiling", () => {
  expect(scene.overBestPeer).toEqual({
    prefill: { samples: 3, median: 2, min: 2, max: 3 },
    decode: { samples: 3, median: 4, min: 2.5, max: 5 },
  });
});

test("agreement ends at the first token that differs", () => {
  const same = scene.results.map((result) => result.kind === "measured" && result.sameTokens);
  expect(same).toEqual([null, 2, 3, 3, false]);
});

test("without Baton there are rates and no ratios", () => {
  const [, ...others] = outcomes;
  const report = sceneReport("In a test", names, [{ kind: "failed", reason: "no adapter" }, ...others], 100);
  expect(report).toMatchObject({ adapter: null, overBestPeer: null });
  expect(report.results[1]).toMatchObject({ kind: "measured", ratios: null, sameTokens: null });
});

test("without any peer on the adapter there is no best one", () => {
  const only = sceneReport("In a test", names.slice(0, 1), outcomes.slice(0, 1), 100);
  expect(only.overBestPeer).toBeNull();
});

test("the table has a row for each, and a note on who ran and who did not", () => {
  const report: PeersReport = {
    benchmark: "peers",
    takenAt: "2026-01-01T00:00:00.000Z",
    machine: {
      baton: "1.2.3",
      commit: null,
      node: "20.19.0",
      dawn: "0.6",
      os: "Linux",
      cpu: "a CPU",
      cores: 2,
      memoryBytes: 1,
    },
    loadAverage: [0.5, 1],
    model: "tiny.gguf",
    promptTokens: 100,
    rounds: 3,
    scenes: [scene],
  };
  const text = describePeers(report);
  expect(text).toMatch(/^Baton +100\.0 \(90\.0–200\.0\) +20\.0 \(10\.0–30\.0\)$/m);
  expect(text).toMatch(/^One .* 3\.00 \(2\.00–4\.00\) +5\.00 \(2\.50–10\.0\) +2 of 3$/m);
  expect(text).toMatch(/^Gone +did not run$/m);
  expect(text).toMatch(/^Gone did not run: it is not there\.$/m);
  expect(text).toMatch(/^best peer +2\.00 \(2\.00–3\.00\) +4\.00 \(2\.50–5\.00\)$/m);
});
