import { expect, test } from "vitest";
import { TurnLoop } from "../../src/conversation/turn_loop.ts";
import type { TurnRequest } from "../../src/protocol/turn.ts";
import { conserve } from "../../src/scheduler/policies/conserve.ts";
import { Scheduler, type SchedulerOptions } from "../../src/scheduler/scheduler.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { logitsOf, openTestRunner, prefill } from "../harness/runners.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { greedy } from "../scheduler/driver.ts";

/** KV blocks between the device and the host, between two devices, and within one: always the same bits. */
describeOnEveryAdapter("KV blocks", (gpu) => {
  const model = writeTinyModel({ layers: 3 });
  const ids = Array.from({ length: 40 }, (_, at) => (at * 37 + 11) % 500);

  test("what leaves one device enters another, whatever blocks it has there, and the next logits are the same bits", async (context) => {
    const [first, second] = [
      await openTestRunner(gpu, context, model, { kvMiB: 1 }),
      await openTestRunner(gpu, context, model, { kvMiB: 2 }),
    ];
    await prefill(first, ids, [5, 2, 3]);
    const probe = { sequence: "s", tokens: [7, 8], position: 40 };
    const blocks = [5, 2, 3];
    const expected = await logitsOf(first, [{ ...probe, blocks }]);
    const data = await first.exportBlocks(blocks);
    expect(data.byteLength).toBe(3 * first.limits.blockBytes);
    await second.importBlocks([9], data.subarray(0, first.limits.blockBytes));
    await second.importBlocks([1, 12], data.subarray(first.limits.blockBytes));
    expect(await logitsOf(second, [{ ...probe, blocks: [9, 1, 12] }])).toEqual(expected);
  });

  test("a plan copies blocks before its rows run", async (context) => {
    const runner = await openTestRunner(gpu, context, model, { kvMiB: 1 });
    await prefill(runner, ids, [0, 1, 2]);
    const row = { sequence: "s", position: 40, output: { kind: "logits" } } as const;
    const plain = await runner.run({ id: 1, rows: [{ ...row, tokens: [7], blocks: [0, 1, 2] }] });
    const copies = [
      { from: 2, to: 6 },
      { from: 0, to: 7 },
    ];
    const copied = await runner.run({ id: 2, copies, rows: [{ ...row, tokens: [7], blocks: [7, 1, 6] }] });
    expect(copied.rows).toEqual(plain.rows);
    const beyond = {
      id: 3,
      copies: [{ from: 0, to: 10_000 }],
      rows: [{ ...row, tokens: [7], blocks: [0, 1, 2] }],
    };
    await expect(runner.run(beyond)).rejects.toThrow(RangeError);
  });

  test("a conversation over a prefiller and a decoder has the logits of one device, forks included, after one handoff", async (context) => {
    const runners = [
      await openTestRunner(gpu, context, model, { kvMiB: 1 }),
      await openTestRunner(gpu, context, model, { kvMiB: 1 }),
    ] as const;
    const [{ limits }] = runners;
    const alone = await conversations(
      { devices: [{ id: "one", role: "both", limits }] },
      { one: runners[0] },
    );
    const apart = await conversations(
      {
        devices: [
          { id: "p", role: "prefiller", limits },
          { id: "d", role: "decoder", limits },
        ],
        policy: conserve,
      },
      { p: runners[0], d: runners[1] },
    );
    expect(apart.logits).toEqual(alone.logits);
    expect(apart.tokens).toEqual(alone.tokens);
    expect(apart.transfers).toEqual([1, 1, 1]);
  });
});

/** Three conversations of two turns at once, the first of them forked between its turns, and the logits after each. */
async function conversations(
  options: Omit<SchedulerOptions, "speculation">,
  runners: Readonly<Record<string, Awaited<ReturnType<typeof openTestRunner>>>>,
) {
  const scheduler = new Scheduler({ ...options, speculation: "off" });
  const loop = new TurnLoop(scheduler, new Map(Object.entries(runners)));
  const sent = async (conversation: string, tokens: readonly number[], output: TurnRequest["output"]) => {
    const got: number[] = [];
    const logits: number[] = [];
    const keep = scheduler.history(conversation).length;
    await new Promise<void>((finished, failed) => {
      const token = (id: number) => void got.push(id);
      const sink = { token, logits: (_: number, rows: Float32Array) => void logits.push(...rows), failed };
      loop.start({ conversation, keep, tokens, output }, { ...sink, finished: () => finished() });
    });
    return { got, logits };
  };
  const answer = { kind: "tokens", sampling: greedy, maxTokens: 12, endTokens: [], stopTokens: [] } as const;
  const probe = { kind: "logits" } as const;
  const prompts = [30, 70, 21].map((length, at) => Array.from({ length }, (_, n) => (n * 13 + at) % 500));
  const all = await Promise.all(
    prompts.map(async (prompt, at) => {
      const first = await sent(`c${at}`, prompt, answer);
      if (at === 0) loop.fork("fork", "c0", 37);
      const second = await sent(`c${at}`, [3, 4, 5], answer);
      return [first, second, await sent(`c${at}`, [6], probe)];
    }),
  );
  const fork = [await sent("fork", [3, 4, 5], answer), await sent("fork", [6], probe)];
  const ran = [...all.flat(), ...fork];
  const { conversations } = scheduler.snapshot();
  const transfers = conversations
    .filter(({ id }) => id !== "fork")
    .map((conversation) => conversation.transfers);
  await loop.dispose();
  expect(scheduler.snapshot().devices.map(({ blocks }) => blocks.used)).toEqual(options.devices.map(() => 0));
  return { tokens: ran.map(({ got }) => got), logits: ran.map(({ logits }) => logits), transfers };
}
