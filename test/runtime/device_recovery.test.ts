import { afterAll, beforeAll, expect, test } from "vitest";
import { describeOnFirstAdapter } from "../harness/adapters.ts";
import { play, prompt, type Tale, tokensOf } from "./device_loss.ts";
import { codeOf } from "./fake_chat.ts";
import { type Fault, Session, type SessionOptions } from "./fault_harness.ts";
import { type DeviceId, Rig } from "./fault_rig.ts";

/** What becomes of turns while devices are lost for longer, or for good, and of what else was under way. */
describeOnFirstAdapter("while a device is lost", ({ summary: { name } }) => {
  let rig: Rig;
  let expected: Record<string, Tale>;
  beforeAll(async () => {
    rig = await Rig.open({ adapters: { p: name, d: name } });
    expected = await playAll({});
  });
  afterAll(() => rig.dispose());

  async function withSession<T>(options: SessionOptions, use: (session: Session) => Promise<T>): Promise<T> {
    const session = new Session(rig, options);
    try {
      return await session.watched(use(session));
    } finally {
      await session.end();
    }
  }

  const playAll = (options: SessionOptions, pause?: (session: Session) => Promise<void>) =>
    withSession(options, (session) => play(session, pause ? { pause: () => pause(session) } : {}));

  for (const victims of [["p"], ["d"], ["p", "d"]] as const) {
    const both = victims.join(" and ");

    test(`${both} lost in a pause: the next turns go on at once`, async () => {
      const lose = once((session) => {
        for (const id of victims) session.lose(id);
      });
      expect(await playAll({}, async (session) => lose(session))).toEqual(expected);
    });

    test(`${both} lost in a pause and opened again before it ends`, async () => {
      const before = rig.reopened;
      const lose = once((session) => {
        for (const id of victims) session.lose(id);
      });
      const pause = async (session: Session) => {
        lose(session);
        await expect.poll(() => rig.reopened - before).toBe(victims.length);
      };
      expect(await playAll({}, pause)).toEqual(expected);
    });

    test(`${both} lost again as soon as opened again, twice`, async () => {
      const deaths = new Map<DeviceId, number>();
      const recover: SessionOptions["recover"] = async (id, reopen) => {
        const slot = await reopen();
        deaths.set(id, (deaths.get(id) ?? 0) + 1);
        if ((deaths.get(id) ?? 0) < 3) slot.gpu.device.destroy();
        return slot;
      };
      expect(await playAll({ faults: [inDecode(victims)], recover })).toEqual(expected);
      expect([...deaths.values()]).toEqual(victims.map(() => 3));
    });

    test(`${both} lost for good after a while: turns go on elsewhere, or end with the typed error`, async () => {
      // When all others have done what they can.
      const recover = () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 300));
      if (victims.length === 1)
        expect(await playAll({ faults: [inDecode(victims)], recover })).toEqual(expected);
      else expect(await codeOf(playAll({ faults: [inDecode(victims)], recover }))).toBe("device-lost");
    });
  }

  test("when none comes back, every turn ends in the typed error, and so do later ones", async () => {
    await withSession({ recover: async () => undefined }, async (session) => {
      const turns = [0, 1, 2].map((n) =>
        codeOf(session.turn({ conversation: `c${n}`, tokens: prompt(60, n), output: tokensOf(30) })),
      );
      session.lose("p");
      session.lose("d");
      expect(await Promise.all(turns)).toEqual(["device-lost", "device-lost", "device-lost"]);
      const later = session.turn({ conversation: "later", tokens: [1], output: tokensOf(1) });
      expect(await codeOf(later)).toBe("device-lost");
    });
  });

  test("a turn that waits for a lost device can be aborted, and the conversation used again", async () => {
    let comeBack = () => {};
    const back = new Promise<void>((resolve) => (comeBack = resolve));
    const recover: SessionOptions["recover"] = async (_, reopen) => {
      await back;
      return reopen();
    };
    await withSession({ faults: [inDecode(["p", "d"])], recover }, async (session) => {
      let turn = 0;
      const input = { conversation: "c", tokens: prompt(40, 1), output: tokensOf(40) };
      const first = session.turn(input, (id) => (turn = id));
      await expect.poll(() => session.struck).toBe(true);
      await expect.poll(() => session.scheduler.snapshot().devices).toEqual([]);
      session.loop.stop(turn, "abort");
      const told = await first;
      expect(told.reason).toBe("abort");
      const waiting = session.turn({ conversation: "other", tokens: prompt(20, 1), output: tokensOf(4) });
      comeBack();
      expect((await waiting).tokens).toHaveLength(4);
      const again = await session.turn({ ...input, keep: 0, output: tokensOf(8) });
      const n = Math.min(8, told.tokens.length);
      expect(again.tokens.slice(0, n)).toEqual(told.tokens.slice(0, n));
    });
  });

  test("a save under way gives the tokens, if not the KV, and what is loaded from it goes on alike", async () => {
    const answer = (session: Session, conversation: string) =>
      session.turn({ conversation, tokens: prompt(9, 4), output: tokensOf(8) });
    const first = { conversation: "c", tokens: prompt(40, 1), output: tokensOf(6) };
    for (const moment of ["before", "behind"] as const) {
      const at: Fault["at"] = (id, call) => id === "d" && call.step === "export";
      const told = await withSession({ faults: [{ victims: ["d"], at, moment }] }, async (session) => {
        await session.turn(first);
        const saved = await session.loop.save("c");
        expect(saved.tokens).toHaveLength(45);
        session.loop.load("loaded", saved);
        return [await answer(session, "c"), await answer(session, "loaded")];
      });
      expect(told[1]?.tokens).toEqual(told[0]?.tokens);
    }
  });

  test("a load under way goes on from the tokens", async () => {
    const first = { conversation: "c", tokens: prompt(40, 1), output: tokensOf(6) };
    for (const moment of ["before", "behind"] as const) {
      let loading = false;
      const at: Fault["at"] = (id, call) => loading && id === "d" && call.step === "import";
      await withSession({ faults: [{ victims: ["d"], at, moment }] }, async (session) => {
        await session.turn(first);
        const saved = await session.loop.save("c");
        loading = true;
        session.loop.load("loaded", saved);
        const [there, here] = await Promise.all(
          ["loaded", "c"].map((conversation) =>
            session.turn({ conversation, tokens: prompt(9, 4), output: tokensOf(8) }),
          ),
        );
        expect(there?.tokens).toEqual(here?.tokens);
        expect(session.struck).toBe(true);
      });
    }
  });

  test("a session can be ended while its devices are being opened again", async () => {
    const before = rig.reopened;
    const turns = await withSession({ faults: [inDecode(["p", "d"])] }, async (session) => {
      const turn = codeOf(session.turn({ conversation: "c", tokens: prompt(40, 1), output: tokensOf(40) }));
      await expect.poll(() => session.struck).toBe(true);
      await expect.poll(() => session.scheduler.snapshot().devices).toEqual([]);
      return [turn];
    });
    expect(await Promise.all(turns)).toEqual(["disposed"]);
    expect(rig.reopened - before).toBe(2);
  });
});

/** The decoder answers, and the prefiller may still have prompts to run. */
function inDecode(victims: readonly DeviceId[]): Fault {
  return { victims, at: (id, { step }, nth) => id === "d" && step === "run" && nth === 5, moment: "behind" };
}

function once(act: (session: Session) => void): (session: Session) => void {
  let done = false;
  return (session) => {
    if (!done) act(session);
    done = true;
  };
}
