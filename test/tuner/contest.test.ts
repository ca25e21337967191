import { expect, test } from "vitest";
import { type Candidate, type ContestRules, contest } from "../../src/tuner/contest.ts";

/** A device whose clock runs only while it works. */
class FakeDevice {
  nowMs = 0;
  readonly measured: string[] = [];

  /** Its measurements are taken in turn from `ms`; the last one repeats. */
  candidate(
    name: string,
    ms: readonly number[],
    { compileMs = 1, wrong = false, fails = false } = {},
  ): Candidate {
    let at = 0;
    return {
      prepare: async () => {
        this.nowMs += compileMs;
        if (fails) throw new Error("no pipeline");
        return wrong ? "wrong-results" : "ready";
      },
      measure: async () => {
        const taken = ms[Math.min(at++, ms.length - 1)] ?? 0;
        this.measured.push(name);
        this.nowMs += taken;
        return taken;
      },
    };
  }

  rules(changes: Partial<ContestRules> = {}): ContestRules {
    return {
      now: () => this.nowMs,
      untilMs: 1000,
      compileLimitMs: 50,
      rest: async () => {},
      within: (work) => work,
      ...changes,
    };
  }
}

test("the quicker candidate is chosen, with its share of the default's time", async () => {
  const device = new FakeDevice();
  const candidates = [device.candidate("default", [10]), device.candidate("other", [8])];
  const { chosen, ratio, decided } = await contest(candidates, device.rules());
  expect({ chosen, ratio, decided }).toEqual({ chosen: 1, ratio: 0.8, decided: true });
});

test("a candidate that is hardly quicker leaves the default where it is", async () => {
  const device = new FakeDevice();
  const candidates = [device.candidate("default", [10]), device.candidate("other", [9.8])];
  expect(await contest(candidates, device.rules())).toMatchObject({ chosen: 0, ratio: 1, decided: true });
});

test("one lucky measurement decides nothing: the two meet again", async () => {
  const device = new FakeDevice();
  const candidates = [device.candidate("default", [10]), device.candidate("lucky", [5, 10])];
  const { chosen, entries } = await contest(candidates, device.rules());
  expect(chosen).toBe(0);
  expect(entries[1]?.ms).toBe(5);
});

test("who has the least time and loses most rounds is not chosen, and neither is who wins most by a hair", async () => {
  for (const other of [
    [9, 9, 9, 11, 11, 5, 11, 11],
    [9, 9, 9, 9.9, 9.9, 9.9, 9.9, 9.9],
  ]) {
    const device = new FakeDevice();
    const candidates = [device.candidate("default", [10]), device.candidate("other", other)];
    expect(await contest(candidates, device.rules())).toMatchObject({ chosen: 0, decided: true });
  }
});

test("a moment in which everything is slow hits all alike", async () => {
  const device = new FakeDevice();
  const busy = (ms: number) => [ms * 9, ms, ms * 7, ms, ms, ms * 5];
  const candidates = [device.candidate("default", busy(10)), device.candidate("other", busy(12))];
  expect((await contest(candidates, device.rules())).chosen).toBe(0);
});

test("measurements take turns, and another one is first each round", async () => {
  const device = new FakeDevice();
  const candidates = [device.candidate("a", [10]), device.candidate("b", [10]), device.candidate("c", [10])];
  await contest(candidates, device.rules());
  expect(device.measured.slice(0, 9).join("")).toBe("abcbcacab");
});

test("who is far behind is not measured again", async () => {
  const device = new FakeDevice();
  const candidates = [device.candidate("default", [10]), device.candidate("slow", [40])];
  const { entries } = await contest(candidates, device.rules());
  expect(device.measured.filter((name) => name === "slow")).toHaveLength(1);
  expect(entries[1]).toEqual({ outcome: "measured", ms: 40, compileMs: 1 });
});

test("a candidate with wrong results and one that does not work are never measured", async () => {
  const device = new FakeDevice();
  const candidates = [
    device.candidate("default", [10]),
    device.candidate("wrong", [1], { wrong: true }),
    device.candidate("broken", [1], { fails: true }),
  ];
  const { chosen, entries } = await contest(candidates, device.rules());
  expect(chosen).toBe(0);
  expect(entries.map(({ outcome }) => outcome)).toEqual(["not-measured", "wrong-results", "failed"]);
  expect(device.measured).toEqual([]);
});

test("a default that does not work is an error", async () => {
  const device = new FakeDevice();
  const candidates = [device.candidate("default", [10], { fails: true }), device.candidate("other", [1])];
  await expect(contest(candidates, device.rules())).rejects.toThrow("no pipeline");
});

test("a candidate that takes too long to compile is dropped, the default never", async () => {
  const device = new FakeDevice();
  const candidates = [
    device.candidate("default", [10], { compileMs: 60 }),
    device.candidate("slow", [1], { compileMs: 60 }),
  ];
  const { chosen, entries } = await contest(candidates, device.rules());
  expect(chosen).toBe(0);
  expect(entries.map(({ outcome }) => outcome)).toEqual(["not-measured", "slow-to-compile"]);
});

test("what is still compiling at its limit is waited for before anything is measured, but not beyond the end", async () => {
  const device = new FakeDevice();
  const waits: number[] = [];
  const within: ContestRules["within"] = async (work, ms) => {
    waits.push(ms);
    device.nowMs += ms;
    void work;
    return undefined;
  };
  const never: Candidate = { prepare: () => new Promise(() => {}), measure: async () => 1 };
  const { decided, chosen } = await contest(
    [device.candidate("default", [10]), never],
    device.rules({ within }),
  );
  // 1 ms for the default, then the limit, then all that is left.
  expect(waits).toEqual([50, 949]);
  expect({ decided, chosen }).toEqual({ decided: true, chosen: 0 });
});

test("when the time is up, the default stays and what was not reached says so", async () => {
  const device = new FakeDevice();
  const candidates = ["default", "b", "c"].map((name) => device.candidate(name, [10]));
  const { chosen, decided, entries } = await contest(candidates, device.rules({ untilMs: 2 }));
  expect({ chosen, decided }).toEqual({ chosen: 0, decided: false });
  expect(entries.map(({ outcome }) => outcome)).toEqual(["not-measured", "not-measured", "not-measured"]);
  expect(device.nowMs).toBe(2);
});

test("no measurement begins after the time is up", async () => {
  for (let untilMs = 1; untilMs < 200; untilMs += 7) {
    const device = new FakeDevice();
    const candidates = [device.candidate("default", [10]), device.candidate("other", [5])];
    const { chosen, decided } = await contest(candidates, device.rules({ untilMs }));
    expect(device.nowMs).toBeLessThan(untilMs + 10);
    expect(chosen).toBe(decided ? 1 : 0);
  }
});

test("it rests before every measurement and compilation, and ends when resting does", async () => {
  const device = new FakeDevice();
  let rests = 0;
  const rest = async () => {
    if (++rests === 6) throw new Error("never mind");
  };
  const candidates = [device.candidate("default", [10]), device.candidate("other", [8])];
  await expect(contest(candidates, device.rules({ rest }))).rejects.toThrow("never mind");
  expect(device.measured).toHaveLength(3);
});
