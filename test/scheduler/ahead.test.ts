import { expect, test } from "vitest";
import { FED_TOKEN } from "../../src/protocol/step.ts";
import type { TurnOutput } from "../../src/protocol/turn.ts";
import { fakeToken } from "../harness/fake_runner.ts";
import { Driver, greedy, tokensOf } from "./driver.ts";

/** What the scheduler does while plans are in flight. */

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
const rows = (driver: Driver) =>
  driver.plans.map((plan) => plan.rows.map((row) => [row.sequence, ...row.tokens]));
const penalised = { ...greedy, presencePenalty: 1 };

test("a decode is planned before its token is known, as deep as the runner allows", () => {
  const driver = new Driver({ plansInFlight: 3 });
  driver.arrive(1, "a", [1, 2], { output: tokensOf(9) });
  expect(rows(driver)).toEqual([[["a", 1, 2]], [["a", FED_TOKEN]], [["a", FED_TOKEN]]]);
  expect(driver.plans.map((plan) => plan.rows[0]?.position)).toEqual([0, 2, 3]);
  driver.finish();
  expect(driver.tokens(1)).toHaveLength(9);
});

test("nothing is planned beyond a turn's last token or the model's context", () => {
  for (const [limits, maxTokens] of [
    [{ plansInFlight: 4 }, 3],
    [{ plansInFlight: 4, contextTokens: 5 }, 99],
  ] as const) {
    const driver = new Driver(limits);
    driver.arrive(1, "a", [1, 2], { output: tokensOf(maxTokens) });
    driver.finish();
    expect(driver.runs).toBe(3);
    expect(driver.end(1)).toMatchObject({ reason: "length", usage: { completionTokens: 3 } });
  }
});

test("the chunks of a prompt are planned ahead, and its first decode behind them", () => {
  const driver = new Driver({ plansInFlight: 3, maxStepTokens: 4 });
  driver.arrive(1, "a", range(7, 20));
  expect(rows(driver)).toEqual([[["a", 20, 21, 22, 23]], [["a", 24, 25, 26]], [["a", FED_TOKEN]]]);
});

test.each<[string, TurnOutput]>([
  ["with penalties", tokensOf(5, penalised)],
  ["with a truncated draw", tokensOf(5, { ...greedy, temperature: 1, topK: 3 })],
  ["for logits", { kind: "logits" }],
])(
  "a turn %s waits for the host after each step, and whoever shares its steps waits with it",
  (_, output) => {
    const driver = new Driver({ plansInFlight: 3 });
    driver.arrive(1, "a", range(12), { output, chunkTokens: output.kind === "logits" ? 2 : 12 });
    expect(driver.plans).toHaveLength(1);
    driver.arrive(2, "b", [7], { output: tokensOf(9) });
    expect(driver.plans).toHaveLength(1);
    for (let n = 0; n < 3; n++) {
      driver.step();
      expect(driver.plans.map((plan) => plan.rows.map(({ sequence }) => sequence).sort())).toEqual([
        ["a", "b"],
      ]);
    }
    while (driver.end(1) === undefined) driver.step();
    expect(driver.plans).toHaveLength(3);
  },
);

test("a turn ends with its token, and the token of the step that ran on is in no book", () => {
  const first = fakeToken([1, 2, 3], 97);
  const driver = new Driver();
  const output = { ...tokensOf(9), kind: "tokens" as const, sampling: greedy, maxTokens: 9, stopTokens: [] };
  driver.arrive(1, "a", [1, 2, 3], { output: { ...output, endTokens: [first] } });
  driver.step();
  expect(driver.end(1)).toMatchObject({ reason: "end" });
  expect(driver.plans).toHaveLength(1); // it runs for nothing
  driver.finish();
  expect(driver.tokens(1)).toEqual([first]);
  expect(driver.scheduler.history("a")).toEqual([1, 2, 3]);
});

test("the next turn of a conversation begins while a step of the last one is in flight, and sees nothing of it", () => {
  const driver = new Driver({ plansInFlight: 3 });
  driver.arrive(1, "a", range(4), { output: tokensOf(20) });
  driver.step();
  driver.send({ kind: "turn-stopped", turn: 1, reason: "abort" });
  driver.arrive(2, "a", [50], { output: tokensOf(3) });
  driver.step();
  expect(driver.plans.at(-1)?.rows[0]).toMatchObject({ tokens: [50], position: 4 });
  expect(driver.plans).toHaveLength(3);
  driver.finish();
  expect(driver.tokens(2)).toEqual(alone([...range(4), 50], 3));
});

test("blocks that a step in flight may write to go to nobody until it has reported", () => {
  const driver = new Driver({ blocks: 4, plansInFlight: 2 });
  driver.arrive(1, "a", range(12), { output: tokensOf(9) });
  driver.send({ kind: "conversation-closed", conversation: "a" });
  driver.arrive(2, "b", range(8, 30), { output: tokensOf(2) });
  expect(driver.device.blocks.used).toBe(4);
  driver.step();
  expect(driver.end(2)).toBeUndefined(); // it waits, rather than fail for want of blocks
  driver.finish();
  expect(driver.tokens(2)).toEqual(alone(range(8, 30), 2));
});

function alone(prompt: readonly number[], length: number): number[] {
  const sequence = [...prompt];
  for (let n = 0; n < length; n++) sequence.push(fakeToken(sequence, 97));
  return sequence.slice(prompt.length);
}
