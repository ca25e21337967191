import { expect, test } from "vitest";
import type { Runner, StepPlan } from "../../src/protocol/step.ts";
import { triedOut } from "../../src/runner/try_out.ts";
import { Observations } from "../../src/scheduler/observations.ts";
import { fakeLimits } from "../harness/fake_runner.ts";

function runner(name: string, times: readonly number[]): Runner & { readonly plans: StepPlan[] } {
  const plans: StepPlan[] = [];
  return {
    name,
    limits: { ...fakeLimits, blockTokens: 16 },
    plans,
    run: async (plan) => {
      const ms = times[plans.length];
      plans.push(plan);
      if (ms === undefined) throw new Error("lost");
      return { plan: plan.id, rows: [{ kind: "token", token: 1 }], ms };
    },
    exportBlocks: async () => new Uint8Array(),
    importBlocks: async () => {},
    dispose: () => {},
  };
}

test("unlike devices are tried out, and the shorter of two tries counts", async () => {
  const devices = [{ runner: runner("quick", [400, 16]) }, { runner: runner("slow", [160, 320]) }];
  const tried = await triedOut(devices);
  expect(tried.map(({ prefillMsPerToken }) => prefillMsPerToken)).toEqual([1, 10]);
  expect(tried[0]?.runner.plans[0]?.rows[0]?.tokens).toHaveLength(16);
});

test("devices of one adapter are alike, and one that fails is as if it had not been tried", async () => {
  const alike = [{ runner: runner("same", []) }, { runner: runner("same", []) }];
  expect(await triedOut(alike)).toBe(alike);
  const [quick, broken] = await triedOut([
    { runner: runner("quick", [8, 8]) },
    { runner: runner("broken", [1]) },
  ]);
  expect(quick?.prefillMsPerToken).toBe(0.5);
  expect(broken).not.toHaveProperty("prefillMsPerToken");
});

test("what is seen later counts from what was tried", () => {
  const observed = new Observations(10);
  expect(observed.prefillMsPerToken).toBe(10);
  observed.step(64, 0, 64 * 20);
  expect(observed.prefillMsPerToken).toBeCloseTo(12, 9);
  // A short step says little of what a token costs.
  observed.step(4, 0, 4 * 60);
  expect(observed.prefillMsPerToken).toBeLessThan(13);
});
