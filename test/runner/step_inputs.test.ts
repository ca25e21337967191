import { expect, test } from "vitest";
import { openDevice } from "../../src/gpu/device.ts";
import { RopeTable } from "../../src/model/rope.ts";
import type { StepPlan } from "../../src/protocol/step.ts";
import { StepInputs } from "../../src/runner/step_inputs.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";
import { greedySampling } from "../harness/runners.ts";

const capacity = {
  tokens: 32,
  rows: 4,
  logitRows: 16,
  tableEntries: 64,
  blockTokens: 16,
  tileTokens: 4,
  partKeys: 32,
};
const table = new RopeTable({ base: 10_000, dims: 4, linearFactor: 1 }, undefined);

const unfed = () => {
  throw new Error("nothing is fed here");
};

const plan: StepPlan = {
  id: 1,
  rows: [
    {
      sequence: "chunk",
      tokens: [11, 12, 13, 14, 15, 16],
      position: 14,
      blocks: [5, 2],
      output: { kind: "none" },
    },
    {
      sequence: "decode",
      tokens: [21],
      position: 40,
      blocks: [9, 0, 7],
      output: { kind: "token", sampling: { ...greedySampling, temperature: 0.5, seed: 77 } },
    },
    { sequence: "scored", tokens: [31, 32], position: 0, blocks: [4], output: { kind: "logits" } },
  ],
};

describeOnEveryAdapter("the inputs of a step", (gpu) => {
  test("say each token's slot, tile and turn, and which rows want logits", async (context) => {
    const inputs = await make(gpu, context, true);
    inputs.upload(plan, unfed);
    expect(inputs.counts).toEqual({
      tokens: 9,
      singleTiles: 1,
      singleParts: 2,
      tiles: 3,
      logitRows: 3,
      keys: 20 + 41 + 2,
      keyPairs: (15 + 20) * 3 + 41 + (1 + 2),
    });
    expect(used(inputs.tokens, 9)).toEqual([11, 12, 13, 14, 15, 16, 21, 31, 32]);
    expect(used(inputs.slots, 9)).toEqual([
      ...[14, 15].map((slot) => 5 * 16 + slot),
      ...[0, 1, 2, 3].map((slot) => 2 * 16 + slot),
      7 * 16 + 8,
      4 * 16,
      4 * 16 + 1,
    ]);
    expect(used(inputs.blockTables, 6)).toEqual([5, 2, 9, 0, 7, 4]);
    // First token, tokens, first position, where the block table begins.
    expect(used(inputs.tiles, 12)).toEqual([0, 4, 14, 0, 4, 2, 18, 0, 7, 2, 0, 5]);
    expect(used(inputs.singleTiles, 4)).toEqual([6, 1, 40, 2]);
    expect(used(inputs.logitRows, 3)).toEqual([6, 7, 8]);
    expect(new Float32Array(inputs.sampling.view.buffer)[0]).toBe(0.5);
    expect(used(inputs.sampling, 4).slice(1, 3)).toEqual([77, 40]);
    expect([inputs.tokenCount.view[0], inputs.logitCount.view[0]]).toEqual([9, 3]);
    const turn = new Float32Array(4);
    table.write(turn, 0, 40);
    expect([...inputs.rope.view.subarray(6 * 4, 7 * 4)]).toEqual([...turn]);
  });

  test("put single tokens among the other tiles where there is one variant", async (context) => {
    const inputs = await make(gpu, context, false);
    inputs.upload(plan, unfed);
    expect(inputs.counts).toMatchObject({ tokens: 9, singleTiles: 0, singleParts: 1, tiles: 4 });
    expect(used(inputs.tiles, 16).slice(8, 12)).toEqual([6, 1, 40, 2]);
  });

  test("begin anew with each step", async (context) => {
    const inputs = await make(gpu, context, true);
    inputs.upload(plan, unfed);
    const second = plan.rows.slice(1, 2);
    inputs.upload({ id: 2, rows: second }, unfed);
    expect(inputs.counts).toMatchObject({ tokens: 1, singleTiles: 1, tiles: 0, logitRows: 1, keys: 41 });
    expect(used(inputs.singleTiles, 4)).toEqual([0, 1, 40, 0]);
    expect(used(inputs.blockTables, 3)).toEqual([9, 0, 7]);
  });

  test("are refused when a position has no block", async (context) => {
    const inputs = await make(gpu, context, true);
    const [row] = plan.rows;
    if (!row) throw new Error("the plan has rows");
    expect(() => inputs.upload({ id: 3, rows: [{ ...row, blocks: [5] }] }, unfed)).toThrow(
      "no block for position 16",
    );
  });
});

async function make(gpu: TestGpu, context: Parameters<TestGpu["openAdapter"]>[0], singleTiles: boolean) {
  const device = await openDevice(await gpu.openAdapter(context));
  context.onTestFinished(() => device.destroy());
  return new StepInputs(device, { ...capacity, singleTiles }, table);
}

function used({ view }: { readonly view: Uint32Array }, length: number): number[] {
  return [...view.subarray(0, length)];
}
