import { expect, test } from "vitest";
import { FED_TOKEN, type RunnerLimits } from "../../src/protocol/step.ts";
import { Driver, greedy, tokensOf } from "./driver.ts";

/** Drafts in steps: when turns have them, what comes of them, and what they must not cost. */

const PROMPT = [10, 11, 12, 13, 14, 15, 16, 17, 18, 10];

/** A model that goes on counting from 10 to 18 and over, so that its answers are in its prompt. */
function counting(limits: Partial<RunnerLimits> = {}): Driver {
  const driver = new Driver({ maxStepTokens: 64, maxLogitRows: 32, ...limits });
  driver.runner.next = (sequence) => 10 + (((sequence.at(-1) ?? 0) - 9) % 9);
  return driver;
}
const expected = (length: number) => Array.from({ length }, (_, at) => 10 + ((at + 1) % 9));

test("an answer that repeats the prompt takes few steps, and is the same", () => {
  const driver = counting();
  driver.arrive(1, "a", PROMPT, { output: tokensOf(60) });
  driver.finish();
  expect(driver.tokens(1)).toEqual(expected(60));
  expect(driver.runs).toBeLessThan(20);
  const { drafted, accepted } = driver.device.drafts;
  expect(accepted).toBe(60 - driver.runs); // each step gives one token more than it has right guesses
  expect(drafted).toBeGreaterThanOrEqual(accepted);
  expect(driver.scheduler.history("a")).toEqual([...PROMPT, ...expected(59)]);
});

test("a wrong guess costs its tokens and nothing else", () => {
  const driver = counting();
  const { next } = driver.runner;
  driver.runner.next = (sequence) => (sequence.length % 13 === 0 ? 50 + sequence.length : next(sequence));
  driver.arrive(1, "a", PROMPT, { output: tokensOf(60) });
  driver.finish();
  const alone = [...PROMPT];
  for (let n = 0; n < 60; n++) alone.push(driver.runner.next(alone));
  expect(driver.tokens(1)).toEqual(alone.slice(PROMPT.length));
  const { drafted, accepted } = driver.device.drafts;
  expect(drafted).toBeGreaterThan(accepted);
  expect(driver.scheduler.history("a")).toEqual(alone.slice(0, -1));
});

test("a turn with a promising guess is held back until its token is known; without one it runs ahead", () => {
  const driver = counting();
  driver.arrive(1, "a", PROMPT, { output: tokensOf(200) });
  driver.step();
  driver.step();
  driver.step();
  const [row] = driver.plan?.rows ?? [];
  expect([driver.plans.length, row?.output.kind]).toEqual([1, "tokens"]);
  const other = new Driver();
  other.arrive(1, "a", [1, 2, 3], { output: tokensOf(9) });
  for (let n = 0; n < 3; n++) other.step();
  expect(other.plans).toHaveLength(2);
  expect(other.newest?.rows[0]?.tokens).toEqual([FED_TOKEN]);
});

test.each([
  ["an end token", { endTokens: [14], stopTokens: [] }, "end"],
  ["a stop token", { endTokens: [], stopTokens: [14] }, "stop"],
] as const)("%s in the midst of accepted drafts ends the turn there", (_, ends, reason) => {
  const driver = counting();
  const prompt = [...PROMPT, 11, 12, 13, 14]; // the end is a whole round away
  driver.arrive(1, "a", prompt, {
    output: { ...tokensOf(99), kind: "tokens", sampling: greedy, maxTokens: 99, ...ends },
  });
  driver.finish();
  const answer = [15, 16, 17, 18, 10, 11, 12, 13, 14];
  expect(driver.tokens(1)).toEqual(answer);
  expect(driver.end(1)).toMatchObject({ reason, usage: { completionTokens: 9 } });
  expect(driver.scheduler.history("a")).toEqual([...prompt, ...answer.slice(0, -1)]);
});

test.each([
  [{ contextTokens: 31 }, 99, 21],
  [{}, 17, 17],
])("drafts do not go beyond the context or maxTokens: %o", (limits, maxTokens, count) => {
  const driver = counting(limits);
  driver.arrive(1, "a", PROMPT, { output: tokensOf(maxTokens) });
  driver.finish();
  expect(driver.tokens(1)).toEqual(expected(count));
  expect(driver.end(1)).toMatchObject({ reason: "length" });
});

test("drafts fail nobody in a small cache: they take what is left, and give it back", () => {
  const driver = counting({ blocks: 11 });
  driver.arrive(1, "a", PROMPT, { output: tokensOf(12) });
  driver.arrive(2, "b", PROMPT, { output: tokensOf(8) });
  driver.finish();
  expect([driver.end(1), driver.end(2)].map((end) => end?.kind)).toEqual(["turn-finished", "turn-finished"]);
  expect(driver.device.blocks.used).toBe(6 + 5 - 2); // the prompt's two full blocks are shared
});

test("turns that the host samples, and schedulers told not to, have no drafts", () => {
  const penalised = { ...greedy, presencePenalty: 0.5 };
  const driver = counting();
  driver.arrive(1, "a", PROMPT, { output: tokensOf(30, penalised) });
  driver.finish();
  const off = new Driver({}, "off");
  off.runner.next = driver.runner.next;
  off.arrive(1, "a", PROMPT, { output: tokensOf(30) });
  off.finish();
  for (const { scheduler, runs } of [driver, off])
    expect([scheduler.snapshot().devices[0]?.drafts.drafted, runs]).toEqual([0, 30]);
});

test("where checking costs as much as decoding, drafts stop", () => {
  const driver = counting();
  driver.runner.stepMs = (tokens) => 10 * tokens;
  driver.arrive(1, "a", PROMPT, { output: tokensOf(150) });
  driver.finish();
  expect(driver.device.drafts.drafted).toBeLessThan(40);
  expect(driver.runs).toBeGreaterThan(110);
});
