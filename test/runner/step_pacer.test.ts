import { expect, test } from "vitest";
import { StepPacer, type StepWait } from "../../src/runner/step_pacer.ts";

/** Of a step that took so long, `encodeMs` of it before the sleep. */
function wait(sleptMs: number, totalMs: number, encodeMs = 0): StepWait {
  return { sleptMs, waitedMs: totalMs - sleptMs - encodeMs, totalMs };
}

test("the first step of a size, which compiles, teaches nothing", () => {
  const pacer = new StepPacer();
  pacer.record(1, wait(0, 40_000));
  expect(pacer.sleepMs(1)).toBe(0);
  pacer.record(1, wait(0, 50));
  expect(pacer.sleepMs(1)).toBeCloseTo(42.5);
  expect(pacer.sleepMs(128)).toBe(0);
});

test("what is expected follows the steps, and a slow one moves it little", () => {
  const pacer = new StepPacer();
  for (const totalMs of [900, 60, 45]) pacer.record(1, wait(0, totalMs));
  expect(pacer.sleepMs(1)).toBeCloseTo(0.85 * 45);
  pacer.record(1, wait(0, 300));
  expect(pacer.sleepMs(1)).toBeCloseTo(0.85 * 45 * 1.2);
});

test("a process that was suspended sleeps no longer for it", () => {
  const pacer = new StepPacer();
  pacer.record(1, wait(0, 50));
  pacer.record(1, wait(0, 50));
  pacer.record(1, wait(600_000, 600_000.2));
  expect(pacer.sleepMs(1)).toBeLessThanOrEqual(42.5);
});

test("sleeping past a step's end is unlearnt step by step", () => {
  const pacer = new StepPacer();
  pacer.record(1, wait(0, 1000));
  pacer.record(1, wait(0, 1000)); // a busy moment
  const stepMs = 40;
  const encodeMs = 10; // which comes before the sleep, and must not pass for a wait after it
  const slept: number[] = [];
  for (let step = 0; step < 24; step++) {
    const sleptMs = pacer.sleepMs(1);
    slept.push(sleptMs);
    pacer.record(1, wait(sleptMs, encodeMs + Math.max(sleptMs + 0.2, stepMs - encodeMs), encodeMs));
  }
  expect(slept[0]).toBeCloseTo(850);
  expect(slept.at(-1)).toBeLessThan(stepMs * 1.2);
  expect(slept.reduce((sum, ms) => sum + ms)).toBeLessThan(6000);
});
