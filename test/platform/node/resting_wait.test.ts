import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { restingWait } from "../../../src/platform/node/resting_wait.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("gives what was promised, or throws it", async () => {
  await expect(restingWait(Promise.resolve(7))).resolves.toBe(7);
  await expect(restingWait(Promise.reject(new RangeError("lost")))).rejects.toThrow("lost");
});

test("lets everything else go on, and whoever waits end at their own time", async () => {
  const order: string[] = [];
  const ending = (name: string, ms: number) =>
    restingWait(sleep(ms, name)).then((value) => void order.push(value));
  await Promise.all([ending("second", 40), ending("first", 10), sleep(25).then(() => order.push("timer"))]);
  expect(order).toEqual(["first", "timer", "second"]);
});

test("rests while somebody waits, and no longer", async () => {
  const turns = async (ms: number) => {
    const end = performance.now() + ms;
    let count = 0;
    for (; performance.now() < end; count++) await turn();
    return count;
  };
  const waiting = restingWait(sleep(200));
  // A rest is a quarter of a millisecond at the least; without one there would be tens of thousands of turns.
  expect(await turns(100)).toBeLessThan(500);
  await waiting;
  await turn();
  expect(await turns(100)).toBeGreaterThan(1000);
});
