import { expect, test } from "vitest";
import { TuningClock } from "../../src/tuner/clock.ts";

const limits = { untilMs: 1000, compileLimitMs: 100 };
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

test("time that is rested does not count", async () => {
  const clock = new TuningClock({ rest: () => pause(300) }, limits);
  await clock.rules(() => {}).rest();
  expect(clock.now()).toBeLessThan(200);
  expect(clock.isUp).toBe(false);
});

test("the time is up when it has passed", async () => {
  const clock = new TuningClock({}, { ...limits, untilMs: 20 });
  await pause(40);
  expect(clock.isUp).toBe(true);
});

test("what takes too long is not waited for, and what does not is", async () => {
  const { within } = new TuningClock({}, limits).rules(() => {});
  expect(await within(new Promise(() => {}), 20)).toBeUndefined();
  expect(await within(Promise.resolve(7), 20)).toBe(7);
  await expect(within(Promise.reject(new Error("broken")), 20)).rejects.toThrow("broken");
});

test("an abort ends a wait at once, and the next rest with its reason", async () => {
  const stop = new AbortController();
  const { within, rest } = new TuningClock({ signal: stop.signal }, limits).rules(() => {});
  const waiting = within(new Promise(() => {}), 60_000);
  stop.abort(new Error("never mind"));
  expect(await waiting).toBeUndefined();
  // One that was aborted before it began as well.
  expect(await within(new Promise(() => {}), 60_000)).toBeUndefined();
  await expect(rest()).rejects.toThrow("never mind");
});
