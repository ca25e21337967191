import { expect, test } from "vitest";
import { policies } from "../../src/scheduler/policies/table.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import type { SimulatedSpec } from "../../src/simulator/simulation.ts";
import { AGENTS } from "../../src/workload/agents.ts";
import { generateWorkload } from "../../src/workload/generate.ts";
import { fakeLimits } from "../harness/fake_runner.ts";

const limits = { ...fakeLimits, blockTokens: 16, blockBytes: 1000, blocks: 2000, maxStepTokens: 256, maxStepRows: 16, maxLogitRows: 64, contextTokens: 4096 }; // biome-ignore format: one record

test("baton keeps off a slow device from the first conversation on, since unlike devices are tried out", () => {
  const workload = generateWorkload({ seed: 1, conversations: 12, arrivals: { kind: "poisson", ratePerSecond: 1 }, shape: AGENTS }); // biome-ignore format: one call
  const slowSteps = (tried: { readonly prefillMsPerToken?: number }) => {
    const deviceOf = (id: string, role: "prefiller" | "decoder", slower: number): SimulatedSpec => {
      const cost: SimulatedSpec["cost"] = ({ prefillTokens, decodes }) =>
        slower * (9 + 2.4 * prefillTokens + 4 * decodes);
      return { id, role, limits, cost, ...tried };
    };
    const devices = [deviceOf("quick", "prefiller", 1), deviceOf("slow", "decoder", 12)];
    const link = { bytesPerMs: 500_000, latencyMs: 1 };
    const { steps } = simulate(workload, { policy: policies.baton, devices, link });
    return steps.filter(({ device }) => device === "slow").length;
  };
  expect(slowSteps({})).toBe(0);
  // Where both look alike at first.
  expect(slowSteps({ prefillMsPerToken: 2.4 })).toBeGreaterThan(0);
});
