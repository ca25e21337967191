import { afterAll, beforeAll, expect, test } from "vitest";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { LOSSES, playAll, type Tale } from "./device_loss.ts";
import { Rig } from "./fault_rig.ts";

/**
 * Two real devices, of which one or both are lost at chosen moments: every stream goes on with its next token, and the logits are the
 * same bits as in a run where nothing was lost.
 */
describeOnEveryAdapter("a device that is lost", ({ summary: { name } }) => {
  let rig: Rig;
  let expected: Record<string, Tale>;
  beforeAll(async () => {
    rig = await Rig.open({ adapters: { p: name, d: name } });
    expected = await playAll(rig, {});
  });
  afterAll(() => rig.dispose());

  for (const [what, at] of Object.entries(LOSSES))
    for (const [victims, moment] of [
      [["p"], "behind"],
      [["d"], "behind"],
      [["p", "d"], "before"],
    ] as const)
      test(`${victims.join(" and ")} ${moment} ${what}`, async () => {
        const before = rig.reopened;
        expect(await playAll(rig, { faults: [{ victims, at, moment }] })).toEqual(expected);
        expect(rig.reopened - before).toBe(victims.length);
      });

  test("under baton, with conversations parked in host memory", async () => {
    for (const at of [LOSSES["a chunk of a first prompt"], LOSSES["a step of answers"]])
      expect(
        await playAll(rig, {
          policy: "baton",
          hostBlocks: 64,
          faults: [{ victims: ["d"], at, moment: "behind" }],
        }),
      ).toEqual(expected);
  });
});
