import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { policies } from "../../src/scheduler/policies/table.ts";
import { fakeToken } from "../harness/fake_runner.ts";
import { tokensOf } from "./driver.ts";
import { Fleet } from "./fleet.ts";

/** Idle conversations go to host memory where blocks run out, and come back without prefilling. */

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);

/** One device with room for six blocks, and so many in host memory. */
function fleetOf(hostBlocks: number, policy = policies.baton): Fleet {
  return new Fleet(
    { one: { role: "both", limits: { blocks: 6, maxStepTokens: 32 } } },
    policy,
    64,
    hostBlocks,
  );
}

function rowsOf(fleet: Fleet): readonly (readonly number[])[] {
  return fleet.commands.flatMap((command) =>
    command.kind === "run-step" ? command.plan.rows.map(({ tokens }) => tokens) : [],
  );
}

function fill(fleet: Fleet): void {
  for (const [turn, from] of [
    [1, 0],
    [2, 30],
    [3, 60],
  ] as const) {
    // biome-ignore format: a table
    fleet.arrive(turn, `c${turn}`, range(8, from), { output: tokensOf(1) });
    fleet.finish();
  }
}

test("the coldest conversation is parked, and its next turn runs nothing but what is new", () => {
  const fleet = fleetOf(10);
  fill(fleet);
  fleet.arrive(4, "c3", [90], { output: tokensOf(1) });
  fleet.finish();
  fleet.arrive(5, "c4", range(8, 10), { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.conversation("c1")).toMatchObject({ parks: 1, cached: [{ pool: "host", tokens: 8 }] });
  const before = rowsOf(fleet).length;
  fleet.arrive(6, "c1", [91], { output: tokensOf(2) });
  fleet.finish();
  expect(rowsOf(fleet)[before]).toEqual([91]);
  const first = fakeToken([...range(8), 91], 97);
  expect(fleet.tokens(6)).toEqual([first, fakeToken([...range(8), 91, first], 97)]);
  expect(fleet.end(6)).toMatchObject({ usage: { promptTokens: 9, cachedTokens: 8 } });
  expect(fleet.conversation("c1")).toMatchObject({ transfers: 0, movedBlocks: 0, cached: [{ pool: "one" }] });
});

test("without room in host memory, or under a policy that does not park, it is prefilled again", () => {
  for (const fleet of [fleetOf(1), fleetOf(0), fleetOf(10, policies["collocated-sticky"])]) {
    fill(fleet);
    fleet.arrive(4, "c4", range(8, 10), { output: tokensOf(1) });
    fleet.finish();
    fleet.arrive(5, "c1", [91], { output: tokensOf(1) });
    fleet.finish();
    expect(fleet.tokens(5)).toEqual([fakeToken([...range(8), 91], 97)]);
    expect(fleet.conversation("c1")?.parks).toBe(0);
  }
});

test("in a full host memory the coldest parked conversation makes room for one that is less cold", () => {
  const fleet = fleetOf(2);
  fill(fleet);
  for (const turn of [4, 5]) {
    fleet.arrive(turn, `c${turn}`, range(8, turn), { output: tokensOf(1) });
    fleet.finish();
  }
  const cached = ["c1", "c2"].map((id) => fleet.conversation(id)?.cached.map(({ pool }) => pool));
  expect(cached).toEqual([[], ["host"]]);
});

test("a turn that comes while its conversation is being parked goes on where that was", () => {
  const fleet = fleetOf(10);
  fill(fleet);
  fleet.arrive(4, "c4", range(8, 10), { output: tokensOf(1) });
  expect(fleet.scheduler.snapshot().handoffs).toBe(1);
  fleet.arrive(5, "c1", [91], { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(5)).toEqual([fakeToken([...range(8), 91], 97)]);
  expect(fleet.end(4)).toMatchObject({ kind: "turn-finished" });
});

test("a parked conversation can be forked, cut and closed", () => {
  const fleet = fleetOf(10);
  fill(fleet);
  fleet.arrive(4, "c4", range(8, 10), { output: tokensOf(1) });
  fleet.finish();
  fleet.send({ kind: "conversation-forked", conversation: "fork", from: "c1", tokens: 6 });
  fleet.arrive(5, "c1", [91], { keep: 3, output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(5)).toEqual([fakeToken([...range(3), 91], 97)]);
  fleet.arrive(6, "fork", [92], { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(6)).toEqual([fakeToken([...range(6), 92], 97)]);
  for (const id of ["c1", "c2", "c3", "c4", "fork"])
    fleet.send({ kind: "conversation-closed", conversation: id });
  fleet.finish();
  expect(fleet.used()).toEqual([0, 0]);
});

test("what was saved of a conversation goes on elsewhere, and runs nothing but what is new", () => {
  const [here, there] = [fleetOf(0), fleetOf(0)];
  here.arrive(1, "a", range(10), { output: tokensOf(4) });
  here.finish();
  here.save("a");
  here.finish();
  const [saved] = here.saved;
  expect(saved).toMatchObject({ tokens: here.scheduler.history("a"), cachedTokens: 13 });
  if (saved) there.load("b", saved);
  there.arrive(1, "b", [90], { output: tokensOf(3) });
  there.finish();
  here.arrive(2, "a", [90], { output: tokensOf(3) });
  here.finish();
  expect(there.tokens(1)).toEqual(here.tokens(2));
  expect(rowsOf(there)[0]).toEqual([90]);
  expect(there.end(1)).toMatchObject({ usage: { promptTokens: 14, cachedTokens: 13 } });
});

test("a conversation that answers can be saved as far as it has come", () => {
  const fleet = fleetOf(0);
  fleet.arrive(1, "a", range(6), { output: tokensOf(12) });
  for (let n = 0; n < 4; n++) fleet.step("one");
  fleet.save("a");
  fleet.finish();
  const [saved] = fleet.saved;
  expect(saved?.tokens.slice(0, 6)).toEqual(range(6));
  expect(saved?.cachedTokens).toBe(saved?.tokens.length);
  expect(fleet.tokens(1)).toHaveLength(12);
});

test("blocks that cannot be written are forgotten, and the conversation is prefilled", () => {
  const broken = new DeviceError("gpu-error", "No copy today.").toPlain();
  const fleet = fleetOf(0);
  fleet.load("a", { tokens: range(9), cachedTokens: 9, blocks: [] });
  fleet.step("one", broken);
  fleet.arrive(1, "a", [90], { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(1)).toEqual([fakeToken([...range(9), 90], 97)]);
});
