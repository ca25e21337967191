import { expect } from "vitest";
import { type Random, seededRandom } from "../harness/random.ts";
import { prompt, tokensOf } from "./device_loss.ts";
import type { Session } from "./fault_harness.ts";
import { VOCAB } from "./fault_rig.ts";

/** Readers who begin turns and abort each of them at some moment: after so many tokens, or so many calls to the devices. */

const READERS = 16;

/** Aborts `count` turns, some of them of forks, and returns how many had begun to answer. */
export async function abortMany(session: Session, count: number, seed: number): Promise<number> {
  let left = count;
  let answered = 0;
  const read = async (reader: number) => {
    const random = seededRandom(seed * 1000 + reader);
    for (let n = 0; left-- > 0; n++) {
      const conversation = `${seed}-${reader}-${n}`;
      const tokens = await abortOne(session, conversation, random);
      if (tokens > 0) answered += 1;
      if (random() < 0.3) await abortFork(session, conversation, random);
      if (random() < 0.1) await goesOn(session, conversation);
      session.loop.close(conversation);
    }
  };
  await session.watched(Promise.all(Array.from({ length: READERS }, (_, reader) => read(reader))));
  return answered;
}

async function abortFork(session: Session, from: string, random: Random): Promise<void> {
  const ran = session.scheduler.ranTokens(from);
  const fork = `${from}-fork`;
  session.loop.fork(fork, from, Math.floor(random() * (ran + 1)));
  // Both write behind what they share.
  const both = [abortOne(session, fork, random), abortOne(session, from, random)];
  if (random() < 0.5) await Promise.all(both);
  session.loop.close(fork);
  await Promise.allSettled(both);
}

/** Begins a turn and ends it early; returns how many tokens it had. */
async function abortOne(session: Session, conversation: string, random: Random): Promise<number> {
  const tokens = prompt(1 + Math.floor(random() * 90), Math.floor(random() * VOCAB));
  const sampling = random() < 0.2 ? { repetitionPenalty: 1.2 } : {};
  const [most, calls] = [Math.floor(random() * 12), Math.floor(random() * 40)];
  const byTokens = random() < 0.5;
  let turn = 0;
  let got = 0;
  const abort = () => session.loop.stop(turn, "abort");
  const told = session.turn(
    { conversation, tokens, output: tokensOf(200, sampling) },
    (begun) => {
      turn = begun;
      if (!byTokens) session.afterCalls(calls, abort);
      else if (most === 0) abort();
    },
    () => {
      got += 1;
      if (byTokens && got === most) queueMicrotask(abort);
    },
  );
  const { reason } = await told;
  expect(["abort", "length"]).toContain(reason);
  return got;
}

/** What was aborted goes on as if the same tokens had come at once. */
async function goesOn(session: Session, conversation: string): Promise<void> {
  const history = session.scheduler.history(conversation);
  const next = { tokens: prompt(7, 5), output: tokensOf(5) };
  const whole = `${conversation}-whole`;
  const [first, again] = await Promise.all([
    session.turn({ conversation, ...next }),
    session.turn({ conversation: whole, ...next, tokens: [...history, ...next.tokens] }),
  ]);
  expect(first.tokens).toEqual(again.tokens);
  session.loop.close(whole);
}
