import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { openRandomModel } from "../../bench/random_model.ts";
import type { TensorPiece } from "../../src/loader/gguf.ts";
import { toFloat32 } from "../../src/loader/quantisation/pack_rows.ts";
import { readModelConfig } from "../../src/model/config.ts";
import { shapes } from "../../src/model/shapes.ts";

function open(name: string, seed: number) {
  const shape = shapes[name];
  if (!shape) throw new Error(`there is no shape ${name}`);
  return openRandomModel(name, shape, seed, new AbortController().signal);
}

async function read(seed: number, use: (piece: TensorPiece) => void) {
  const file = await open("tiny", seed);
  for await (const piece of file.pieces({ alignRows: 8 })) use(piece);
}

async function hash(seed: number) {
  const sha256 = createHash("sha256");
  await read(seed, ({ bytes }) => sha256.update(bytes));
  return sha256.digest("hex");
}

test("the seed decides the weights", async () => {
  expect(await hash(1)).toBe(await hash(1));
  expect(await hash(2)).not.toBe(await hash(1));
});

test("matrices have mean 0 and deviation 1 / sqrt(cols); gains are 1", async () => {
  await read(3, ({ tensor: { type, cols, name }, bytes }) => {
    const values = toFloat32(type, bytes);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    const isGain = type === "F32";
    expect(mean * Math.sqrt(cols), name).toBeCloseTo(isGain ? Math.sqrt(cols) : 0, 0);
    expect(Math.sqrt(variance * cols), name).toBeCloseTo(isGain ? 0 : 1, 0);
  });
});

/** As their cards on the hub count them; of the one that is no model, as its shape does. */
const parameters: Readonly<Record<string, number>> = {
  "tiny-15m": 32_000 * 288 + 6 * (2 * 288 * (288 + 96) + 3 * 288 * 768 + 2 * 288) + 288,
  "smollm2-135m": 134_515_008,
  "smollm2-360m": 361_821_120,
  "qwen2.5-0.5b": 494_032_768,
  "qwen3-0.6b": 596_049_920,
  "llama-3.2-1b": 1_235_814_400,
  "llama-3.1-8b": 8_030_261_248,
};

test.each(Object.keys(shapes).filter((name) => name !== "tiny"))(
  "the shape %s has its model's number of parameters",
  async (name) => {
    const file = await open(name, 0);
    expect(file.parameters).toBe(parameters[name]);
    expect(readModelConfig(file.metadata, 1).headDim).toBe(shapes[name]?.headDim);
    await file.close();
  },
);
