import { expect, test } from "vitest";
import type { CapacityError } from "../../src/errors.ts";
import { describeOnFirstAdapter } from "../harness/adapters.ts";
import { crowd } from "./capacity.ts";
import { prompt, tokensOf } from "./device_loss.ts";
import { Session } from "./fault_harness.ts";
import { type DeviceId, Rig } from "./fault_rig.ts";

/** KV pools of real devices that are too small: by one block, and by far. */
describeOnFirstAdapter("a KV pool", ({ summary: { name } }) => {
  const withBlocks = async <T>(
    blocks: Readonly<Record<DeviceId, number>>,
    use: (session: Session) => Promise<T>,
  ): Promise<T> => {
    const rig = await Rig.open({ adapters: { p: name, d: name }, blocks });
    const session = new Session(rig);
    const result = await session.watched(use(session));
    await session.end();
    rig.dispose();
    return result;
  };
  const answer = (session: Session) =>
    session.turn({ conversation: "long", tokens: prompt(100, 1), output: tokensOf(40) });
  /** Two turns beside it. */
  const others = async (session: Session) => {
    const told: (readonly number[])[] = [];
    for (const length of [20, 9])
      for (const conversation of ["a", "b"])
        told.push(
          (await session.turn({ conversation, tokens: prompt(length, 2), output: tokensOf(6) })).tokens,
        );
    return told;
  };

  test("that is too small for a conversation by one block refuses that and nothing else; with that block it runs", async () => {
    // 100 tokens and the 39 of the answer that run: nine blocks.
    const [refusal, besides] = await withBlocks({ p: 8, d: 8 }, (session) =>
      Promise.all([answer(session).catch((error: CapacityError) => error), others(session)]),
    );
    expect(refusal).toMatchObject({
      name: "CapacityError",
      code: "kv-full",
      fields: { conversation: "long", missing: 1, total: 8 },
    });
    expect(String(refusal)).toContain("kvMiB");
    const [whole, beside] = await withBlocks({ p: 9, d: 9 }, (session) =>
      Promise.all([answer(session), others(session)]),
    );
    expect(whole.tokens).toHaveLength(40);
    expect(besides).toEqual(beside);
  });

  test("that is too small for a prompt by one block says so before it begins", async () => {
    const ask = (length: number) => (session: Session) =>
      session.turn({ conversation: "c", tokens: prompt(length, 1), output: tokensOf(1) });
    const refusal = await withBlocks({ p: 8, d: 8 }, (session) =>
      ask(129)(session).catch((error: Error) => error),
    );
    expect(refusal).toMatchObject({ code: "prompt-too-long", fields: { missing: 1, total: 8 } });
    expect(String(refusal)).toMatch(/1 KV block is missing.*kvMiB/);
    expect((await withBlocks({ p: 8, d: 8 }, ask(128))).tokens).toHaveLength(1);
    expect((await withBlocks({ p: 9, d: 9 }, ask(129))).tokens).toHaveLength(1);
  });

  test("of one device that is too small by a block leaves the conversation to the other", async () => {
    const expected = (await withBlocks({ p: 9, d: 9 }, answer)).tokens;
    for (const blocks of [
      { p: 9, d: 6 },
      { p: 6, d: 9 },
    ])
      expect((await withBlocks(blocks, answer)).tokens).toEqual(expected);
  });

  test("for ten serves two hundred, who wait for their turn", async () => {
    const { mostWaiting, peak, blocks } = await crowd(name, { policy: "conserve" }, { compared: 10 });
    expect(mostWaiting).toBeGreaterThan(100);
    expect(peak).toBeLessThanOrEqual(blocks);
    expect(peak).toBeGreaterThan(blocks / 2);
  });
});
