import { expect, test } from "vitest";
import { policies } from "../../src/scheduler/policies/table.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import { AGENTS } from "../../src/workload/agents.ts";
import { generateWorkload } from "../../src/workload/generate.ts";
import { fakeLimits } from "../harness/fake_runner.ts";

const limits = { ...fakeLimits, blockTokens: 16, blockBytes: 1000, blocks: 2000, maxStepTokens: 256, maxStepRows: 16, maxLogitRows: 64, contextTokens: 4096 }; // biome-ignore format: one record

function deviceOf(id: string, role: "prefiller" | "decoder", slower: number, isTried: boolean) {
  const cost = ({ prefillTokens, decodes }: { prefillTokens: number; decodes: number }) =>
    slower * (9 + 2.4 * prefillTokens + 4 * decodes);
  return { id, role, limits, cost, ...(isTried && { prefillMsPerToken: 2.4 * slower }) };
}

test("baton keeps off a slow device from the first conversation on where devices were tried out", () => {
  const workload = generateWorkload({
    seed: 1,
    conversations: 12,
    arrivals: { kind: "poisson", ratePerSecond: 1 },
    shape: AGENTS,
  });
  const slowSteps = (isTried: boolean) => {
    const devices = [deviceOf("quick", "prefiller", 1, isTried), deviceOf("slow", "decoder", 12, isTried)];
    const link = { bytesPerMs: 500_000, latencyMs: 1 };
    const { steps } = simulate(workload, { policy: policies.baton, devices, link });
    return steps.filter(({ device }) => device === "slow").length;
  };
  expect(slowSteps(false)).toBeGreaterThan(0);
  expect(slowSteps(true)).toBe(0);
});
