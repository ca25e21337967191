import fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import type { SchedulerCommand } from "../../src/protocol/command.ts";
import { conserve } from "../../src/scheduler/policies/conserve.ts";
import { policies } from "../../src/scheduler/policies/table.ts";
import type { Policy } from "../../src/scheduler/policy.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { FakeRunner, fakeLimits, fakeToken } from "../harness/fake_runner.ts";
import { tokensOf } from "./driver.ts";
import { Fleet } from "./fleet.ts";

/** Who makes room for whom: pauses, the gate for new conversations, the way out of a full device. */

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);

function waitsFor(fleet: Fleet, id: string) {
  return fleet.conversation(id)?.turn?.waitsFor;
}

/** Three idle conversations of two blocks each on a device of six. */
function filled(policy: Policy, hostBlocks = 0): Fleet {
  const fleet = new Fleet(
    { one: { role: "both", limits: { blocks: 6, maxStepTokens: 32 } } },
    policy,
    64,
    hostBlocks,
  );
  for (const n of [1, 2, 3]) {
    fleet.arrive(n, `c${n}`, range(8, 20 * n), { output: tokensOf(1) });
    fleet.finish();
  }
  return fleet;
}

function have(fleet: Fleet): readonly string[] {
  const { conversations } = fleet.scheduler.snapshot();
  return conversations.filter(({ cached }) => cached.some(({ pool }) => pool === "one")).map(({ id }) => id);
}

test("idle KV goes before that of conversations that use a tool, the coldest of both first", () => {
  const fleet = filled(policies["collocated-sticky"]);
  fleet.send({ kind: "pause-began", conversation: "c1" });
  fleet.send({ kind: "pause-began", conversation: "c2" });
  expect(fleet.conversation("c1")?.isPaused).toBe(true);
  fleet.arrive(4, "c4", range(4, 80), { output: tokensOf(1) });
  expect(have(fleet)).toEqual(["c1", "c2", "c4"]); // c3 is the warmest, and its conversation has no pause
  fleet.finish();
  fleet.arrive(5, "c5", range(12, 60), { output: tokensOf(1) });
  expect(have(fleet)).toEqual(["c2", "c5"]);
});

test("a pause ends with its event or with the next turn", () => {
  const fleet = filled(policies["collocated-sticky"]);
  for (const id of ["c1", "c2", "c3"]) fleet.send({ kind: "pause-began", conversation: id });
  fleet.send({ kind: "pause-ended", conversation: "c3" });
  fleet.arrive(4, "c2", [1], { output: tokensOf(1) });
  fleet.finish();
  expect(["c1", "c2", "c3"].map((id) => fleet.conversation(id)?.isPaused)).toEqual([true, false, false]);
  fleet.arrive(5, "c5", range(4, 80), { output: tokensOf(1) });
  expect(have(fleet)).toEqual(["c1", "c2", "c5"]);
});

test("under a policy that parks, those without a pause are parked first", () => {
  const fleet = filled(policies.baton, 10);
  fleet.send({ kind: "pause-began", conversation: "c1" });
  fleet.arrive(4, "c4", range(4, 80), { output: tokensOf(1) });
  fleet.finish();
  expect(["c1", "c2", "c3"].map((id) => fleet.conversation(id)?.parks)).toEqual([0, 1, 0]);
});

function gated(admitShare: number): Policy {
  const steps = { promptWeight: 0, paceMs: 1000, admitShare };
  return { ...policies["collocated-sticky"], steps };
}

/** Twelve conversations that grow from two blocks to six, on a device of 24. */
function preemptionsUnder(policy: Policy): number {
  const fleet = new Fleet(
    { one: { role: "both", limits: { blocks: 24, maxStepTokens: 64, maxStepRows: 12, maxLogitRows: 12 } } },
    policy,
  );
  for (let n = 0; n < 12; n++) fleet.arrive(n, `c${n}`, range(8, n), { output: tokensOf(16) });
  fleet.finish();
  for (let n = 0; n < 12; n++) expect(fleet.tokens(n)).toHaveLength(16);
  return fleet.scheduler.snapshot().devices[0]?.preemptions ?? 0;
}

test("behind a gate nobody has to make room, where without it turns begin again", () => {
  expect(preemptionsUnder(policies["collocated-sticky"])).toBeGreaterThan(0);
  expect(preemptionsUnder(gated(0.3))).toBe(0);
});

test("the gate is first come first served whatever the size, is open on an empty device, and holds up no conversation that is in", () => {
  const fleet = new Fleet({ one: { role: "both", limits: { blocks: 12, maxStepTokens: 64 } } }, gated(0.5));
  fleet.arrive(1, "large", range(32), { output: tokensOf(4) });
  expect(waitsFor(fleet, "large")).toBeUndefined();
  fleet.arrive(2, "second", range(20, 40), { output: tokensOf(1) });
  fleet.arrive(3, "small", [7], { output: tokensOf(1) });
  expect([waitsFor(fleet, "second"), waitsFor(fleet, "small")]).toEqual(["gate", "gate"]);
  fleet.finish();
  expect(["second", "small"].map((id) => fleet.conversation(id)?.turn)).toEqual([undefined, undefined]);
  fleet.arrive(4, "second", range(4, 60), { output: tokensOf(8) });
  fleet.arrive(5, "other", range(20, 80), { output: tokensOf(1) });
  fleet.arrive(6, "small", [8], { output: tokensOf(2) });
  expect(["second", "other", "small"].map((id) => waitsFor(fleet, id))).toEqual([undefined, "gate", "step"]);
  fleet.finish();
  expect(fleet.end(5)).toMatchObject({ kind: "turn-finished" });
});

test("a snapshot says what a turn waits for", () => {
  const fleet = new Fleet(
    {
      pre: { role: "prefiller", limits: { maxStepRows: 1 } },
      de: { role: "decoder", limits: { blocks: 8, maxStepRows: 2 } },
    },
    conserve,
  );
  fleet.arrive(1, "a", range(20), { output: tokensOf(9) });
  fleet.arrive(2, "b", range(8, 30), { output: tokensOf(9) });
  expect([waitsFor(fleet, "a"), waitsFor(fleet, "b")]).toEqual([undefined, "rows"]);
  for (let n = 0; n < 3; n++) fleet.step("pre");
  expect(waitsFor(fleet, "a")).toBe("handoff");
  fleet.finish();
  const full = filled(policies["collocated-sticky"]);
  full.arrive(4, "c4", range(20), { output: tokensOf(1) });
  full.arrive(5, "c1", [1], { output: tokensOf(1) });
  expect(waitsFor(full, "c1")).toBe("blocks");
});

/** To the device with room that is not the one it stays on. */
const rebinding: Policy = {
  ...conserve,
  rebind: {
    most: 2,
    to: (turn, { devices }) =>
      devices.find(
        ({ id, role, hasRoomFor }) => role !== "prefiller" && id !== turn.bound && hasRoomFor(turn),
      )?.id,
  },
};

/** Two decoders; `a` and `b` stay on the first, where the second turn of `b` finds no room while that of `a` runs. */
function crowded(policy: Policy): Fleet {
  const limits = { blocks: 8, maxStepTokens: 32 };
  const fleet = new Fleet({ de1: { role: "decoder", limits }, de2: { role: "decoder", limits } }, policy);
  fleet.arrive(1, "b", range(8), { output: tokensOf(2) });
  fleet.finish();
  fleet.arrive(2, "x", range(12, 50), { output: tokensOf(2) });
  fleet.finish();
  fleet.send({ kind: "conversation-closed", conversation: "x" });
  return fleet;
}

test("a conversation whose turn waits for blocks moves to a device with room where the policy allows it, and stays there", () => {
  for (const [policy, rebinds] of [
    [rebinding, 1],
    [conserve, 0],
  ] as const) {
    const fleet = crowded(policy);
    const home = fleet.conversation("b")?.bound;
    fleet.arrive(3, "a", range(15, 20), { output: tokensOf(5) });
    const other = fleet.conversation("a")?.bound;
    // `a` leaves too little of the device that `b` comes back to.
    if (other !== home) throw new Error("The two are on different devices.");
    fleet.arrive(4, "b", range(8, 90), { output: tokensOf(2) });
    fleet.finish();
    expect(fleet.end(4)).toMatchObject({ kind: "turn-finished" });
    expect(fleet.conversation("b")).toMatchObject({ rebinds, transfers: rebinds });
    expect(fleet.conversation("b")?.bound === home).toBe(rebinds === 0);
  }
});

test("no conversation is bound again more often than the policy says, whatever comes back when", () => {
  let seen = 0;
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.nat(5), prompt: fc.integer({ min: 1, max: 9 }), steps: fc.nat(4) }), {
        minLength: 20,
        maxLength: 60,
      }),
      fc.constantFrom(0, 6),
      (turns, hostBlocks) => {
        const limits = { blocks: 9, maxStepTokens: 16 };
        const policy = { ...rebinding, parks: hostBlocks > 0 };
        const fleet = new Fleet(
          { de1: { role: "decoder", limits }, de2: { role: "decoder", limits } },
          policy,
          64,
          hostBlocks,
        );
        for (const [turn, { id, prompt, steps }] of turns.entries()) {
          const long = fleet.scheduler.ranTokens(`c${id}`) > 20;
          if (!fleet.conversation(`c${id}`)?.turn)
            fleet.arrive(turn, `c${id}`, range(prompt, turn), {
              output: tokensOf(3),
              ...(long && { keep: 0 }),
            });
          for (let n = 0; n < steps; n++) fleet.step(n % 2 === 0 ? "de1" : "de2");
        }
        fleet.finish();
        for (const { rebinds, turn, transfers } of fleet.scheduler.snapshot().conversations) {
          expect(turn).toBeUndefined();
          expect(rebinds).toBeLessThanOrEqual(2);
          expect(transfers).toBeLessThanOrEqual(1 + 2);
          seen += rebinds;
        }
      },
    ),
    { numRuns: 60 },
  );
  expect(seen).toBeGreaterThan(20);
});

test("an answer that outgrows its device goes on where there is more room, and fails where there is none", () => {
  const small = { blocks: 4, maxStepTokens: 32 };
  for (const policy of [conserve, policies.baton, policies["collocated-sticky"]]) {
    const fleet = new Fleet(
      { de: { role: "decoder", limits: small }, pre: { role: "prefiller", limits: { ...small, blocks: 6 } } },
      policy,
    );
    for (const [turn, id] of ["a", "b"].entries())
      fleet.arrive(turn, id, range(10, turn), { output: tokensOf(turn === 0 ? 10 : 20) });
    fleet.finish();
    expect(fleet.end(0)).toMatchObject({ kind: "turn-finished", usage: { completionTokens: 10 } });
    expect(fleet.end(1)).toMatchObject({ kind: "turn-failed", error: { code: "kv-full" } });
    expect(fleet.tokens(0)).toEqual(aloneOn(6, range(10), 10));
  }
});

function aloneOn(blocks: number, prompt: readonly number[], count: number): readonly number[] {
  const fleet = new Fleet({ one: { role: "both", limits: { blocks } } }, policies["collocated-sticky"]);
  fleet.arrive(0, "alone", prompt, { output: tokensOf(count) });
  fleet.finish();
  return fleet.tokens(0);
}

test("where nothing may depend on others, only forks share blocks", () => {
  for (const sharesPrefixes of [true, false]) {
    const one = { id: "one", role: "both", limits: { ...fakeLimits, blocks: 20, plansInFlight: 1 } } as const;
    const scheduler = new Scheduler({ devices: [one], sharesPrefixes, speculation: "off" });
    const runner = new FakeRunner({ blocks: 20 });
    const cached = ["a", "b"].map((conversation, turn) => {
      const request = { conversation, turn, keep: 0, tokens: range(17), output: tokensOf(1) };
      let commands = scheduler.advance({ kind: "turn-arrived", request }, turn);
      for (let plan = planOf(commands); plan; plan = planOf(commands))
        commands = scheduler.advance(
          { kind: "step-ended", device: "one", result: runner.execute(plan) },
          turn,
        );
      return commands.flatMap((command) =>
        command.kind === "turn-finished" ? command.usage.cachedTokens : [],
      );
    });
    expect(cached).toEqual([[0], [sharesPrefixes ? 16 : 0]]);
    scheduler.advance({ kind: "conversation-forked", conversation: "c", from: "a" }, 3);
    expect(scheduler.cachedTokens("c")).toBe(17);
  }
});

function planOf(commands: readonly SchedulerCommand[]) {
  return commands.flatMap((command) => (command.kind === "run-step" ? command.plan : []))[0];
}

/** What the model test has found. */

const broken = new DeviceError("gpu-error", "This was meant to fail.").toPlain();

test("a block that a failed step was to copy is not gone on in", () => {
  const fleet = new Fleet(
    { one: { role: "both", limits: { maxStepTokens: 32, plansInFlight: 1 } } },
    policies.baton,
  );
  for (const [turn, id] of ["a", "b"].entries()) {
    fleet.arrive(turn, id, range(9), { output: tokensOf(1) });
    fleet.finish();
  }
  // It goes on in the middle of a block that both have, which is copied for it first.
  fleet.arrive(2, "b", [50], { keep: 2, output: tokensOf(1) });
  fleet.step("one", broken);
  fleet.arrive(3, "b", [60], { keep: 2, output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(3)).toEqual([fakeToken([0, 1, 60], 97)]);
});

test("where blocks could not be loaded, neither those who have begun with them go on with what is not there", () => {
  const fleet = new Fleet({ one: { role: "both", limits: { maxStepTokens: 32 } } }, policies.baton);
  const saved = { tokens: range(12), cachedTokens: 12, blocks: [] };
  fleet.load("a", saved);
  fleet.load("b", saved);
  fleet.step("one", broken);
  fleet.finish();
  fleet.arrive(1, "b", [90], { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(1)).toEqual([fakeToken([...range(12), 90], 97)]);
});

test("a turn goes on at once when all that is parked for it is in host memory already", () => {
  const fleet = new Fleet(
    { one: { role: "both", limits: { blocks: 7, maxStepTokens: 32, plansInFlight: 1 } } },
    policies.baton,
    64,
    10,
  );
  for (const [turn, id] of ["a", "b", "c"].entries()) {
    fleet.arrive(turn, id, range(4), { output: tokensOf(1) });
    fleet.finish();
  }
  fleet.arrive(3, "d", range(20, 40), { output: tokensOf(9) });
  fleet.finish();
  expect(fleet.tokens(3)).toHaveLength(9);
});

test("a parked conversation whose next turn fills the whole pool comes back", () => {
  const fleet = filled(policies.baton, 20);
  fleet.arrive(4, "c4", range(12, 60), { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.conversation("c1")?.parks).toBe(1);
  fleet.arrive(5, "c1", range(16, 70), { output: tokensOf(1) });
  fleet.finish();
  expect(fleet.tokens(5)).toEqual([fakeToken([...range(8, 20), ...range(16, 70)], 97)]);
});
