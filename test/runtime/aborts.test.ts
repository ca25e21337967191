import { expect, test } from "vitest";
import { describeOnFirstAdapter } from "../harness/adapters.ts";
import { abortMany } from "./aborts.ts";
import { play } from "./device_loss.ts";
import { Session } from "./fault_harness.ts";
import { Rig } from "./fault_rig.ts";

describeOnFirstAdapter("turns that are aborted at random moments", ({ summary: { name } }) => {
  test("leave nothing behind, and later ones answer as if there had been none", async () => {
    const rig = await Rig.open({ adapters: { p: name, d: name }, blocks: { p: 64, d: 64 } });
    const undisturbed = new Session(rig);
    const expected = await undisturbed.watched(play(undisturbed));
    await undisturbed.end();
    const session = new Session(rig, { policy: "baton", hostBlocks: 40 });
    expect(await abortMany(session, 150, 1)).toBeGreaterThan(50);
    expect(await session.watched(play(session))).toEqual(expected);
    await session.end();
    rig.dispose();
    expect(rig.liveBytes).toBe(0);
  });
});
