import { expect, test } from "vitest";
import { chooseCases } from "../../bench/cases.ts";
import { openRandomModel } from "../../bench/random_model.ts";
import { modelWork, workOf } from "../../bench/work.ts";
import { readModelConfig } from "../../src/model/config.ts";
import { shapes } from "../../src/model/shapes.ts";

const model = {
  layerBytes: 1000,
  headBytes: 100,
  layerMacs: 50,
  headMacs: 20,
  kvBytes: 4,
  kvMacs: 2,
};

function work(id: string, maxStepTokens = 256) {
  const [one] = chooseCases(id);
  if (!one) throw new Error(`there is no case ${id}`);
  return workOf(one, model, maxStepTokens);
}

test("prefill reads the weights once a chunk, the head once, and meets each pair of tokens once", () => {
  expect(work("prefill-512")).toEqual({
    bytes: 2 * 1000 + 100 + (256 + 512) * 4,
    macs: 512 * 50 + 20 + ((512 * 513) / 2) * 2,
  });
});

test("decode reads weights and head every step, and each sequence its own cache", () => {
  const context = 16 * 128 + (16 * 17) / 2;
  const one = { bytes: 16 * 1100 + context * 4, macs: 16 * 70 + context * 2 };
  expect(work("decode-context-128")).toEqual(one);
  expect(work("batch-4")).toEqual({ bytes: 16 * 1100 + 4 * context * 4, macs: 4 * one.macs });
});

test("a model's sizes come from its matrices, tied or not", async () => {
  for (const [name, matrices] of [
    ["smollm2-135m", 1],
    ["llama-3.1-8b", 2],
  ] as const) {
    const shape = shapes[name];
    if (!shape) throw new Error(name);
    const file = await openRandomModel(name, shape, 0, new AbortController().signal);
    const { layerMacs, headMacs, headBytes, layerBytes } = modelWork(
      readModelConfig(file.metadata, shape.vocab),
      file.tensors,
    );
    expect(headMacs).toBe(shape.vocab * shape.hidden);
    // Beside matrices there are only gains.
    const gains = (2 * shape.layers + 1) * shape.hidden;
    expect(layerMacs + matrices * headMacs + gains).toBe(file.parameters);
    // Q8_0 takes 34 bytes for 32 values, Q4_1 20.
    expect(headBytes).toBe((headMacs * 34) / 32);
    expect(layerBytes).toBe((layerMacs * 20) / 32 + 2 * shape.layers * shape.hidden * 4);
    await file.close();
  }
});
