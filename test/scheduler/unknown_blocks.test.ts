import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { policies } from "../../src/scheduler/policies/table.ts";
import { fakeToken } from "../harness/fake_runner.ts";
import { tokensOf } from "./driver.ts";
import { Fleet } from "./fleet.ts";

/** Blocks that should hold something, and do not because a copy into them failed. */

const broken = new DeviceError("gpu-error", "This was meant to fail.").toPlain();
const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
const one = () =>
  new Fleet(
    { one: { role: "both", limits: { plansInFlight: 2, blocks: 8 } } },
    policies["collocated-sticky"],
  );

test("a copy of a block whose own copy failed is not used either", () => {
  const fleet = one();
  fleet.arrive(1, "origin", range(6), { output: tokensOf(1) });
  fleet.finish();
  const fork = (conversation: string, from: string) =>
    fleet.send({ kind: "conversation-forked", conversation, from, tokens: 6 });
  fork("first", "origin");
  fleet.arrive(2, "first", [50], { output: tokensOf(1) }); // its step copies the second block
  fork("second", "first");
  fleet.arrive(3, "second", [60], { output: tokensOf(4) }); // and the next step copies that copy
  fleet.step("one", broken);
  fleet.finish();
  expect(fleet.end(2)).toMatchObject({ kind: "turn-failed", error: { code: "gpu-error" } });
  expect(fleet.end(3)).toMatchObject({ kind: "turn-failed", error: { code: "gpu-error" } });
  for (const [turn, id] of [
    [4, "first"],
    [5, "second"],
  ] as const) {
    fleet.arrive(turn, id, [70], { output: tokensOf(1) });
    fleet.finish();
    expect(fleet.tokens(turn)).toEqual([fakeToken([...range(6), 70], 97)]);
  }
});

test("what was to be loaded and was not is found by nobody, whatever has become of its conversation meanwhile", () => {
  const fleet = one();
  const tokens = range(9);
  fleet.arrive(1, "saved", tokens, { output: tokensOf(1) });
  fleet.finish();
  fleet.save("saved");
  fleet.finish();
  fleet.send({ kind: "conversation-closed", conversation: "saved" });
  fleet.arrive(2, "other", range(31, 20), { output: tokensOf(1) }); // takes all there is
  const [saved] = fleet.saved;
  if (saved === undefined) throw new Error("Nothing was saved.");
  fleet.finish();
  fleet.send({ kind: "conversation-closed", conversation: "other" });
  fleet.load("loaded", saved);
  fleet.send({ kind: "conversation-closed", conversation: "loaded" });
  fleet.step("one", broken);
  fleet.arrive(3, "alike", tokens, { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(3)).toEqual([fakeToken(tokens, 97)]);
});
