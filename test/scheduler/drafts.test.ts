import fc from "fast-check";
import { expect, test } from "vitest";
import { DraftSource } from "../../src/scheduler/draft_source.ts";
import { Speculation } from "../../src/scheduler/speculation.ts";

/** Where drafts come from, and when they pay. */

test("a draft is what followed the last three tokens where they stood last, else the last two", () => {
  const source = new DraftSource();
  source.read([1, 2, 3, 10, 11, 5, 2, 3, 20, 21, 1, 2]);
  source.push(3);
  expect(source.draft(2)).toEqual([10, 11]); // after 1 2 3, not after 2 3
  source.push(10);
  expect(source.draft(3)).toEqual([11, 5, 2]);
  source.push(40);
  expect(source.draft(3)).toEqual([]);
  source.push(20);
  source.push(21);
  expect(source.draft(2)).toEqual([1, 2]); // after 20 21
});

test("a loop is guessed to go on", () => {
  const source = new DraftSource();
  source.read([7, 8, 9, 7, 8]);
  source.push(9);
  expect(source.draft(7)).toEqual([7, 8, 9, 7, 8, 9, 7]);
});

test("what was seen is found again, however long ago, and never anything else", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 60 }), (tokens) => {
      const source = new DraftSource();
      for (const [at, token] of tokens.entries()) {
        source.push(token);
        const [guess] = source.draft(1);
        const seen = tokens.slice(0, at + 1);
        const suffix = seen.slice(-2).join();
        const followers = seen.flatMap((_, end) => (end >= 2 && seen.slice(end - 2, end).join() === suffix ? [seen[end]] : [])); // biome-ignore format: one thought
        if (guess === undefined) expect(followers).toEqual([]);
        else expect(followers).toContain(guess);
      }
    }),
  );
});

test("guesses that come true make the next ones likelier, and wrong ones less likely", () => {
  const copying = new DraftSource();
  const text = Array.from({ length: 40 }, (_, at) => at);
  copying.read(text);
  const first: number[] = [];
  for (const token of text) {
    copying.push(token);
    first.push(copying.chances(1)[0] ?? 0);
  }
  expect(first.slice(0, 3)).toEqual([0, 0.5, expect.closeTo(2 / 3, 5)]);
  expect(first[30]).toBeGreaterThan(0.9);
  const misled = new DraftSource();
  misled.read([1, 2, 900]);
  for (let n = 0; n < 20; n++) for (const token of [1, 2, 100 + n]) misled.push(token);
  for (const token of [1, 2]) misled.push(token);
  expect(misled.chances(1)[0]).toBeLessThan(0.1);
});

const sure = Array<number>(15).fill(1);

test("nothing is drafted before a step without drafts was seen, and then no step is more than twice as large as any before", () => {
  const speculation = new Speculation();
  expect(speculation.choose([sure], 15)).toEqual([0]);
  // biome-ignore format: a table
  for (const [tokens, drafts] of [[1, 1], [2, 3], [4, 7], [8, 15], [16, 15]] as const) {
    speculation.record(tokens, 10);
    expect(speculation.choose([sure], 15)).toEqual([drafts]);
  }
});

test("a busy moment at the first step of a size does not keep larger ones from being tried", () => {
  const speculation = new Speculation();
  speculation.record(1, 10);
  speculation.record(2, 100);
  expect(speculation.choose([sure], 15)).toEqual([3]);
});

test("one turn's guesses do not hold up the others in its step, unless they cost little", () => {
  // biome-ignore format: a table
  for (const [largeMs, drafts] of [[46, 0], [12, 12]] as const) {
    const speculation = new Speculation();
    speculation.record(4, 10);
    speculation.record(16, largeMs);
    expect(speculation.choose([sure, [], [], []], 12)).toEqual([drafts, 0, 0, 0]);
    // With guesses for all of them nobody waits for the others.
    const four = speculation.choose([sure, sure, sure, sure], 12);
    expect(four).toEqual(largeMs === 12 ? [3, 3, 3, 3] : [0, 0, 0, 0]);
  }
});

test("a turn alone takes the drafts that promise the most tokens a millisecond, and none where they do not pay", () => {
  const speculation = new Speculation();
  for (const [tokens, ms] of [[1, 10], [2, 20], [4, 22], [8, 24], [16, 80], [64, 640]] as const) speculation.record(tokens, ms); // biome-ignore format: a table
  expect(speculation.choose([sure], 15)).toEqual([7]);
  expect(speculation.choose([sure], 2)[0]).toBeLessThanOrEqual(2);
  expect(speculation.choose([[0.3, 0.1]], 15)).toEqual([0]);
  expect(speculation.choose([[], []], 15)).toEqual([0, 0]);
});

test("several turns share what a step may hold, the likeliest drafts first", () => {
  const speculation = new Speculation();
  for (const [tokens, ms] of [[2, 10], [4, 11], [6, 12], [8, 40]] as const) speculation.record(tokens, ms); // biome-ignore format: a table
  expect(speculation.choose([[0.9, 0.8, 0.7, 0.6], [0.75, 0.1]], 15)).toEqual([3, 1]); // biome-ignore format: one case
});

test("a turn without guesses is not held up even where the other gains more than it loses", () => {
  const speculation = new Speculation();
  speculation.record(2, 10);
  speculation.record(8, 20);
  expect(speculation.choose([sure, []], 6)).toEqual([0, 0]);
  expect(speculation.choose([sure], 7)[0]).toBe(0); // one row was not seen, so that nothing is known of it
  speculation.record(1, 10);
  expect(speculation.choose([sure], 7)).toEqual([7]);
});

test("what is known of a size fades until it is tried again", () => {
  const speculation = new Speculation();
  speculation.record(1, 10);
  for (const tokens of [2, 4, 8, 16]) speculation.record(tokens, 20 * tokens);
  let steps = 0;
  for (; speculation.choose([sure], 15)[0] === 0; steps++) speculation.record(1, 10);
  expect(steps).toBeGreaterThan(100); // rarely
  expect(steps).toBeLessThan(2000);
});

test("on a text that is guessed badly, drafts cost less than three in a hundred, whatever a step costs up to as many of one token", () => {
  const cost = fc.record({ perToken: fc.double({ min: 0.01, max: 2, noNaN: true }), jump: fc.double({ min: 0, max: 2, noNaN: true }) }); // biome-ignore format: one record
  fc.assert(
    fc.property(
      cost,
      fc.integer({ min: 4, max: 60 }),
      fc.integer({ min: 0, max: 2 ** 31 }),
      ({ perToken, jump }, vocab, seed) => {
        const ms = (tokens: number) =>
          Math.min(tokens, 1 + (tokens > 1 ? jump + perToken * (tokens - 1) : 0));
        const { plainMs, draftedMs } = answer(ms, vocab, seed, 3000);
        expect(draftedMs / plainMs).toBeLessThan(1 / 0.97);
      },
    ),
    { numRuns: 60 },
  );
});

/** Time for a text of random tokens from a small vocabulary, so that it has many false matches, without drafts and with them. */
function answer(ms: (tokens: number) => number, vocab: number, seed: number, length: number) {
  const speculation = new Speculation();
  const source = new DraftSource();
  let state = seed;
  const text = Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocab);
  });
  let draftedMs = 0;
  for (let at = 0; at < length; ) {
    const [count = 0] = speculation.choose([source.chances(15)], 15);
    const draft = source.draft(count);
    const wrong = draft.findIndex((token, index) => token !== text[at + index]);
    const taken = 1 + (wrong === -1 ? draft.length : wrong);
    draftedMs += ms(1 + draft.length);
    speculation.record(
      1 + draft.length,
      ms(1 + draft.length),
      draft.length > 0 ? { rows: 1, taken } : undefined,
    );
    for (const token of text.slice(at, at + taken)) source.push(token);
    at += taken;
  }
  return { plainMs: length * ms(1), draftedMs };
}
