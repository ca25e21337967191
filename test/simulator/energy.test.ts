import { expect, test } from "vitest";
import { policies } from "../../src/scheduler/policies/table.ts";
import { DeviceUse } from "../../src/simulator/device_use.ts";
import { energyOf } from "../../src/simulator/energy.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import type { SimulatedSpec } from "../../src/simulator/simulation.ts";
import { fakeLimits } from "../harness/fake_runner.ts";

const limits = { ...fakeLimits, blockTokens: 16, blockBytes: 1000, blocks: 1000, maxStepTokens: 1024, maxStepRows: 16, maxLogitRows: 16, contextTokens: 8192 }; // biome-ignore format: one record
const cost: SimulatedSpec["cost"] = ({ prefillTokens, decodes }) => prefillTokens + 10 * decodes;
const devices: readonly SimulatedSpec[] = [
  { id: "p", role: "prefiller", limits, cost },
  { id: "d", role: "decoder", limits, cost },
];
const power = { idleWatts: 10, prefillWatts: 100, decodeWatts: 50, peakWatts: 110 };

test("energy is watts times what each phase took, idle time counted", () => {
  const workload = [{ id: "a", arrivalMs: 0, turns: [{ inputTokens: 500, outputTokens: 51, delayMs: 0 }] }];
  const simulation = simulate(workload, { policy: policies.conserve, devices, link: { bytesPerMs: 1e9, latencyMs: 0 } }); // biome-ignore format: one call
  const { byPhase } = energyOf(simulation, { p: power, d: power }, 1e-3);
  const total = simulation.totalMs;
  expect(total).toBeCloseTo(1000, 2);
  expect(byPhase.byDevice.p).toBeCloseTo((100 * 500 + 10 * (total - 500)) / 1000, 3);
  expect(byPhase.byDevice.d).toBeCloseTo((50 * 500 + 10 * (total - 500)) / 1000, 3);
  // 32 blocks out and 32 in.
  expect(byPhase.linkJoules).toBeCloseTo(64, 6);
  expect(byPhase.joulesPerToken).toBeCloseTo(byPhase.joules / 51, 3);
  expect(byPhase.joulesPerConversation).toBe(byPhase.joules);
});

test("a step with prompts and decodes in it draws by their shares", () => {
  const use = new DeviceUse();
  use.add(0, 100, 0.25);
  expect(use.totals).toMatchObject({ busyMs: 100, prefillMs: 25, decodeMs: 75 });
});

test("utilisation is taken by the second, on a curve: half busy costs more than half", () => {
  const use = new DeviceUse();
  use.add(0, 500, 0);
  use.add(1200, 2700, 0);
  // 0.5, 0.8 and 0.7 of three seconds.
  expect(use.totals.curvedMs).toBeCloseTo(1000 * (0.5 ** 0.7 + 0.8 ** 0.7 + 0.7 ** 0.7), 6);
});

test("an idle fleet draws its idle watts in both models", () => {
  const workload = [{ id: "a", arrivalMs: 10_000, turns: [{ inputTokens: 1, outputTokens: 1, delayMs: 0 }] }];
  const simulation = simulate(workload, { policy: policies.conserve, devices, link: { bytesPerMs: 1e9, latencyMs: 0 } }); // biome-ignore format: one call
  const { byPhase, byUtilisation } = energyOf(simulation, { p: power, d: power });
  expect(byPhase.joules).toBeCloseTo(200, 0);
  expect(Math.abs(byUtilisation.joules - 200)).toBeLessThan(3);
});
