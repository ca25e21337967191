import { describe, expect, test } from "vitest";
import { attentionCandidates, attentionKernel, attentionTileTokens } from "../../src/kernels/attention.ts";
import { chooseKernels } from "../../src/kernels/variants.ts";
import { attentionTasks } from "../../src/tuner/attention_tasks.ts";
import { identityOf, tunedKernels } from "../../src/tuner/memory.ts";
import { tuningTasks } from "../../src/tuner/tasks.ts";
import { everyChoice } from "../kernels/choices.ts";
import { attention, choiceOf, implementation, nothing, tunable, tuningOf } from "./tunings.ts";

describe("attention that runs", () => {
  test("is the chosen one in its range: tiles of one token, and of several", async () => {
    for (const subgroupSize of [undefined, 8]) {
      const subject = tunable(subgroupSize === undefined ? {} : { subgroupSize, software: true });
      const [decode, prefill] = attentionTasks(subject);
      const [single, several] = [choiceOf(subject, decode ? [decode] : []), choiceOf(subject, prefill ? [prefill] : [])]; // biome-ignore format: a pair
      expect(tunedKernels(subject, await tuningOf(subject, [single]))).toEqual({
        ...nothing,
        decodeAttention: single.chosen,
      });
      const both = tunedKernels(subject, await tuningOf(subject, [single, several]));
      expect(both).toEqual({ ...nothing, decodeAttention: single.chosen, attention: several.chosen });
      const { capabilities: known } = subject.gpu;
      expect(chooseKernels(known, "default", both)).toMatchObject({
        attention: several.chosen,
        decodeAttention: single.chosen,
      });
      expect(chooseKernels(known, "exact", both)).toEqual(chooseKernels(known, "exact"));
    }
  });

  test("is the default where that won, for other heads, and where a note names what is no candidate", async () => {
    const subject = tunable();
    const [task] = attentionTasks(subject);
    const choice = choiceOf(subject, task ? [task] : []);
    for (const change of [{ chosen: choice.default, ratio: 1 }, { key: "attention 8/8x64" }, { chosen: { ...choice.chosen, tokens: 99 } }]) // biome-ignore format: a list
      expect(tunedKernels(subject, await tuningOf(subject, [{ ...choice, ...change }]))).toEqual(nothing);
  });

  test("is chosen among candidates that run once each, the default first; long to compile are left out on software", () => {
    for (const { choice, capabilities: known } of everyChoice()) {
      const { software } = known;
      const { decode, prefill } = attentionCandidates(choice, attention, software);
      const own = attentionKernel(choice, choice.attention, attention);
      expect(prefill[0]).toEqual({ kernel: own, tokens: attentionTileTokens(choice, attention) });
      expect(decode.length).toBe(choice.precision === "exact" ? 0 : own === "lanes" && !software ? 6 : 3);
      for (const tiles of [decode, prefill])
        expect(new Set(tiles.map((tile) => JSON.stringify(tile))).size).toBe(tiles.length);
      for (const tile of prefill) expect(tile.tokens * 3).toBeLessThanOrEqual(software ? 12 : 16);
      if (own === "workgroup")
        expect(decode.concat(prefill).map(({ kernel }) => kernel)).not.toContain("lanes");
    }
  });

  test("is tuned before batches, and is part of the code's version", async () => {
    const subject = tunable();
    const families = tuningTasks(subject).map(({ family, upToTokens }) => `${family} ${upToTokens}`);
    expect(families.indexOf("attention 1")).toBeGreaterThan(families.indexOf("matmul Infinity"));
    expect(families.indexOf("attention Infinity")).toBeLessThan(families.indexOf("matmul 4"));
    const other = { ...subject, choice: { ...subject.choice, attention: { tokens: 1 } } };
    const [one, two] = await Promise.all(
      [subject, other].map((each) => identityOf({ ...each, implementation })),
    );
    expect(one?.code).not.toBe(two?.code);
  });
});
