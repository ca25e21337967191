import { expect, test } from "vitest";
import { baton } from "../../src/scheduler/policies/baton.ts";
import type { StepRules } from "../../src/scheduler/policy.ts";
import { tokensOf } from "./driver.ts";
import { Fleet } from "./fleet.ts";

/** What prompts may take of a step, and whose goes first. */

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => (from + index) % 97);
const steps = { promptWeight: 0, paceMs: 134 };

/** A device that takes 10 ms for each token of a step, and has shown it. */
function measured(rules: StepRules = steps): Fleet {
  const limits = { maxStepTokens: 100, maxStepRows: 8, blocks: 400, plansInFlight: 1 };
  const fleet = new Fleet({ one: { role: "both", limits } }, { ...baton, steps: rules });
  const runner = fleet.machines.get("one")?.runner;
  if (runner) runner.stepMs = (tokens) => 10 * tokens;
  fleet.arrive(0, "first", range(40, 3), { output: tokensOf(1) });
  fleet.finish();
  return fleet;
}

/** Tokens of each conversation in the step that was given last. */
function lastStep(fleet: Fleet): Readonly<Record<string, number>> {
  const plan = fleet.commands.findLast((command) => command.kind === "run-step")?.plan;
  return Object.fromEntries(plan?.rows.map(({ sequence, tokens }) => [sequence, tokens.length]) ?? []);
}

test("where nobody answers, all prompts of a step together take three times the pace", () => {
  const fleet = measured();
  for (const turn of [2, 3, 4])
    fleet.arrive(turn, `long-${turn}`, range(90, 7 * turn), { output: tokensOf(1) });
  for (let n = 0; n < 2; n++) fleet.step("one");
  const alone = Object.values(lastStep(fleet)).reduce((sum, tokens) => sum + tokens, 0);
  expect(alone).toBeGreaterThan(36);
  expect(alone).toBeLessThanOrEqual(40);
});

/** Tokens of a long prompt in a step beside an answer, of which each token so far took so long. */
function besideAnswer(tokenMs: number): number {
  const fleet = measured({ ...steps, paceMs: 400 });
  fleet.arrive(9, "idle", range(40, 5), { output: tokensOf(1) });
  fleet.finish();
  fleet.arrive(1, "talks", range(4, 50), { output: tokensOf(40) });
  fleet.step("one");
  fleet.msPerEvent = tokenMs;
  fleet.step("one");
  fleet.msPerEvent = 0;
  fleet.arrive(2, "long", range(95, 7), { output: tokensOf(1) });
  fleet.msPerEvent = tokenMs;
  fleet.step("one");
  expect(lastStep(fleet).talks).toBe(1);
  return lastStep(fleet).long ?? 0;
}

test("beside answers, prompts take as much as these are ahead of their pace, and half of it at the least", () => {
  // Three tokens have come: the fourth is due 1,200 ms after the first.
  expect(besideAnswer(400)).toBeGreaterThan(36);
  expect(besideAnswer(400)).toBeLessThanOrEqual(40);
  expect(besideAnswer(300)).toBeGreaterThan(54);
  expect(besideAnswer(300)).toBeLessThanOrEqual(60);
  expect(besideAnswer(600)).toBeGreaterThan(17);
  expect(besideAnswer(600)).toBeLessThanOrEqual(20);
});

/** Tokens of a long prompt in each of the next steps, beside an answer that is as late as can be. */
function besideLate(tileTokens: number): readonly number[] {
  const limits = { maxStepTokens: 100, maxStepRows: 8, blocks: 400, plansInFlight: 1, tileTokens };
  const fleet = new Fleet({ one: { role: "both", limits } }, { ...baton, steps: { ...steps, paceMs: 400 } });
  const runner = fleet.machines.get("one")?.runner;
  if (runner) runner.stepMs = (tokens) => 10 * tokens;
  for (const turn of [0, 9]) {
    fleet.arrive(turn, `idle-${turn}`, range(40, turn), { output: tokensOf(1) });
    fleet.finish();
  }
  fleet.arrive(1, "talks", range(4, 50), { output: tokensOf(40) });
  fleet.step("one");
  fleet.msPerEvent = 2000;
  fleet.arrive(2, "long", range(180, 7), { output: tokensOf(1) });
  const seen = Array.from({ length: 6 }, () => {
    fleet.step("one");
    expect(lastStep(fleet).talks).toBe(1);
    return lastStep(fleet).long ?? 0;
  });
  return seen;
}

test("where their share holds few tiles of the kernels, prompts rest through two steps and have that of three", () => {
  const rested = besideLate(8);
  expect(rested.slice(0, 3)).toEqual(rested.slice(3));
  expect(rested.filter((tokens) => tokens > 0)).toHaveLength(2);
  // 48 tokens, where steps of 20 would be.
  expect(Math.max(...rested)).toBeGreaterThan(40);
  // A share of 20 tokens holds six tiles of three.
  expect(Math.min(...besideLate(3))).toBeGreaterThan(10);
});

test("no step is planned ahead of one whose prompts take long, and one is of others", () => {
  const inFlight = (prompt: number) => {
    const limits = { maxStepTokens: 100, maxStepRows: 8, blocks: 400, plansInFlight: 2 };
    const fleet = new Fleet({ one: { role: "both", limits } }, { ...baton, steps });
    const runner = fleet.machines.get("one")?.runner;
    if (runner) runner.stepMs = (tokens) => 10 * tokens;
    fleet.arrive(0, "first", range(40, 3), { output: tokensOf(1) });
    fleet.finish();
    fleet.arrive(1, "short", range(prompt, 50), { output: tokensOf(40) });
    return fleet.scheduler.snapshot().devices.find(({ id }) => id === "one")?.inFlight.length;
  };
  expect(inFlight(4)).toBe(2);
  expect(inFlight(12)).toBe(1);
});

/** Of two turns of which the second came `apartMs` after the first, those whose prompt ran in the third step. */
function runNext([first, second]: readonly [number, number], apartMs: number, lateMs?: number): string[] {
  const fleet = measured({ ...steps, ...(lateMs !== undefined && { lateMs }) });
  fleet.arrive(9, "idle", range(40, 5), { output: tokensOf(1) });
  fleet.finish();
  fleet.arrive(1, "earlier", range(first, 11), { output: tokensOf(1) });
  fleet.msPerEvent = apartMs;
  fleet.arrive(2, "later", range(second, 22), { output: tokensOf(1) });
  fleet.msPerEvent = 1;
  // The first turn's alone, of 40 tokens each: the other one's blocks are reserved behind it.
  for (let n = 0; n < 2; n++) fleet.step("one");
  return Object.keys(lastStep(fleet));
}

test("a turn that cannot be in time any more lets one by that can, until that comes long after it", () => {
  // By then the first has 700 ms left to run, and the second 300.
  expect(runNext([150, 30], 300)).toEqual(["earlier"]);
  expect(runNext([150, 30], 300, 900)).toEqual(["later", "earlier"]);
  expect(runNext([150, 30], 300, 1100)).toEqual(["earlier"]);
  expect(runNext([150, 30], 4400, 900)).toEqual(["later", "earlier"]);
  expect(runNext([150, 30], 4600, 900)).toEqual(["earlier"]);
});

test("turns that are all late keep their order", () => {
  expect(runNext([150, 150], 300, 400)).toEqual(["earlier"]);
});
