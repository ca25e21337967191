import { expect, test } from "vitest";
import { policies } from "../../src/scheduler/policies/table.ts";
import type { DeviceView, TurnView, WorldView } from "../../src/scheduler/policy.ts";

/** What each policy does about what it sees. */

const device = (id: string, role: DeviceView["role"], seen: Partial<DeviceView> = {}): DeviceView => ({
  id,
  role,
  totalBlocks: 100,
  activeBlocks: 0,
  queuedTokens: 0,
  turns: 0,
  conversations: 0,
  stepMs: 20,
  triedMsPerToken: undefined,
  prefillMsPerToken: 2,
  ttftMs: undefined,
  hasRoomFor: () => true,
  ...seen,
});
const world = (...devices: DeviceView[]): WorldView => ({
  nowMs: 0,
  devices,
  past: { outputTokens: 50, pauseMs: 200, laterTokens: 20, handoffMsPerToken: 0.1 },
});
const turn = (seen: Partial<TurnView> = {}): TurnView => ({
  id: "a",
  tokens: 300,
  bound: undefined,
  newTokens: 300,
  arrivedMs: 0,
  turn: 1,
  maxTokens: 50,
  ...seen,
});
const later = turn({ bound: "d", newTokens: 40, tokens: 500 });
const full = { hasRoomFor: () => false };

test("conserve: first turns to the prefiller with the least to do, later ones where the conversation is", () => {
  const devices = [
    device("p1", "prefiller", { queuedTokens: 90 }),
    device("p2", "prefiller", { queuedTokens: 10 }),
    device("d", "decoder"),
  ];
  expect(policies.conserve.place(turn(), world(...devices))).toMatchObject({ device: "p2", leaves: true });
  expect(policies.conserve.place(later, world(...devices))).toMatchObject({ device: "d", leaves: false });
});

test("conserve binds to the decoder with the lowest occupancy that has room, and waits where none has", () => {
  const [d1, d2] = [
    device("d1", "decoder", { activeBlocks: 40 }),
    device("d2", "decoder", { activeBlocks: 30 }),
  ];
  const leaving = { id: "a", tokens: 300, bound: undefined, at: "p" };
  const bind = (...devices: DeviceView[]) =>
    policies.conserve.bind(leaving, world(device("p", "prefiller"), ...devices));
  expect(bind(d1, d2)).toBe("d2");
  expect(bind(d1, { ...d2, ...full })).toBe("d1");
  expect(bind({ ...d1, ...full }, { ...d2, ...full })).toBeUndefined();
  expect(bind()).toBe("p");
});

test("baton runs a first prompt where it delays everybody least, on a device of any role", () => {
  const place = (p: Partial<DeviceView>, d: Partial<DeviceView>) =>
    policies.baton.place(turn(), world(device("p", "prefiller", p), device("d", "decoder", d)));
  expect(place({}, { turns: 1 })).toMatchObject({ device: "p" });
  expect(place({ turns: 1 }, {})).toMatchObject({ device: "d" });
  expect(place({ queuedTokens: 200 }, { turns: 1 })).toMatchObject({ device: "p" });
  expect(place({ queuedTokens: 400 }, { turns: 1 })).toMatchObject({ device: "d" });
  expect(place({ triedMsPerToken: 5 }, { turns: 1, triedMsPerToken: 2 })).toMatchObject({ device: "d" });
  // What is seen depends on the steps that there were.
  expect(place({ prefillMsPerToken: 5 }, { turns: 1 })).toMatchObject({ device: "p" });
});

const slow = { triedMsPerToken: 9, conversations: 0 };
const quick = { triedMsPerToken: 2, conversations: 30, turns: 9 };

test("baton lets a conversation stay where its prompt has run, unless that is much slower than another that has room", () => {
  const place = (p: Partial<DeviceView>, d: Partial<DeviceView>) =>
    policies.baton.place(turn(), world(device("p", "prefiller", p), device("d", "decoder", d)));
  expect(place({ conversations: 9 }, { turns: 1 })).toMatchObject({ device: "p", leaves: false });
  expect(place(slow, quick)).toMatchObject({ device: "p", leaves: true });
  expect(place(slow, { ...quick, ...full })).toMatchObject({ device: "p", leaves: false });
  expect(place({ ...slow, turns: 9 }, { ...quick, turns: 1 })).toMatchObject({ device: "d", leaves: false });
  expect(place({ ...slow, triedMsPerToken: 3 }, quick)).toMatchObject({ device: "p", leaves: false });
});

test("baton sends a conversation from a slow device to the quick one that carries least", () => {
  const bind = (d: Partial<DeviceView>, ...more: DeviceView[]) =>
    policies.baton.bind(
      { id: "a", tokens: 300, bound: undefined, at: "p" },
      world(device("p", "both", slow), device("d", "both", { ...quick, ...d }), ...more),
    );
  expect(bind({})).toBe("d");
  expect(bind({}, device("e", "both", { ...quick, turns: 3 }))).toBe("e");
  expect(bind(full)).toBe("p");
});

test("per-turn and uncached-threshold send new tokens to a prefiller, the one always, the other when they are many", () => {
  const here = world(device("p", "prefiller"), device("d", "decoder"));
  expect(policies["per-turn"].place(later, here)).toEqual({ device: "p", leaves: true, moves: true });
  expect(policies["uncached-threshold"].place(later, here)).toMatchObject({ device: "d" });
  expect(policies["uncached-threshold"].place({ ...later, newTokens: 257 }, here)).toMatchObject({
    device: "p",
  });
  expect(policies["per-turn"].bind({ ...later, at: "p" }, here)).toBe("d");
});

test("ampd: to the prefiller while that keeps its TTFT, else to the decoder while that keeps its TBT, else by prediction", () => {
  const place = (ttftMs: number, stepMs: number, queuedTokens = 0) =>
    policies.ampd.place(
      later,
      world(device("p", "prefiller", { ttftMs, queuedTokens }), device("d", "decoder", { stepMs, turns: 3 })),
    );
  expect(place(1500, 20)).toMatchObject({ device: "p" });
  expect(place(1700, 20)).toMatchObject({ device: "d" });
  expect(place(1700, 170)).toMatchObject({ device: "p" });
  expect(place(1700, 170, 5000)).toMatchObject({ device: "d" });
});

test("predictive and clairvoyant go where the prompt is done first, the way there and back included", () => {
  for (const name of ["predictive", "clairvoyant"] as const) {
    const place = (queuedTokens: number, waiting: number) =>
      policies[name].place(
        later,
        world(
          device("p", "prefiller", { queuedTokens }),
          device("d", "decoder", { queuedTokens: waiting, turns: 1 }),
        ),
      );
    expect(place(0, 0)).toMatchObject({ device: "d" });
    expect(place(0, 200)).toMatchObject({ device: "p", leaves: true, moves: true });
    expect(place(300, 200)).toMatchObject({ device: "d" });
  }
});

test("collocated takes the least loaded device every time, collocated-sticky only the first", () => {
  const here = world(device("a", "both", { queuedTokens: 50 }), device("d", "both", { queuedTokens: 400 }));
  expect(policies.collocated.place(later, here)).toMatchObject({ device: "a" });
  expect(policies["collocated-sticky"].place(later, here)).toMatchObject({ device: "d" });
  expect(policies["collocated-sticky"].place(turn(), here)).toMatchObject({ device: "a" });
});

test("devices that are away get nothing", () => {
  const away = { queuedTokens: Number.POSITIVE_INFINITY, activeBlocks: 100, ...full };
  for (const policy of Object.values(policies)) {
    const here = world(device("p", "prefiller", away), device("d", "decoder", away), device("x", "both"));
    expect(policy.place(turn(), here)?.device).toBe("x");
  }
});
