import { expect, test, vi } from "vitest";
import type { RuntimeEvent } from "../../src/api.ts";
import { Observers } from "../../src/conversation/observers.ts";
import { TurnLoop, type TurnLoopOptions } from "../../src/conversation/turn_loop.ts";
import { DeviceError } from "../../src/errors.ts";
import { GREEDY } from "../../src/protocol/sampling.ts";
import { conserve } from "../../src/scheduler/policies/conserve.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { FakeRunner } from "../harness/fake_runner.ts";

/** What whoever watches a runtime is told, over runners without a model. */

const PROMPT = Array.from({ length: 40 }, (_, at) => at + 1);

function watched(options: Pick<TurnLoopOptions, "recover"> = {}) {
  const runners = { p: new FakeRunner(), d: new FakeRunner() };
  const { limits } = runners.p;
  const devices = [{ id: "p", role: "prefiller", limits }, { id: "d", role: "decoder", limits }] as const; // biome-ignore format: a pair
  const scheduler = new Scheduler({ devices, policy: conserve, speculation: "off" });
  let clock = 0;
  const observers = new Observers({ scheduler, now: () => ++clock, blockBytes: limits.blockBytes });
  const loop = new TurnLoop(scheduler, new Map(Object.entries(runners)), { observers, ...options });
  const turn = (conversation: string, maxTokens = 4) =>
    new Promise<void>((resolve, failed) => {
      const output = { kind: "tokens", sampling: GREEDY, maxTokens, endTokens: [], stopTokens: [] } as const;
      const request = { conversation, keep: scheduler.ranTokens(conversation), tokens: PROMPT, output };
      loop.start(request, { finished: () => resolve(), failed });
    });
  return { observers, loop, turn, runners, blockBytes: limits.blockBytes };
}

test("every step is told of as it begins and as it ends, with what it holds", async () => {
  const { observers, turn } = watched();
  const events: RuntimeEvent[] = [];
  observers.add((event) => events.push(event));
  await turn("a");
  const steps = events.filter((event) => event.kind === "step-began" || event.kind === "step-ended");
  const ended = steps.filter(({ kind }) => kind === "step-ended");
  expect(steps.filter(({ kind }) => kind === "step-began")).toHaveLength(ended.length);
  expect(ended.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0)).toBe(PROMPT.length);
  expect(ended.reduce((sum, { decodes }) => sum + decodes, 0)).toBe(3);
  expect(ended.every((step) => step.kind === "step-ended" && step.ms > 0 && !step.failed)).toBe(true);
  expect(new Set(ended.flatMap(({ conversations }) => conversations))).toEqual(new Set(["a"]));
  expect(structuredClone(events)).toEqual(events);
});

test("a handoff is told of block by block, out of one device and into the other", async () => {
  const { observers, turn, runners, blockBytes } = watched();
  const events: RuntimeEvent[] = [];
  observers.add((event) => events.push(event));
  await turn("a");
  const copies = events.filter((event) => event.kind === "copy-ended");
  const sum = (direction: string) =>
    copies.filter((copy) => copy.direction === direction).reduce((total, { blocks }) => total + blocks, 0);
  const blocks = Math.ceil(PROMPT.length / runners.p.limits.blockTokens);
  expect([sum("export"), sum("import")]).toEqual([blocks, blocks]);
  expect(copies.every(({ bytes, blocks }) => bytes === blocks * blockBytes)).toBe(true);
  expect(new Set(copies.map(({ device, direction }) => `${direction} ${device}`))).toEqual(
    new Set(["export p", "import d"]),
  );
  expect(new Set(copies.map(({ handoff, conversation }) => `${handoff} ${conversation}`)).size).toBe(1);
});

test("whose the blocks are is told as often as it is asked for, with those that are shared", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const { observers, turn, loop } = watched();
    await turn("a");
    loop.fork("b", "a");
    const events: RuntimeEvent[] = [];
    const end = observers.add((event) => events.push(event), 100);
    vi.advanceTimersByTime(250);
    end();
    vi.advanceTimersByTime(1000);
    const maps = events.filter((event) => event.kind === "kv-blocks");
    expect(maps).toHaveLength(2);
    const decoder = maps[0]?.pools.find(({ devices }) => devices.includes("d"));
    const [a, b] = decoder?.owners ?? [];
    expect([a?.conversation, b?.conversation]).toEqual(["a", "b"]);
    expect(b?.blocks.slice(0, 2)).toEqual(a?.blocks.slice(0, 2));
  } finally {
    vi.useRealTimers();
  }
});

test("a device that is lost is told of, and its steps as failed", async () => {
  const { observers, turn, loop } = watched();
  const told: RuntimeEvent[] = [];
  observers.add((event) => told.push(event));
  const lost = new DeviceError("device-lost", "Gone.", { device: "d" });
  const running = turn("a", 400).catch(() => {});
  loop.lose("d", lost.toPlain());
  loop.lose("p", lost.toPlain());
  await running;
  expect(told.filter(({ kind }) => kind === "device-lost")).toMatchObject([
    { device: "d", recovering: false },
    { device: "p", recovering: false },
  ]);
});

test("a device that is being opened again is told of so, and once more when it cannot be", async () => {
  const { observers, loop } = watched({ recover: async () => undefined });
  const told: RuntimeEvent[] = [];
  observers.add((event) => told.push(event));
  loop.lose("d", new DeviceError("device-lost", "Gone.", { device: "d" }).toPlain());
  await expect.poll(() => told.length).toBe(2);
  expect(told).toMatchObject([
    { kind: "device-lost", device: "d", recovering: true },
    { kind: "device-lost", device: "d", recovering: false },
  ]);
});

test("nothing is told before somebody listens, nor after", async () => {
  const { observers, turn } = watched();
  const events: RuntimeEvent[] = [];
  await turn("a");
  const end = observers.add((event) => events.push(event));
  end();
  await turn("a");
  expect(events).toEqual([]);
});
