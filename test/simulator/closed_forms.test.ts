import { describe, expect, test } from "vitest";
import { policies } from "../../src/scheduler/policies/table.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import type { SimulatedSpec } from "../../src/simulator/simulation.ts";
import { generateWorkload, type WorkloadShape } from "../../src/workload/generate.ts";
import { fakeLimits } from "../harness/fake_runner.ts";

/** Queues whose answers are known. */

const link = { bytesPerMs: 1e6, latencyMs: 0 };
const SERVICE_MS = 10;
const CUSTOMERS = 10_000;
const limits = {
  ...fakeLimits,
  blockTokens: 16,
  blockBytes: 1000,
  blocks: 100_000,
  maxStepTokens: 64,
  maxStepRows: 1,
  maxLogitRows: 1,
  contextTokens: 8192,
  plansInFlight: 1,
};
const server: SimulatedSpec = { id: "one", role: "both", limits, cost: () => SERVICE_MS };
const always = (median: number) => ({ median, sigma: 0, min: median, max: median });
/** One turn, one step: a customer. */
const customer: WorkloadShape = {
  turns: { min: 1, max: 1 },
  firstTokens: always(8),
  laterTokens: always(1),
  outputTokens: always(1),
  pauseMs: always(1),
};

function waitsAt(utilisation: number, seed: number) {
  const ratePerSecond = (1000 * utilisation) / SERVICE_MS;
  const workload = generateWorkload({
    seed,
    conversations: CUSTOMERS,
    arrivals: { kind: "poisson", ratePerSecond },
    shape: customer,
  });
  return simulate(workload, { policy: policies["collocated-sticky"], devices: [server], link });
}

describe("a device that serves one turn a step", () => {
  test.each([0.3, 0.6, 0.8])("makes them wait as M/D/1 says, at a utilisation of %d", (utilisation) => {
    // Pollaczek and Khinchine: the mean wait of a queue with constant service times.
    const expected = (SERVICE_MS * utilisation) / (2 * (1 - utilisation));
    const means = [1, 2].map((seed) => {
      const { rows } = waitsAt(utilisation, seed);
      return rows.reduce((sum, { startedMs = 0, arrivedMs }) => sum + startedMs - arrivedMs, 0) / rows.length;
    });
    const mean = means.reduce((sum, one) => sum + one, 0) / means.length;
    expect(Math.abs(mean / expected - 1)).toBeLessThan(0.08);
  });

  test("is busy for the share of time that comes in", () => {
    const { use, totalMs } = waitsAt(0.6, 1);
    expect((use.one?.busyMs ?? 0) / totalMs).toBeCloseTo(0.6, 1);
    expect(use.one?.busyMs).toBeCloseTo(CUSTOMERS * SERVICE_MS, 5);
  });

  test("has as many in it, over time, as come in a second times how long they stay", () => {
    const { rows, totalMs } = waitsAt(0.8, 1);
    // The mean number, by counting at each coming and going, and by Little's law.
    const changes = rows
      .flatMap(({ arrivedMs, endedMs }) => [[arrivedMs, 1] as const, [endedMs, -1] as const])
      .toSorted(([a], [b]) => a - b);
    let [inside, area, atMs] = [0, 0, 0];
    for (const [ms, change] of changes) {
      area += inside * (ms - atMs);
      [inside, atMs] = [inside + change, ms];
    }
    const stay = rows.reduce((sum, { arrivedMs, endedMs }) => sum + endedMs - arrivedMs, 0) / rows.length;
    expect(area / totalMs).toBeCloseTo((rows.length / totalMs) * stay, 6);
  });
});

test("without load, a turn takes what its tokens cost, whatever the policy", () => {
  const cost: SimulatedSpec["cost"] = ({ prefillTokens, decodes }) => 3 + prefillTokens + 7 * decodes;
  const roomy = { ...limits, maxStepRows: 16, maxLogitRows: 16 };
  const pair: readonly SimulatedSpec[] = [
    { id: "p", role: "prefiller", limits: roomy, cost },
    { id: "d", role: "decoder", limits: roomy, cost },
  ];
  const workload = [{ id: "a", arrivalMs: 5, turns: [{ inputTokens: 100, outputTokens: 6, delayMs: 0 }] }];
  for (const policy of Object.values(policies)) {
    const [row] = simulate(workload, { policy, devices: pair, link }).rows;
    // Two chunks of a prompt, of 64 and 36 tokens; then five steps of a decode.
    expect(row?.firstTokenMs).toBe(5 + 2 * 3 + 100);
    expect((row?.endedMs ?? 0) - (row?.firstTokenMs ?? 0)).toBeCloseTo(5 * 10, 1);
  }
});

test("in a closed loop there are never more conversations than said, and as many while there are more to come", () => {
  const workload = generateWorkload({ seed: 1, conversations: 40, arrivals: { kind: "poisson", ratePerSecond: 1 }, shape: { ...customer, turns: { min: 2, max: 4 } } }); // biome-ignore format: one call
  const { rows, conversations } = simulate(workload, { policy: policies.baton, devices: [server], link, concurrency: 3 }); // biome-ignore format: one call
  expect(conversations.every(({ turns }, at) => turns.length === workload[at]?.turns.length)).toBe(true);
  const lives = conversations.map(
    ({ turns }) => [turns[0]?.arrivedMs ?? 0, turns.at(-1)?.endedMs ?? 0] as const,
  );
  for (const [at] of lives) {
    const live = lives.filter(([from, to]) => from <= at && at < to).length;
    expect(live).toBeLessThanOrEqual(3);
  }
  expect(rows[0]?.arrivedMs).toBe(0);
});
