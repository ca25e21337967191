import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import type { SchedulerCommand } from "../../src/protocol/command.ts";
import { fakeLogits, fakeToken } from "../harness/fake_runner.ts";
import { DEVICE, Driver, greedy, tokensOf } from "./driver.ts";

const kinds = (commands: readonly SchedulerCommand[]) => commands.map((command) => command.kind);
const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
const lost = new DeviceError("device-lost", "The device is gone.").toPlain();
const broken = new DeviceError("gpu-error", "The step was refused.").toPlain();

test("a turn is prefilled in chunks of what a step holds, then decoded one token a step", () => {
  const driver = new Driver({ maxStepTokens: 4 });
  driver.arrive(1, "a", range(10), { output: tokensOf(3) });
  driver.finish();
  const shape = driver.commands.flatMap((command) =>
    command.kind === "run-step" ? [command.plan.rows.map((row) => [row.position, row.tokens.length])] : [],
  );
  expect(shape.flat()).toEqual([[0, 4], [4, 4], [8, 2], [10, 1], [11, 1]]); // biome-ignore format: one line reads best
  expect(driver.end(1)).toEqual({
    kind: "turn-finished",
    turn: 1,
    reason: "length",
    usage: { promptTokens: 10, cachedTokens: 0, completionTokens: 3 },
  });
});

test("the chunk limit of a turn holds for that turn alone", () => {
  const driver = new Driver();
  driver.arrive(1, "a", range(5), { chunkTokens: 1 });
  driver.arrive(2, "b", range(7));
  driver.step();
  expect(driver.newest?.rows.map((row) => row.tokens.length)).toEqual([1, 7]);
});

test("a second turn runs only what is new and keeps its blocks", () => {
  const driver = new Driver();
  driver.arrive(1, "a", range(9), { output: tokensOf(3) });
  driver.finish();
  expect(driver.scheduler.history("a").length).toBe(11); // the last sampled token was never run
  driver.arrive(2, "a", [50, 51], { output: tokensOf(1) });
  expect(driver.plan?.rows[0]).toMatchObject({ position: 11, tokens: [50, 51] });
  driver.finish();
  expect(driver.end(2)).toMatchObject({ usage: { promptTokens: 13, cachedTokens: 11, completionTokens: 1 } });
  expect(driver.tokens(2)).toEqual([fakeToken([...range(9), ...driver.tokens(1).slice(0, 2), 50, 51], 97)]);
});

test("a turn that keeps less than is cached overwrites the rest and returns its blocks", () => {
  const driver = new Driver();
  driver.arrive(1, "a", range(16), { output: tokensOf(1) });
  driver.finish();
  driver.arrive(2, "a", [90], { keep: 5, output: tokensOf(1) });
  expect(driver.device.blocks.used).toBe(2);
  driver.finish();
  expect(driver.tokens(2)).toEqual([fakeToken([0, 1, 2, 3, 4, 90], 97)]);
});

test("decodes go first, and a long prompt takes only the room they leave", () => {
  const driver = new Driver({ maxStepTokens: 8 });
  driver.arrive(1, "a", [1, 2], { output: tokensOf(50) });
  driver.arrive(2, "b", [3], { output: tokensOf(50) });
  driver.step();
  driver.step();
  driver.arrive(3, "long", range(60));
  driver.step();
  for (let chunk = 0; chunk < 9; chunk++) {
    expect(driver.newest?.rows.map((row) => [row.sequence, row.tokens.length])).toEqual([
      ["a", 1],
      ["b", 1],
      ["long", 6],
    ]);
    driver.step();
  }
});

test("prompts are begun in the order of their arrival", () => {
  const driver = new Driver({ maxStepTokens: 4 });
  for (const turn of [1, 2, 3]) driver.arrive(turn, `c${turn}`, range(6), { output: tokensOf(1) });
  driver.finish();
  const ends = driver.commands.flatMap((command) => (command.kind === "turn-finished" ? [command.turn] : []));
  expect(ends).toEqual([1, 2, 3]);
});

test("several turns share one step and none sees another's tokens", () => {
  const driver = new Driver({ maxStepTokens: 64, maxStepRows: 8 });
  for (const turn of range(6)) driver.arrive(turn, `c${turn}`, range(3 + turn, turn * 10));
  driver.finish();
  for (const turn of range(6)) {
    const sequence = range(3 + turn, turn * 10);
    for (const token of driver.tokens(turn)) {
      expect(token).toBe(fakeToken(sequence, 97));
      sequence.push(token);
    }
  }
});

test("an end token ends the turn, a stop token stops it, and both are delivered", () => {
  const first = fakeToken([1, 2, 3], 97);
  const driver = new Driver();
  const output = { ...tokensOf(9), kind: "tokens" as const, sampling: greedy, maxTokens: 9, stopTokens: [] };
  driver.arrive(1, "a", [1, 2, 3], { output: { ...output, endTokens: [first] } });
  driver.arrive(2, "b", [1, 2, 3], { output: { ...output, endTokens: [], stopTokens: [first] } });
  driver.finish();
  expect([driver.end(1), driver.end(2)]).toMatchObject([{ reason: "end" }, { reason: "stop" }]);
  expect([driver.tokens(1), driver.tokens(2)]).toEqual([[first], [first]]);
});

test("the model's context ends a turn as a length does", () => {
  const driver = new Driver({ contextTokens: 12 });
  driver.arrive(1, "a", range(9), { output: tokensOf(99) });
  driver.finish();
  expect(driver.end(1)).toMatchObject({ reason: "length", usage: { completionTokens: 3 } });
});

test("a turn for logits gets them for every token of its prompt, in pieces that the runner can hold", () => {
  const driver = new Driver({ maxLogitRows: 4 });
  driver.arrive(1, "a", range(10), { output: { kind: "logits" } });
  driver.finish();
  const pieces = driver.commands.flatMap((command) => (command.kind === "deliver-logits" ? [command] : []));
  expect(pieces.map(({ offset }) => offset)).toEqual([0, 4, 8]);
  const expected = range(10).flatMap((index) => fakeLogits(range(index + 1), 97));
  expect(pieces.flatMap(({ logits }) => [...logits])).toEqual([...Float32Array.from(expected)]);
  expect(driver.end(1)).toMatchObject({ reason: "end", usage: { promptTokens: 10, completionTokens: 0 } });
});

test("penalties see the prompt and the completion, and nothing is sent where none applies", () => {
  const driver = new Driver();
  const sampling = { ...greedy, repetitionPenalty: 1.1 };
  driver.arrive(1, "a", [1, 2], { output: { ...tokensOf(3), kind: "tokens", sampling, maxTokens: 3, endTokens: [], stopTokens: [] } }); // biome-ignore format: one turn, one line
  driver.arrive(2, "b", [1, 2]);
  driver.step();
  driver.step();
  const [first, second] = driver.plan?.rows ?? [];
  expect(first?.output).toMatchObject({ sampling: { promptTokens: [1, 2] } });
  expect(first?.output).toMatchObject({ sampling: { completionTokens: driver.tokens(1) } });
  expect(second?.output).toMatchObject({ sampling: { promptTokens: [], completionTokens: [] } });
});

test("plans, events and commands survive structuredClone", () => {
  const driver = new Driver();
  driver.arrive(1, "a", range(5));
  driver.finish();
  expect(structuredClone(driver.commands)).toEqual(driver.commands);
  expect(structuredClone(driver.scheduler.snapshot())).toEqual(driver.scheduler.snapshot());
});

test("an abort in decode ends the turn at once, what was said stays cached, and the steps in flight run for nothing", () => {
  const driver = new Driver({ plansInFlight: 3 });
  driver.arrive(1, "a", range(4), { output: tokensOf(20) });
  driver.step();
  driver.step();
  expect(driver.plans).toHaveLength(3);
  expect(kinds(driver.send({ kind: "turn-stopped", turn: 1, reason: "abort" }))).toEqual(["turn-finished"]);
  expect(driver.end(1)).toMatchObject({ reason: "abort", usage: { completionTokens: 2 } });
  const cached = [...range(4), ...driver.tokens(1).slice(0, 1)];
  for (let n = 0; n < 3; n++) expect(driver.step()).toEqual([]);
  expect(driver.scheduler.history("a")).toEqual(cached);
  expect(driver.device).toMatchObject({ inFlight: [], blocks: { used: 2 } });
});

test("an abort before the first token undoes the turn", () => {
  const driver = new Driver({ maxStepTokens: 4 });
  driver.arrive(1, "a", range(4), { output: tokensOf(1) });
  driver.finish();
  driver.arrive(2, "a", range(20, 30));
  driver.step();
  driver.send({ kind: "turn-stopped", turn: 2, reason: "abort" });
  expect(driver.end(2)).toMatchObject({ reason: "abort", usage: { completionTokens: 0 } });
  driver.finish();
  expect(driver.device).toMatchObject({ blocks: { used: 1 }, inFlight: [] });
});

test("an abort of a turn that waits ends it at once", () => {
  const driver = new Driver({ maxStepRows: 1 });
  driver.arrive(1, "a", range(4));
  driver.arrive(2, "b", range(4));
  expect(kinds(driver.send({ kind: "turn-stopped", turn: 2, reason: "abort" }))).toEqual(["turn-finished"]);
});

test("stopping a turn that has ended changes nothing", () => {
  const driver = new Driver();
  driver.arrive(1, "a", [1], { output: tokensOf(1) });
  driver.finish();
  driver.arrive(2, "a", [2], { output: tokensOf(2) });
  driver.send({ kind: "turn-stopped", turn: 1, reason: "abort" });
  driver.finish();
  expect(driver.end(2)).toMatchObject({ reason: "length" });
});

test("closing a conversation in flight fails its turn at once and keeps its blocks until all its steps have reported", () => {
  const driver = new Driver();
  driver.arrive(1, "a", range(6));
  driver.send({ kind: "conversation-closed", conversation: "a" });
  expect(driver.end(1)).toMatchObject({ kind: "turn-failed", error: { code: "disposed" } });
  expect(driver.plans).toHaveLength(2);
  driver.step();
  expect(driver.device.blocks.used).toBe(2);
  driver.step();
  expect([driver.device.blocks.used, driver.scheduler.snapshot().conversations]).toEqual([0, []]);
});

test("a second turn of a conversation that still runs is refused", () => {
  const driver = new Driver();
  driver.arrive(1, "a", range(6));
  driver.arrive(2, "a", [1], { keep: 0 });
  expect(driver.end(2)).toMatchObject({ kind: "turn-failed", error: { code: "conversation-busy" } });
  driver.finish();
  expect(driver.end(1)).toMatchObject({ kind: "turn-finished" });
});

test("where blocks run out, the conversation that was idle longest loses its own, and its next turn prefills them again", () => {
  const driver = new Driver({ blocks: 6 });
  driver.arrive(1, "a", range(8), { output: tokensOf(1) });
  driver.finish();
  driver.arrive(2, "b", range(8, 30), { output: tokensOf(1) });
  driver.finish();
  driver.arrive(3, "c", range(12, 60), { output: tokensOf(1) });
  driver.finish();
  expect(["a", "b", "c"].map((id) => driver.scheduler.cachedTokens(id))).toEqual([0, 8, 12]);
  expect(driver.scheduler.history("a")).toEqual(range(8));
  driver.arrive(4, "a", [90], { output: tokensOf(1) });
  driver.finish();
  expect(driver.tokens(4)).toEqual([fakeToken([...range(8), 90], 97)]);
  expect(driver.end(4)).toMatchObject({ usage: { promptTokens: 9, cachedTokens: 4 } }); // a block that nobody needed yet
});

test("turns that do not fit together take turns, the first one first, and both are what they would be alone", () => {
  const driver = new Driver({ blocks: 4 });
  driver.arrive(1, "a", range(4), { output: tokensOf(9) });
  driver.arrive(2, "b", range(4, 30), { output: tokensOf(9) });
  driver.finish();
  for (const [turn, prompt] of [
    [1, range(4)],
    [2, range(4, 30)],
  ] as const) {
    // biome-ignore format: a table
    const sequence = [...prompt];
    for (let n = 0; n < 9; n++) sequence.push(fakeToken(sequence, 97));
    expect(driver.tokens(turn)).toEqual(sequence.slice(4));
  }
  const ends = driver.commands.flatMap((command) => (command.kind === "turn-finished" ? [command.turn] : []));
  expect(ends).toEqual([1, 2]);
});

test("an answer that outgrows the pool although it is alone fails, and takes nothing with it", () => {
  const driver = new Driver({ blocks: 3 });
  driver.arrive(1, "a", range(6), { output: tokensOf(99) });
  driver.arrive(2, "b", range(6, 30), { output: tokensOf(3) });
  driver.finish();
  expect(driver.end(1)).toMatchObject({
    kind: "turn-failed",
    error: { code: "kv-full", name: "CapacityError" },
  });
  expect(driver.scheduler.history("a")).toEqual([]);
  expect(driver.end(2)).toMatchObject({ kind: "turn-finished", reason: "length" });
});

test("conversations that begin alike share the blocks of their beginning, also when the first one is gone", () => {
  const driver = new Driver({ maxStepTokens: 32 });
  const system = range(9);
  driver.arrive(1, "a", [...system, 50], { output: tokensOf(3) });
  driver.finish();
  driver.arrive(2, "b", [...system, 60, 61], { output: tokensOf(3) });
  expect(driver.plan?.rows.map(({ tokens }) => tokens)).toEqual([[8, 60, 61]]);
  expect(driver.device.blocks.used).toBe(3 + 1);
  driver.finish();
  expect(driver.end(2)).toMatchObject({ usage: { promptTokens: 11, cachedTokens: 8 } });
  for (const conversation of ["a", "b"]) driver.send({ kind: "conversation-closed", conversation });
  expect(driver.device.blocks.used).toBe(0);
  driver.arrive(3, "c", [...system, 70], { output: tokensOf(1) });
  driver.finish();
  expect(driver.end(3)).toMatchObject({ usage: { cachedTokens: 8 } });
  expect(driver.tokens(3)).toEqual([fakeToken([...system, 70], 97)]);
});

test("a fork shares all blocks, and each side writes into one of its own", () => {
  const driver = new Driver({ maxStepTokens: 32 });
  driver.arrive(1, "a", range(10), { output: tokensOf(4) });
  driver.finish();
  const history = driver.scheduler.history("a");
  expect([history.length, driver.device.blocks.used]).toEqual([13, 4]);
  driver.send({ kind: "conversation-forked", conversation: "whole", from: "a" });
  driver.send({ kind: "conversation-forked", conversation: "early", from: "a", tokens: 6 });
  expect(driver.device.blocks.used).toBe(4);
  for (const [turn, id] of ["a", "whole", "early"].entries()) driver.arrive(turn + 2, id, [60 + turn]);
  driver.finish();
  const plans = driver.commands.flatMap((command) => (command.kind === "run-step" ? [command.plan] : []));
  expect(plans.flatMap(({ copies }) => copies ?? [])).toHaveLength(2); // the last owner needs no copy
  for (const [turn, kept] of [13, 13, 6].entries()) {
    const sequence = [...history.slice(0, kept), 60 + turn];
    for (let n = 0; n < 4; n++) sequence.push(fakeToken(sequence, 97));
    expect(driver.tokens(turn + 2)).toEqual(sequence.slice(kept + 1));
  }
});

test("a fork of a conversation that answers goes on from where that was", () => {
  const driver = new Driver({ maxStepTokens: 32, plansInFlight: 3 });
  driver.arrive(1, "a", range(5), { output: tokensOf(12) });
  for (let n = 0; n < 4; n++) driver.step();
  driver.send({ kind: "conversation-forked", conversation: "b", from: "a" });
  const history = driver.scheduler.history("b");
  driver.arrive(2, "b", [70], { output: tokensOf(4) });
  driver.finish();
  const alone = (sequence: number[], count: number) => {
    for (let n = 0; n < count; n++) sequence.push(fakeToken(sequence, 97));
    return sequence;
  };
  expect(driver.tokens(1)).toEqual(alone(range(5), 12).slice(5));
  expect(driver.tokens(2)).toEqual(alone([...history, 70], 4).slice(history.length + 1));
});

test("a turn of higher priority goes before those that wait, and those that have waited for long go before it", () => {
  const driver = new Driver({ maxStepRows: 1, plansInFlight: 1 });
  for (const turn of [1, 2, 3]) driver.arrive(turn, `c${turn}`, range(4, turn), { output: tokensOf(2) });
  driver.arrive(4, "urgent", range(4), { output: tokensOf(2), priority: 1 });
  driver.finish();
  const ends = driver.commands.flatMap((command) => (command.kind === "turn-finished" ? [command.turn] : []));
  expect(ends).toEqual([1, 4, 2, 3]);
});

test.each([
  ["the model's context", { contextTokens: 10 }],
  ["the KV cache", { blocks: 2 }],
])("a prompt longer than %s is refused at once and costs nothing", (where, limits) => {
  const driver = new Driver(limits);
  driver.arrive(1, "a", [1, 2], { output: tokensOf(1) });
  driver.finish();
  driver.arrive(2, "a", range(9), { keep: 2 });
  expect(driver.end(2)).toMatchObject({ error: { code: "prompt-too-long", name: "InputError" } });
  expect(JSON.stringify(driver.end(2))).toContain(where);
  expect(driver.scheduler.history("a").length).toBe(2);
});

test("a step that fails ends the turns in it and no others", () => {
  const driver = new Driver({ maxStepRows: 1 });
  driver.arrive(1, "a", range(4));
  driver.arrive(2, "b", range(4));
  driver.send({ kind: "step-failed", device: DEVICE, plan: driver.plan?.id ?? 0, error: broken });
  driver.finish();
  expect(driver.end(1)).toMatchObject({ kind: "turn-failed", error: { code: "gpu-error" } });
  expect(driver.end(2)).toMatchObject({ kind: "turn-finished" });
});

test("a lost device ends every turn, and every later one", () => {
  const driver = new Driver({ maxStepRows: 1 });
  driver.arrive(1, "a", range(4));
  driver.arrive(2, "b", range(4));
  const late = driver.plan?.id ?? 0;
  expect(kinds(driver.send({ kind: "device-lost", device: DEVICE, recovering: false, error: lost }))).toEqual(
    ["turn-failed", "turn-failed"],
  );
  expect(driver.send({ kind: "step-failed", device: DEVICE, plan: late, error: lost })).toEqual([]);
  driver.arrive(3, "c", [1]);
  for (const turn of [1, 2, 3]) expect(driver.end(turn)).toMatchObject({ error: { code: "device-lost" } });
  expect(driver.scheduler.snapshot().devices).toEqual([]);
});

test("the report of an unknown plan is dropped", () => {
  const driver = new Driver();
  driver.arrive(1, "a", range(4));
  expect(
    driver.scheduler.advance(
      { kind: "step-ended", device: DEVICE, result: { plan: 99, rows: [], ms: 0 } },
      0,
    ),
  ).toEqual([]);
  driver.finish();
  expect(driver.end(1)).toMatchObject({ kind: "turn-finished" });
});
