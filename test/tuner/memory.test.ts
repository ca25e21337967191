import { describe, expect, test } from "vitest";
import type { Precision } from "../../src/api.ts";
import type { KernelVariant } from "../../src/gpu/kernel.ts";
import { productKey } from "../../src/kernels/matmul_kernels.ts";
import { chooseKernels, TOKEN_RANGES } from "../../src/kernels/variants.ts";
import { noSettings } from "../../src/platform/settings.ts";
import { matmulTasks, replaceRanges } from "../../src/tuner/matmul_tasks.ts";
import { identityOf, recall, recallAll, remember, tunedKernels } from "../../src/tuner/memory.ts";
import type { TuningTask } from "../../src/tuner/task.ts";
import type { TuningIdentity } from "../../src/tuner/tuning.ts";
import { settingsInMemory } from "../harness/settings_in_memory.ts";
import { capabilities, everyChoice, tilesToTest } from "../kernels/choices.ts";
import { attention, choiceOf, implementation, nothing, products, tunable, tuningOf } from "./tunings.ts";

describe("what was found", () => {
  test("is there again for the same adapter, driver, implementation, class, model and code", async () => {
    const settings = settingsInMemory();
    const tuning = await tuningOf(tunable(), [choiceOf(tunable())]);
    expect(await remember(settings, tuning)).toBe(true);
    expect(await recall(settings, await identityOf({ ...tunable(), implementation }))).toEqual(tuning);
  });

  const other: readonly (readonly [
    string,
    (identity: TuningIdentity) => TuningIdentity | Promise<TuningIdentity>,
  ])[] = [
    ["adapter", () => identityOf({ ...tunable({ name: "Other GPU" }), implementation })],
    ["driver", () => identityOf({ ...tunable({ driver: "1.1" }), implementation })],
    ["implementation", () => identityOf({ ...tunable(), implementation: "dawn 2" })],
    ["model", () => identityOf({ ...tunable(), products: products.slice(1), implementation })],
    [
      "attention",
      () => identityOf({ ...tunable(), attention: { ...attention, headDim: 32 }, implementation }),
    ],
    ["numeric class", (identity) => ({ ...identity, precision: "fast" })],
    ["code", (identity) => ({ ...identity, code: `${identity.code}0` })],
  ];
  test.each(other)("is not taken for another %s", async (_, change) => {
    const settings = settingsInMemory();
    const tuning = await tuningOf(tunable(), [choiceOf(tunable())]);
    await remember(settings, tuning);
    expect(await recall(settings, await change(tuning.identity))).toBeUndefined();
  });

  test("has a code version that the candidates' shaders and numbers make", async () => {
    const [one, same, lanes] = await Promise.all([
      identityOf({ ...tunable(), implementation }),
      identityOf({ ...tunable(), products: products.toReversed(), implementation }),
      identityOf({ ...tunable(), choice: { ...tunable().choice, interleave: 64 }, implementation }),
    ]);
    expect(same).toEqual(one);
    expect(lanes.code).not.toBe(one.code);
  });

  test("is replaced by what a newer driver finds, and another adapter's stays", async () => {
    const settings = settingsInMemory();
    for (const change of [{ driver: "1.0" }, { driver: "1.1" }, { name: "Other GPU" }])
      await remember(settings, await tuningOf(tunable(change)));
    const found = await recallAll(settings);
    expect(found.map(({ identity }) => `${identity.adapter} ${identity.driver}`).toSorted()).toEqual([
      "Other GPU 1.0",
      "Some GPU 1.1",
    ]);
  });

  test("is as good as nothing when the note is damaged", async () => {
    const settings = settingsInMemory();
    const subject = tunable();
    const tuning = await tuningOf(subject, [choiceOf(subject)]);
    await remember(settings, tuning);
    const [name = ""] = settings.notes.keys();
    const damaged = [
      null,
      7,
      [],
      {},
      { ...tuning, identity: undefined },
      { ...tuning, identity: { ...tuning.identity, attention: undefined } },
      { ...tuning, choices: {} },
      { ...tuning, choices: [null] },
      { ...tuning, choices: [{ ...choiceOf(subject), chosen: "lanes" }] },
      { ...tuning, choices: [{ ...choiceOf(subject), candidates: [3] }] },
    ];
    for (const note of damaged) {
      settings.notes.set(name, JSON.stringify(note));
      expect(await recall(settings, tuning.identity)).toBeUndefined();
      expect(await recallAll(settings)).toEqual([]);
    }
  });

  test("is nothing where nothing is kept", async () => {
    const tuning = await tuningOf(tunable());
    expect(await remember(noSettings, tuning)).toBe(false);
    expect(await recall(noSettings, tuning.identity)).toBeUndefined();
  });
});

describe("the kernels that run", () => {
  test("are the chosen ones in their range, and the defaults elsewhere", async () => {
    const subject = tunable();
    const choice = choiceOf(subject);
    const { products: tuned } = tunedKernels(subject, await tuningOf(subject, [choice]));
    expect([...tuned.keys()]).toEqual([choice.key]);
    const tiles = tuned.get(choice.key) ?? [];
    expect(tiles[0]).toEqual({ upToTokens: 1, tile: choice.chosen });
    expect(tiles.slice(1)).toEqual(subject.choice.matmul.filter(({ upToTokens }) => upToTokens > 1));
  });

  test("are the defaults where nothing was found, and where the default won", async () => {
    const subject = tunable();
    expect(tunedKernels(subject, undefined)).toEqual(nothing);
    const choice = choiceOf(subject);
    const stays = { ...choice, chosen: choice.default, ratio: 1 };
    expect(tunedKernels(subject, await tuningOf(subject, [stays]))).toEqual(nothing);
  });

  test("are the defaults where a note names what is no candidate", async () => {
    const subject = tunable();
    const choice = choiceOf(subject);
    for (const chosen of [{ ...choice.chosen, tm: 99 }, { kernel: "none" }, {}]) {
      expect(tunedKernels(subject, await tuningOf(subject, [{ ...choice, chosen }]))).toEqual(nothing);
    }
  });

  test("are chosen among candidates that can run on the adapter, the default first", () => {
    for (const subgroupSize of [undefined, 8]) {
      const subject = tunable(subgroupSize === undefined ? {} : { subgroupSize });
      const tasks = matmulTasks(products, subject.choice, subject.gpu.capabilities);
      for (const { key, upToTokens, tiles, variants } of tasks) {
        expect(products.map(({ shape }) => productKey(shape))).toContain(key);
        const standard = subject.choice.matmul.find((ranked) => upToTokens <= ranked.upToTokens)?.tile;
        expect(tiles[0]).toEqual(standard);
        expect(new Set(tiles.map((tile) => JSON.stringify(tile))).size).toBe(tiles.length);
        expect(variants).toHaveLength(tiles.length);
      }
    }
  });
});

test("every candidate is one that the tests of the kernels run, in its class and its numeric class", () => {
  for (const named of everyChoice().filter(({ choice }) => choice.precision !== "exact")) {
    const tested = tilesToTest(named).map((tile) => ({ ...tile }));
    const tasks = matmulTasks(products, named.choice, named.capabilities);
    expect(tasks.length).toBeGreaterThan(0);
    for (const { tiles } of tasks) for (const tile of tiles) expect(tested).toContainEqual(tile);
  }
});

test("in fast, where lanes share nothing, candidates multiply integers or floats, each variant once", () => {
  const tasksIn = (precision: Precision) =>
    matmulTasks(products, chooseKernels(capabilities, precision), capabilities);
  const shadersOf = (task: TuningTask) =>
    new Set(task.variants.map((variant) => (variant as KernelVariant).shader));
  for (const task of tasksIn("fast")) {
    expect(shadersOf(task)).toEqual(new Set(["matmul_int8", "matmul_lanes"]));
    const variants = task.variants.map((variant) => JSON.stringify(variant));
    expect(new Set(variants).size).toBe(variants.length);
    for (const variant of variants) expect(variant).toContain('"int8_activations":true');
  }
  for (const task of tasksIn("default")) {
    const other = task.upToTokens <= 16 ? "matmul_split" : "matmul_tiled";
    expect(shadersOf(task)).toEqual(new Set(["matmul_lanes", other]));
  }
});

describe("ranges of tokens", () => {
  const defaults = [
    { upToTokens: 2, tile: "a" },
    { upToTokens: Number.POSITIVE_INFINITY, tile: "b" },
  ];
  const at = (ranked: readonly { readonly upToTokens: number; readonly tile: string }[], tokens: number) =>
    ranked.find(({ upToTokens }) => tokens <= upToTokens)?.tile;

  test("that nothing was found for keep their defaults to the token", () => {
    expect(replaceRanges(defaults, new Map())).toEqual(defaults);
  });

  test("take what was found, whatever the defaults' own ends are", () => {
    const ends = TOKEN_RANGES;
    for (let mask = 0; mask < 2 ** ends.length; mask++) {
      const found = new Map(ends.filter((_, bit) => mask & (1 << bit)).map((end) => [end, `of ${end}`]));
      const ranked = replaceRanges(defaults, found);
      for (const tokens of [1, 2, 3, 4, 5, 16, 17, 128, 4096]) {
        const range = ends.find((end) => tokens <= end) ?? 0;
        expect(at(ranked, tokens)).toBe(found.get(range) ?? at(defaults, tokens));
      }
      expect(ranked.at(-1)?.upToTokens).toBe(Number.POSITIVE_INFINITY);
    }
  });
});
