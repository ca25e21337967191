import { expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { conserve } from "../../src/scheduler/policies/conserve.ts";
import { fakeToken } from "../harness/fake_runner.ts";
import { tokensOf } from "./driver.ts";
import { Fleet, type FleetDevice } from "./fleet.ts";

/** First turns on a prefiller, everything after them on a decoder, and the one handoff between. */

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
const lost = new DeviceError("device-lost", "The device is gone.").toPlain();
const pair: Record<string, FleetDevice> = { p: { role: "prefiller" }, d: { role: "decoder" } };

function alone(prompt: readonly number[], length: number): number[] {
  const sequence = [...prompt];
  for (let n = 0; n < length; n++) sequence.push(fakeToken(sequence, 97));
  return sequence.slice(prompt.length);
}

const rowsOn = (fleet: Fleet, device: string) =>
  fleet.commands.flatMap((command) =>
    command.kind === "run-step" && command.device === device ? command.plan.rows : [],
  );

test("the first turn's prompt runs on the prefiller, and all the rest on the decoder, after one handoff", () => {
  const fleet = new Fleet(pair, conserve);
  fleet.arrive(1, "a", range(10), { output: tokensOf(5) });
  fleet.finish();
  fleet.arrive(2, "a", range(7, 50), { output: tokensOf(5) });
  fleet.finish();
  expect(rowsOn(fleet, "p").map(({ tokens }) => tokens)).toEqual([range(10)]);
  const first = alone(range(10), 5);
  expect(fleet.tokens(1)).toEqual(first);
  expect(fleet.tokens(2)).toEqual(alone([...range(10), ...first.slice(0, 4), ...range(7, 50)], 5));
  expect(fleet.end(2)).toMatchObject({ usage: { promptTokens: 21, cachedTokens: 14 } });
  expect(fleet.conversation("a")).toMatchObject({ bound: "d", transfers: 1, movedBlocks: 3 });
  fleet.send({ kind: "conversation-closed", conversation: "a" });
  expect(fleet.used()).toEqual([0, 0]);
});

test("full blocks leave the prefiller while later chunks still run, and enter the decoder while the last one does", () => {
  const fleet = new Fleet({ p: { role: "prefiller", limits: { maxStepTokens: 8, plansInFlight: 1 } }, d: { role: "decoder" } }, conserve); // biome-ignore format: two devices
  fleet.arrive(1, "a", range(22), { output: tokensOf(3) });
  const left = () => fleet.machines.get("p")?.work.map(({ kind }) => kind);
  expect(left()).toEqual(["run-step", "export-blocks"]);
  fleet.step("p");
  expect(left()).toEqual(["export-blocks", "run-step", "export-blocks"]);
  const sizes = (copy: "export-blocks" | "import-blocks") =>
    fleet.commands.flatMap((command) => (command.kind === copy ? [command.blocks.length] : []));
  fleet.step("p");
  expect(sizes("import-blocks")).toEqual([]);
  for (let n = 0; n < 2; n++) fleet.step("p");
  expect(left()).toEqual(["run-step", "export-blocks"]); // the last chunk
  expect(sizes("import-blocks")).toEqual([4]);
  fleet.step("p");
  expect(fleet.tokens(1)).toHaveLength(1);
  fleet.finish();
  expect(sizes("export-blocks")).toEqual([2, 2, 2]);
  expect(sizes("import-blocks")).toEqual([4, 2]);
  expect(fleet.tokens(1)).toEqual(alone(range(22), 3));
});

test("a conversation that is stopped while its first blocks are in the decoder gives them back", () => {
  const fleet = new Fleet({ p: { role: "prefiller", limits: { maxStepTokens: 8, plansInFlight: 1 } }, d: { role: "decoder" } }, conserve); // biome-ignore format: two devices
  fleet.arrive(1, "a", range(22), { output: tokensOf(3) });
  for (let n = 0; n < 4; n++) fleet.step("p");
  expect(fleet.used()[1]).toBeGreaterThan(0);
  fleet.send({ kind: "turn-stopped", turn: 1, reason: "abort" });
  fleet.finish();
  expect(fleet.used()).toEqual([0, 0]);
});

test("blocks for a prompt that still runs elsewhere are given back when a turn needs them", () => {
  const decoder = { role: "decoder" as const, limits: { blocks: 8 } };
  const fleet = new Fleet({ p: { role: "prefiller", limits: { maxStepTokens: 8, plansInFlight: 1 } }, d: decoder }, conserve); // biome-ignore format: two devices
  fleet.arrive(1, "a", range(5), { output: tokensOf(26) });
  for (let n = 0; n < 40 && fleet.tokens(1).length < 3; n++) fleet.step(n % 2 ? "d" : "p");
  fleet.arrive(2, "b", range(15), { output: tokensOf(3) });
  for (let n = 0; n < 2; n++) fleet.step("p");
  expect(fleet.used()[1]).toBe(6);
  for (let n = 0; n < 40 && fleet.tokens(1).length < 26; n++) fleet.step("d");
  expect(fleet.tokens(1)).toEqual(alone(range(5), 26));
  fleet.finish();
  expect(fleet.tokens(2)).toEqual(alone(range(15), 3));
});

test("blocks that the decoder has already do not cross", () => {
  const fleet = new Fleet(pair, conserve);
  const system = range(9);
  fleet.arrive(1, "a", [...system, 50]);
  fleet.finish();
  fleet.arrive(2, "b", [...system, 60]);
  fleet.finish();
  expect(["a", "b"].map((id) => fleet.conversation(id)?.movedBlocks)).toEqual([3, 1]);
  expect(fleet.tokens(2)).toEqual(alone([...system, 60], 4));
});

test("a conversation goes to the decoder with the least of its blocks in use, and waits while none has room", () => {
  const decoder = { role: "decoder" as const, limits: { blocks: 8 } };
  const fleet = new Fleet({ p: { role: "prefiller" }, d1: decoder, d2: decoder }, conserve);
  for (const turn of [1, 2, 3]) fleet.arrive(turn, `c${turn}`, range(16, 20 * turn), { output: tokensOf(9) });
  for (let n = 0; n < 12; n++) fleet.step("p");
  const bound = () => [1, 2, 3].map((turn) => fleet.conversation(`c${turn}`)?.bound);
  for (const device of ["d1", "d2"]) while (fleet.conversation("c1") && fleet.machines.get(device)?.work[0]?.kind === "import-blocks") fleet.step(device); // biome-ignore format: a loop
  expect(bound()).toEqual(["d1", "d2", undefined]);
  expect(fleet.conversation("c3")?.turn?.phase).toBe("handoff");
  fleet.finish();
  for (const turn of [1, 2, 3]) expect(fleet.tokens(turn)).toEqual(alone(range(16, 20 * turn), 9));
});

test("two roles on one pool hand over a block table, and no byte", () => {
  const limits = { plansInFlight: 1 };
  const fleet = new Fleet({ p: { role: "prefiller", pool: "one", limits }, d: { role: "decoder", pool: "one", limits } }, conserve); // biome-ignore format: two devices
  fleet.arrive(1, "a", range(10), { output: tokensOf(5) });
  fleet.finish();
  expect(fleet.tokens(1)).toEqual(alone(range(10), 5));
  expect(fleet.commands.filter(({ kind }) => kind.endsWith("-blocks"))).toEqual([]);
  expect(fleet.conversation("a")).toMatchObject({ bound: "d", transfers: 1, movedBlocks: 0 });
});

test("an abort before the first token leaves nothing on either device", () => {
  const fleet = new Fleet({ p: { role: "prefiller", limits: { maxStepTokens: 8, plansInFlight: 1 } }, d: { role: "decoder" } }, conserve); // biome-ignore format: two devices
  fleet.arrive(1, "a", range(22));
  fleet.step("p");
  fleet.send({ kind: "turn-stopped", turn: 1, reason: "abort" });
  fleet.finish();
  expect(fleet.used()).toEqual([0, 0]);
  expect(fleet.scheduler.history("a")).toEqual([]);
});

test("a turn that ends while its KV crosses leaves a conversation that goes on at the decoder", () => {
  const fleet = new Fleet(pair, conserve);
  fleet.arrive(1, "a", range(10), { output: tokensOf(5) });
  fleet.step("p");
  expect(fleet.conversation("a")?.turn?.phase).toBe("handoff");
  fleet.send({ kind: "turn-stopped", turn: 1, reason: "abort" });
  fleet.arrive(2, "a", [70], { keep: 7 });
  fleet.finish();
  expect(fleet.tokens(2)).toEqual(alone([...range(7), 70], 4));
  expect(fleet.conversation("a")).toMatchObject({ bound: "d", transfers: 1 });
});

test.each(["p", "d"])("when %s is lost in a handoff, the turn goes on with its next token", (device) => {
  const fleet = new Fleet(pair, conserve);
  fleet.arrive(1, "a", range(10), { output: tokensOf(5) });
  fleet.step("p");
  fleet.step("p");
  fleet.lose(device, lost, true);
  expect(fleet.end(1)).toBeUndefined();
  fleet.recover(device);
  fleet.finish();
  expect(fleet.tokens(1)).toEqual(alone(range(10), 5));
});

test("when the decoder is lost in the midst of an answer, the stream goes on where it stopped, once the KV is built again", () => {
  const fleet = new Fleet(pair, conserve);
  fleet.arrive(1, "a", range(10), { output: tokensOf(12) });
  for (let n = 0; n < 8; n++) for (const device of ["p", "d"]) fleet.step(device);
  const before = fleet.tokens(1).length;
  expect(before).toBeGreaterThan(2);
  fleet.lose("d", lost, true);
  fleet.recover("d");
  fleet.finish();
  expect(fleet.tokens(1)).toEqual(alone(range(10), 12));
  expect(fleet.conversation("a")).toMatchObject({ bound: "d", transfers: 2 });
});

test("with the decoder gone for good the prefiller does both; with both gone turns end with the error", () => {
  const fleet = new Fleet(pair, conserve);
  fleet.arrive(1, "a", range(10), { output: tokensOf(12) });
  for (let n = 0; n < 8; n++) for (const device of ["p", "d"]) fleet.step(device);
  fleet.lose("d", lost, false);
  fleet.finish();
  expect(fleet.tokens(1)).toEqual(alone(range(10), 12));
  fleet.arrive(2, "a", [70]);
  fleet.lose("p", lost, false);
  expect(fleet.end(2)).toMatchObject({ kind: "turn-failed", error: { code: "device-lost" } });
  fleet.arrive(3, "a", [71]);
  expect(fleet.end(3)).toMatchObject({ kind: "turn-failed", error: { code: "device-lost" } });
});

test("turns that wait for a lost decoder go on when it is not expected back any more", () => {
  const fleet = new Fleet(pair, conserve);
  fleet.arrive(1, "a", range(10), { output: tokensOf(12) });
  for (let n = 0; n < 8; n++) for (const device of ["p", "d"]) fleet.step(device);
  fleet.lose("d", lost, true);
  fleet.finish();
  expect(fleet.end(1)).toBeUndefined();
  fleet.lose("d", lost, false);
  fleet.finish();
  expect(fleet.tokens(1)).toEqual(alone(range(10), 12));
});

test("nothing is planned on a lost decoder, though a turn waited for its place there and another was on its way", () => {
  const fleet = new Fleet({ p: { role: "prefiller" }, d: { role: "decoder", limits: { maxStepRows: 1 } } }, conserve); // biome-ignore format: two devices
  fleet.arrive(1, "waits", range(8), { output: tokensOf(2) });
  fleet.finish();
  fleet.arrive(2, "crosses", range(12, 30), { output: tokensOf(3) });
  while (fleet.machines.get("d")?.work.every(({ kind }) => kind !== "import-blocks")) fleet.step("p");
  fleet.arrive(3, "waits", range(10, 10), { output: tokensOf(2) });
  expect(fleet.scheduler.snapshot().devices[1]).toMatchObject({ id: "d", inFlight: [], queued: 1 });
  fleet.lose("d", lost, true);
  fleet.recover("d");
  fleet.finish();
  expect(fleet.tokens(2)).toEqual(alone(range(12, 30), 3));
  expect(fleet.end(3)).toMatchObject({ kind: "turn-finished" });
});

test("a copy that fails is made up for by prefilling again", () => {
  const broken = new DeviceError("gpu-error", "No copy today.").toPlain();
  const fleet = new Fleet(pair, conserve);
  fleet.arrive(1, "a", range(10), { output: tokensOf(5) });
  fleet.step("p");
  fleet.step("p", broken);
  fleet.finish();
  expect(fleet.tokens(1)).toEqual(alone(range(10), 5));
});
