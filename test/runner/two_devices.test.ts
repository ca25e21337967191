import { expect, type TestContext, test } from "vitest";
import { TurnLoop } from "../../src/conversation/turn_loop.ts";
import type { TurnRequest } from "../../src/protocol/turn.ts";
import type { GpuRunner } from "../../src/runner/gpu_runner.ts";
import { type PolicyName, policies } from "../../src/scheduler/policies/table.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { describeOnEveryAdapter, isFullRun, otherAdapters, type TestGpu } from "../harness/adapters.ts";
import { type Random, seededRandom } from "../harness/random.ts";
import { openTestRunner } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { greedy } from "../scheduler/driver.ts";

/**
 * Many conversations at once over two real devices, in `exact`: turns, pauses, forks, and others that are aborted or closed at any
 * moment. Each has the tokens and logits, bit for bit, that it has alone.
 */

const CONVERSATIONS = 12;
const VOCAB = 500;
const model = writeTinyModel({ vocabTokens: VOCAB });

interface Script {
  readonly turns: readonly {
    readonly tokens: readonly number[];
    readonly maxTokens: number;
    readonly pauseMs: number;
  }[];
  /** After this turn a fork begins, which has the turns that are left as well. */
  readonly forkAfter: number | undefined;
}

function scriptOf(random: Random): Script {
  const count = 1 + Math.floor(random() * 6);
  const turns = Array.from({ length: count }, (_, turn) => {
    const length = Math.ceil((turn === 0 ? 120 : 20) * (0.2 + random()));
    return {
      tokens: Array.from({ length }, () => Math.floor(random() * VOCAB)),
      maxTokens: 1 + Math.floor(random() * 12),
      pauseMs: turn === 0 ? random() * 60 : random() * 20,
    };
  });
  const forkAfter = count > 2 && random() < 0.5 ? Math.floor(random() * (count - 1)) : undefined;
  return { turns, forkAfter };
}

/** A scheduler and its loop over the two runners, as long as `use` needs them. */
async function withLoop<T>(
  runners: readonly [GpuRunner, GpuRunner],
  policy: PolicyName,
  use: (loop: TurnLoop, scheduler: Scheduler) => Promise<T>,
): Promise<T> {
  const [prefiller, decoder] = runners;
  const scheduler = new Scheduler({
    devices: [
      { id: "p", role: "prefiller", limits: prefiller.limits },
      { id: "d", role: "decoder", limits: decoder.limits },
    ],
    policy: policies[policy],
    speculation: "off",
    // Who computed a block differs from run to run, and on unlike adapters its last bits do.
    sharesPrefixes: prefiller.name === decoder.name,
  });
  const loop = new TurnLoop(scheduler, new Map([["p", prefiller], ["d", decoder]])); // biome-ignore format: a pair
  try {
    return await use(loop, scheduler);
  } finally {
    await loop.dispose();
    scheduler.assertConsistent();
    expect(scheduler.snapshot().devices.map(({ blocks }) => blocks.used)).toEqual([0, 0]);
  }
}

const pause = (ms: number) => new Promise((later) => setTimeout(later, ms));

function turnOf(loop: TurnLoop, scheduler: Scheduler) {
  return async (conversation: string, tokens: readonly number[], output: TurnRequest["output"]) => {
    const got: number[] = [];
    const keep = scheduler.history(conversation).length;
    await new Promise<void>((resolve, failed) => {
      const token = (id: number) => void got.push(id);
      const logits = (_: number, rows: Float32Array) => void got.push(...rows);
      loop.start(
        { conversation, keep, tokens, output },
        { token, logits, finished: () => resolve(), failed },
      );
    });
    return got;
  };
}

/** All tokens of a conversation and its fork, and the logits behind both. */
async function play(loop: TurnLoop, scheduler: Scheduler, id: string, { turns, forkAfter }: Script) {
  const send = turnOf(loop, scheduler);
  const run = async (conversation: string, from: number): Promise<number[]> => {
    const got: number[] = [];
    for (const [at, { tokens, maxTokens, pauseMs }] of turns.slice(from).entries()) {
      await pause(pauseMs);
      const output = { kind: "tokens", sampling: greedy, maxTokens, endTokens: [], stopTokens: [] } as const;
      got.push(...(await send(conversation, tokens, output)));
      if (conversation === id && from + at === forkAfter) {
        loop.fork(`${id}-fork`, id);
        forked = run(`${id}-fork`, from + at + 1);
      }
    }
    got.push(...(await send(conversation, [1, 2, 3], { kind: "logits" })));
    return got;
  };
  let forked: Promise<number[]> | undefined;
  const own = await run(id, 0);
  return [own, (await forked) ?? []];
}

/** Conversations that nobody waits for: each is stopped or closed at some moment. */
async function noise(loop: TurnLoop, random: Random, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const conversation = `noise-${n}`;
    const tokens = Array.from({ length: 1 + Math.floor(random() * 90) }, () => Math.floor(random() * VOCAB));
    const output = {
      kind: "tokens",
      sampling: greedy,
      maxTokens: 30,
      endTokens: [],
      stopTokens: [],
    } as const;
    const ended = new Promise<void>((resolve) => {
      const turn = loop.start(
        { conversation, keep: 0, tokens, output },
        { finished: () => resolve(), failed: () => resolve() },
      );
      void pause(random() * 80).then(() => {
        if (random() < 0.5) loop.stop(turn, "abort");
        else loop.close(conversation);
      });
    });
    await ended;
    loop.close(conversation);
  }
}

async function check(
  runners: readonly [GpuRunner, GpuRunner],
  policy: PolicyName,
  seed: number,
): Promise<void> {
  const random = seededRandom(seed);
  const scripts = Array.from({ length: CONVERSATIONS }, () => scriptOf(random));
  const alone: number[][][] = [];
  for (const [at, script] of scripts.entries())
    alone.push(await withLoop(runners, policy, (loop, scheduler) => play(loop, scheduler, `c${at}`, script)));
  const together = await withLoop(runners, policy, async (loop, scheduler) => {
    const others = noise(loop, random, 15);
    const played = await Promise.all(scripts.map((script, at) => play(loop, scheduler, `c${at}`, script)));
    await others;
    if (policy === "conserve") {
      const own = scheduler.snapshot().conversations.filter(({ id }) => /^c\d+$/.test(id));
      expect(own.map(({ transfers }) => transfers)).toEqual(scripts.map(() => 1));
    }
    return played;
  });
  expect(together).toEqual(alone);
}

const open = (gpu: TestGpu, context: TestContext) =>
  openTestRunner(gpu, context, model, { kvMiB: 4, maxStepTokens: 48 });

describeOnEveryAdapter("two devices", (gpu) => {
  for (const policy of ["conserve", "baton", "per-turn"] as const) {
    test(`of one adapter, under ${policy}`, async (context) => {
      await check([await open(gpu, context), await open(gpu, context)], policy, 7);
    });
  }

  for (const other of isFullRun ? otherAdapters(gpu) : []) {
    test(`with ${other.summary.name} as the decoder, under conserve`, async (context) => {
      await check([await open(gpu, context), await open(other, context)], "conserve", 8);
    });
  }
});
