import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import {
  describeOnEveryAdapter,
  describeOnFirstAdapter,
  isFirst,
  otherAdapters,
} from "../harness/adapters.ts";
import { seededRandom } from "../harness/random.ts";
import { abortMany } from "./aborts.ts";
import { crowd } from "./capacity.ts";
import { LOSSES, play, playAll } from "./device_loss.ts";
import { type Fault, Session } from "./fault_harness.ts";
import { type DeviceId, Rig } from "./fault_rig.ts";

/** Faults on real devices at length: losses at random moments and on unlike adapters, crowds with and without host memory, a thousand aborts. */
describeOnEveryAdapter("faults", (gpu) => {
  const { name } = gpu.summary;

  const [first, ...others] = ["conserve", "baton", "per-turn", "collocated"] as const;
  for (const policy of isFirst(gpu) ? [first, ...others] : [first])
    test(`losses at random moments leave every stream as it would be, under ${policy}`, async () => {
      const rig = await Rig.open({ adapters: { p: name, d: name } });
      const expected = await playAll(rig, { policy });
      for (let seed = 1; seed <= (isFirst(gpu) ? 4 : 2); seed++) {
        const hostBlocks = seed % 2 === 0 ? 64 : 0;
        const told = await playAll(rig, { policy, faults: randomFaults(seed), hostBlocks });
        expect(told, `seed ${seed}`).toEqual(expected);
      }
      rig.dispose();
    });

  for (const other of otherAdapters(gpu))
    test(`each device can be lost beside one of ${other.summary.name}`, async () => {
      const rig = await Rig.open({ adapters: { p: name, d: other.summary.name } });
      // KV that is built again is built elsewhere, perhaps on the other adapter, whose last bits differ.
      const tokensOf = async (options: ConstructorParameters<typeof Session>[1] = {}) =>
        Object.entries(await playAll(rig, options)).map(([id, { tokens }]) => [id, tokens]);
      const expected = await tokensOf();
      for (const [n, at] of Object.values(LOSSES).entries()) {
        const victims = n % 2 === 0 ? (["d"] as const) : (["p"] as const);
        expect(await tokensOf({ faults: [{ victims, at, moment: "behind" }] })).toEqual(expected);
      }
      rig.dispose();
    });
});

describeOnFirstAdapter("at length", ({ summary: { name } }) => {
  test("two hundred conversations in a pool for ten all have their answers, parked or dropped", async () => {
    const dropped = await crowd(name, { policy: "baton" });
    expect(dropped).toMatchObject({ parks: 0, hostPeak: 0 });
    const parked = await crowd(name, { policy: "baton", hostBlocks: 120 });
    expect(parked.parks).toBeGreaterThan(0);
    for (const { mostWaiting } of [dropped, parked]) expect(mostWaiting).toBeGreaterThan(100);
  });

  test("a thousand aborts leave nothing behind", async () => {
    const rig = await Rig.open({ adapters: { p: name, d: name }, blocks: { p: 64, d: 64 } });
    const expected = await playAll(rig, {});
    for (const policy of ["baton", "conserve"] as const) {
      const session = new Session(rig, { policy, hostBlocks: 40 });
      expect(await abortMany(session, 100, 1)).toBeGreaterThan(30);
      const before = await memoryMiB();
      const { liveBytes } = rig;
      expect(await abortMany(session, 400, 2)).toBeGreaterThan(120);
      expect(session.loop.stagedBytes).toBe(0);
      expect((await memoryMiB()) - before).toBeLessThan(4);
      // Staging buffers grow to the largest step and copy that there was.
      expect(rig.liveBytes - liveBytes).toBeLessThan(2 ** 20);
      expect(await session.watched(play(session))).toEqual(expected);
      await session.end();
    }
    rig.dispose();
    expect(rig.liveBytes).toBe(0);
  });
});

/** Up to four losses, each at some call to the devices. */
function randomFaults(seed: number): readonly Fault[] {
  const random = seededRandom(seed);
  const pick = <T>(...from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0];
  return Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const due = 1 + Math.floor(random() * 80);
    return {
      victims: pick<readonly DeviceId[]>(["p"], ["d"], ["p", "d"]),
      at: (_device, _call, _nth, all) => all >= due,
      moment: pick("before", "behind"),
    };
  });
}

/** JavaScript's memory after what is unreachable has gone; buffers go only after the finalizers of a collection. */
async function memoryMiB(): Promise<number> {
  setFlagsFromString("--expose-gc");
  for (let n = 0; n < 3; n++) {
    runInNewContext("gc")();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}
