import { expect, test } from "vitest";
import { atOnePace } from "../../src/comparison/pace.ts";

/** Measurements on a machine whose pace is given for each moment at which it is asked for. */
function onMachine(paces: readonly number[]) {
  const asked = paces[Symbol.iterator]();
  let last = 0;
  const taken: string[] = [];
  const pace = async () => {
    last = asked.next().value ?? last;
    return last;
  };
  const measure = (name: string) => async () => {
    taken.push(name);
    return `${name}${taken.filter((one) => one === name).length}`;
  };
  return { taken, run: () => atOnePace(["a", "b", "c", "d", "e"].map(measure), pace) };
}

test("a steady machine measures each once", async () => {
  const { run, taken } = onMachine([100, 105, 98, 102, 95, 101]);
  const paced = await run();
  expect(taken).toEqual(["a", "b", "c", "d", "e"]);
  expect(paced.map(({ taken, repeats }) => [taken, repeats])).toEqual([["a1", 0], ["b1", 0], ["c1", 0], ["d1", 0], ["e1", 0]]);
}); // biome-ignore format: a table

test("what met a slow or a fast machine is taken again, and the repeat counts where it was nearer", async () => {
  // b and c between 100, 160 and 100; then again at 100.
  const slow = await onMachine([100, 100, 160, 100, 100, 100, 100, 100]).run();
  expect(slow.map(({ taken, repeats }) => [taken, repeats])).toEqual([["a1", 0], ["b2", 1], ["c2", 1], ["d1", 0], ["e1", 0]]);
  // e between 100 and 60, then between 60 and 100, and at last at 100.
  const fast = await onMachine([100, 100, 100, 100, 100, 60, 100]).run();
  expect(fast[4]).toMatchObject({ taken: "e3", repeats: 2, paceMs: 100 });
}); // biome-ignore format: tables

test("a machine that stays slow is given up on after two repeats", async () => {
  const { run, taken } = onMachine([100, 100, 100, 100, 100, 200, 200, 200]);
  const paced = await run();
  expect(taken.filter((name) => name === "e")).toHaveLength(3);
  expect(paced[4]).toMatchObject({ taken: "e1", repeats: 2, paceMs: 150 });
});
