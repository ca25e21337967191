import { expect, test } from "vitest";
import { conversationTimes } from "../../src/metrics/conversation_metrics.ts";
import { policies } from "../../src/scheduler/policies/table.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import type { SimulatedSpec } from "../../src/simulator/simulation.ts";
import { VirtualClock } from "../../src/simulator/virtual_clock.ts";
import { generateWorkload, type WorkloadShape } from "../../src/workload/generate.ts";
import { totalsOf } from "../../src/workload/workload.ts";
import { fakeLimits } from "../harness/fake_runner.ts";

const limits = {
  ...fakeLimits,
  blockTokens: 16,
  blockBytes: 1000,
  blocks: 2000,
  maxStepTokens: 256,
  maxStepRows: 64,
  maxLogitRows: 64,
  contextTokens: 8192,
};
/** One ms for a prompt's token, ten for a step in which something decodes. */
const cost: SimulatedSpec["cost"] = ({ prefillTokens, decodes }) => prefillTokens + (decodes > 0 ? 10 : 0);
const one: SimulatedSpec = { id: "one", role: "both", limits, cost };
const pair: readonly SimulatedSpec[] = [
  { ...one, id: "p", role: "prefiller" },
  { ...one, id: "d", role: "decoder" },
];
const link = { bytesPerMs: 100, latencyMs: 5 };
const shape: WorkloadShape = {
  turns: { min: 1, max: 5 },
  firstTokens: { median: 200, sigma: 0.6, min: 20, max: 1000 },
  laterTokens: { median: 30, sigma: 0.6, min: 4, max: 200 },
  outputTokens: { median: 16, sigma: 0.6, min: 2, max: 64 },
  pauseMs: { median: 200, sigma: 0.8, min: 10, max: 3000 },
};

test("a conversation alone on one device takes what its tokens cost", () => {
  const workload = [
    {
      id: "a",
      arrivalMs: 100,
      turns: [
        { inputTokens: 300, outputTokens: 4, delayMs: 0 },
        { inputTokens: 20, outputTokens: 2, delayMs: 500 },
      ],
    },
  ];
  const { conversations, totalMs } = simulate(workload, {
    policy: policies["collocated-sticky"],
    devices: [one],
    link,
  });
  const [first, second] = conversations[0]?.turns ?? [];
  expect(first?.tokenMs).toEqual([400, 410, 420, 430]);
  // The last sampled token of the turn before is a part of the new prompt.
  expect(second).toMatchObject({ arrivedMs: 930, tokenMs: [950, 960], pauseMs: 500 });
  expect(totalMs).toBe(960);
});

test("a handoff takes what the link says, and no more of it than the last blocks is seen", () => {
  const workload = [{ id: "a", arrivalMs: 0, turns: [{ inputTokens: 512, outputTokens: 3, delayMs: 0 }] }];
  const { conversations, copies } = simulate(workload, { policy: policies.conserve, devices: pair, link });
  const [turn] = conversations[0]?.turns ?? [];
  expect(copies.map(({ step, bytes }) => [step, bytes])).toEqual([
    ["export", 16_000],
    ["import", 16_000],
    ["export", 16_000],
    ["import", 16_000],
  ]);
  // 165 ms out behind the first chunk and 165 ms in, while the second runs, until 586; then the second, out and in.
  expect(turn?.tokenMs[0]).toBe(512);
  expect(turn?.tokenMs[1]).toBe(586 + 165 + 165 + 10);
  expect(conversations[0]).toMatchObject({ transfers: 1, movedBytes: 32_000 });
});

for (const [name, policy] of Object.entries(policies)) {
  test(`under ${name} every token of a workload is answered, and the same again gives the same`, () => {
    const workload = generateWorkload({
      seed: 3,
      conversations: 60,
      arrivals: { kind: "poisson", ratePerSecond: 2 },
      shape,
    });
    const run = () => simulate(workload, { policy, devices: pair, link });
    const { conversations, steps, events: _, ...rest } = run();
    const totals = totalsOf(workload);
    expect(conversations.every(({ error }) => error === undefined)).toBe(true);
    const answered = conversations.flatMap(({ turns }) => turns).map(({ tokenMs }) => tokenMs.length);
    expect(answered.reduce((sum, count) => sum + count, 0)).toBe(totals.outputTokens);
    expect(conversations.every(({ turns }) => conversationTimes(turns) !== undefined)).toBe(true);
    // A device does one thing at a time.
    for (const { id } of pair) {
      const own = steps.filter(({ device }) => device === id);
      for (const [at, step] of own.entries())
        expect(step.startMs).toBeGreaterThanOrEqual(own[at - 1]?.endMs ?? 0);
    }
    const again = run();
    expect(again.conversations).toEqual(conversations);
    expect(again.totalMs).toBe(rest.totalMs);
    if (policy.transfers !== undefined)
      for (const { transfers } of conversations) expect(transfers).toBeLessThanOrEqual(policy.transfers);
    if (name === "conserve") expect(conversations.every(({ transfers }) => transfers === 1)).toBe(true);
  });
}

test("under more load than the devices can take, everybody still ends, first come first served or nearly", () => {
  const workload = generateWorkload({
    seed: 4,
    conversations: 150,
    arrivals: { kind: "poisson", ratePerSecond: 100 },
    shape,
  });
  const small = pair.map((device) => ({ ...device, limits: { ...limits, blocks: 120 } }));
  for (const policy of Object.values(policies)) {
    for (const hostBlocks of [0, 40, 5000]) {
      const { conversations } = simulate(workload, { policy, devices: small, link, hostBlocks });
      expect(conversations.filter(({ error }) => error !== undefined)).toEqual([]);
    }
  }
});

test("a virtual clock rings in the order of time, and of setting at the same moment, and never back", () => {
  const clock = new VirtualClock();
  const rung: string[] = [];
  const ring = (name: string) => () => void rung.push(`${name} ${clock.nowMs}`);
  clock.at(5, ring("b"));
  clock.at(5, ring("c"));
  clock.at(1, () => clock.after(4, ring("d")));
  clock.at(0, ring("a"));
  clock.run();
  expect(rung).toEqual(["a 0", "b 5", "c 5", "d 5"]);
  expect(() => clock.at(4, () => {})).toThrow(RangeError);
});
