import fc from "fast-check";
import { expect, test } from "vitest";
import { type PolicyName, policies } from "../../src/scheduler/policies/table.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import type { SimulatedSpec } from "../../src/simulator/simulation.ts";
import { generateWorkload, type WorkloadShape } from "../../src/workload/generate.ts";
import { totalsOf } from "../../src/workload/workload.ts";
import { fakeLimits } from "../harness/fake_runner.ts";

const limits = { ...fakeLimits, blockTokens: 16, blockBytes: 1000, blocks: 400, maxStepTokens: 128, maxStepRows: 16, maxLogitRows: 16, contextTokens: 4096 }; // biome-ignore format: one record
const cost: SimulatedSpec["cost"] = ({ prefillTokens, decodes }) => 2 + 0.5 * prefillTokens + 3 * decodes;
const spec = (id: string, role: SimulatedSpec["role"]): SimulatedSpec => ({ id, role, limits, cost });
const shape: WorkloadShape = {
  turns: { min: 1, max: 4 },
  firstTokens: { median: 120, sigma: 0.6, min: 10, max: 600 },
  laterTokens: { median: 20, sigma: 0.6, min: 2, max: 100 },
  outputTokens: { median: 12, sigma: 0.6, min: 1, max: 40 },
  pauseMs: { median: 100, sigma: 0.8, min: 5, max: 1000 },
};

const fault = fc.record({
  device: fc.constantFrom("p", "d1", "d2"),
  atMs: fc.integer({ min: 0, max: 8000 }),
  awayMs: fc.integer({ min: 1, max: 3000 }),
});

test("whatever is lost and comes back, every token is answered once, in order, and time goes forward", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...(Object.keys(policies) as PolicyName[])),
      fc.uniqueArray(fault, { maxLength: 3, selector: ({ device }) => device }),
      fc.integer({ min: 0, max: 5000 }),
      fc.integer({ min: 1, max: 1000 }),
      (name, faults, joinMs, seed) => {
        const workload = generateWorkload({
          seed,
          conversations: 15,
          arrivals: { kind: "poisson", ratePerSecond: 4 },
          shape,
        });
        const { rows, conversations } = simulate(workload, {
          policy: policies[name],
          devices: [spec("p", "prefiller"), spec("d1", "decoder"), spec("d2", "decoder")],
          link: { bytesPerMs: 1000, latencyMs: 1 },
          faults: faults.map(({ device, atMs, awayMs }) => ({ device, atMs, backAtMs: atMs + awayMs })),
          joins: [{ atMs: joinMs, device: spec("d3", "decoder") }],
        });
        expect(conversations.filter(({ error }) => error !== undefined)).toEqual([]);
        const answered = conversations.flatMap(({ turns }) => turns.map(({ tokenMs }) => tokenMs.length));
        expect(answered.reduce((sum, count) => sum + count, 0)).toBe(totalsOf(workload).outputTokens);
        for (const { arrivedMs, startedMs = -1, firstTokenMs = -1, endedMs } of rows) {
          expect(startedMs).toBeGreaterThanOrEqual(arrivedMs);
          expect(firstTokenMs).toBeGreaterThan(startedMs);
          expect(endedMs).toBeGreaterThanOrEqual(firstTokenMs);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a device that does not come back ends what no other can run, and nothing hangs", () => {
  const workload = generateWorkload({
    seed: 1,
    conversations: 10,
    arrivals: { kind: "poisson", ratePerSecond: 5 },
    shape,
  });
  const { conversations, rows } = simulate(workload, {
    policy: policies.baton,
    devices: [spec("only", "both")],
    link: { bytesPerMs: 1000, latencyMs: 1 },
    faults: [{ device: "only", atMs: 900 }],
  });
  expect(conversations.some(({ error }) => error?.includes("lost"))).toBe(true);
  expect(conversations.every(({ error, turns }, at) => error !== undefined || turns.length === workload[at]?.turns.length)).toBe(true); // biome-ignore format: one check
  expect(rows.length).toBeGreaterThan(0);
});

test("what moves is counted: turn by turn it adds up to the conversation's", () => {
  const workload = generateWorkload({
    seed: 2,
    conversations: 20,
    arrivals: { kind: "poisson", ratePerSecond: 4 },
    shape,
  });
  for (const policy of Object.values(policies)) {
    const { rows, conversations } = simulate(workload, {
      policy,
      devices: [spec("p", "prefiller"), spec("d1", "decoder")],
      link: { bytesPerMs: 1e6, latencyMs: 0 },
    });
    for (const { id, movedBytes } of conversations) {
      const own = rows.filter(({ conversation }) => conversation === id);
      expect(own.reduce((sum, row) => sum + row.movedBytes, 0)).toBeLessThanOrEqual(movedBytes);
      expect(own.every((row) => row.device !== undefined)).toBe(true);
    }
  }
});
