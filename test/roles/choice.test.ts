import { describe, expect, test } from "vitest";
import type { AdapterSummary } from "../../src/platform/platform.ts";
import { byRates, type Candidate, chooseRoles, describeChoice } from "../../src/roles/choice.ts";

const adapter = (name: string, software = false): AdapterSummary => ({
  name,
  vendor: "",
  architecture: "",
  driver: "1",
  software,
});

/** In G multiply-adds a second and GB a second. */
const candidate = (name: string, prefill?: number, decode?: number, software = false): Candidate => ({
  adapter: adapter(name, software),
  rates:
    prefill === undefined || decode === undefined
      ? undefined
      : { macsPerSecond: prefill * 1e9, bytesPerSecond: decode * 1e9 },
});

const rolesOf = (choice: ReturnType<typeof byRates>) =>
  choice?.devices.map(({ adapter: name, role }) => `${name} ${role}`);
const choose = ([first, ...others]: readonly Candidate[]) => {
  if (first === undefined) throw new RangeError("no candidate");
  return chooseRoles(first, others);
};

const llvmpipe = candidate("llvmpipe", 14, 3, true);
const swiftShader = candidate("SwiftShader", 1.3, 0.3, true);

describe("what adapters say of themselves decides without a measurement", () => {
  test.each([
    [[candidate("A")], "A both", /no other adapter/],
    [[candidate("A"), llvmpipe, swiftShader], "A both", /the only GPU/],
    [[llvmpipe], "llvmpipe both", /no other adapter/],
    [[llvmpipe, swiftShader], "llvmpipe both", /no GPU.*same CPU/],
    // However quick another software adapter is.
    [[llvmpipe, candidate("Other", 40, 30, true)], "llvmpipe both", /same CPU/],
    [[candidate("A"), candidate("B")], "A both", /not been measured/],
  ])("%j: %s", (candidates, role, why) => {
    const choice = choose(candidates);
    expect(rolesOf(choice)).toEqual([role]);
    expect(choice.why).toMatch(why);
  });
});

describe("of two GPUs", () => {
  test("the one with more arithmetic beside its memory prefills, in whatever order they come", () => {
    const [discrete, integrated] = [candidate("Discrete", 800, 250), candidate("Integrated", 150, 90)];
    const roles = ["Discrete prefiller", "Integrated decoder"];
    expect(rolesOf(choose([discrete, integrated]))).toEqual(roles);
    expect(rolesOf(choose([integrated, discrete]))).toEqual(roles);
  });

  test("the slower one decodes where its memory is the better half of it, and prefills where its arithmetic is", () => {
    expect(rolesOf(choose([candidate("A", 800, 200), candidate("B", 300, 180)]))).toEqual([
      "A prefiller",
      "B decoder",
    ]);
    expect(rolesOf(choose([candidate("A", 800, 800), candidate("B", 400, 180)]))).toEqual([
      "B prefiller",
      "A decoder",
    ]);
  });

  test("one that is much slower at both gets no role, and one that is much slower at one alone gets the other", () => {
    const fast = candidate("Fast", 1000, 400);
    const left = choose([fast, candidate("Slow", 240, 90)]);
    expect(rolesOf(left)).toEqual(["Fast both"]);
    expect(left.why).toBe("Slow is 4.2 times slower at prefill and 4.4 times at decode");
    expect(rolesOf(choose([fast, candidate("Wide", 100, 110)]))).toEqual(["Fast prefiller", "Wide decoder"]);
  });

  test("one that could not be measured gets no role", () => {
    const choice = choose([candidate("A", 10, 10), candidate("B")]);
    expect(rolesOf(choice)).toEqual(["A both"]);
    expect(choice.why).toBe("B has not been measured");
  });

  test("software adapters beside them count for nothing", () => {
    const choice = choose([candidate("A", 20, 2), candidate("B", 10, 2), llvmpipe]);
    expect(rolesOf(choice)).toEqual(["A prefiller", "B decoder"]);
  });
});

test("of more GPUs one prefills, and the others decode", () => {
  const choice = choose([
    candidate("A", 10, 10),
    candidate("B", 9, 5),
    candidate("C", 5, 4),
    candidate("D", 1, 1),
  ]);
  expect(rolesOf(choice)).toEqual(["B prefiller", "C decoder", "A decoder"]);
  expect(choice.why).toMatch(/D is 10.0 times slower/);
});

test("figures alone leave a slow software adapter out as they do a GPU", () => {
  expect(rolesOf(byRates([llvmpipe, swiftShader]))).toEqual(["llvmpipe both"]);
  expect(byRates([candidate("A"), candidate("B")])).toBeUndefined();
});

test("a choice reads as a sentence with its figures", () => {
  const { devices, why } = choose([candidate("A", 800, 200), candidate("B", 300, 9.5)]);
  expect(describeChoice(devices, why)).toBe(
    "B to prefill, A to decode: beside the other, each does best there " +
      "(B prefill 300 G multiply-adds/s, decode 9.50 GB/s; A prefill 800 G multiply-adds/s, decode 200 GB/s).",
  );
  const alone = choose([llvmpipe]);
  expect(describeChoice(alone.devices, alone.why)).toBe(
    "llvmpipe for prefill and decode: there is no other adapter.",
  );
});
