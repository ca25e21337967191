import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { openDevice } from "../../src/gpu/device.ts";
import { readModelConfig } from "../../src/model/config.ts";
import { KvPool, planKvPool } from "../../src/runner/kv_pool.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";

function configOf(layers: number, kvHeads: number, headDim: number, contextTokens = 8192) {
  const metadata = {
    "general.architecture": "llama",
    "llama.block_count": layers,
    "llama.context_length": contextTokens,
    "llama.embedding_length": kvHeads * headDim,
    "llama.feed_forward_length": 64,
    "llama.attention.head_count": kvHeads,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
  };
  return readModelConfig(metadata, 100);
}

const MIB = 2 ** 20;
const LIMIT = 128 * MIB;
const limits = (maxBindingBytes: number, maxBufferBytes = 4096 * MIB) => ({
  maxBindingBytes,
  maxBufferBytes,
});

describe("the plan of a KV pool", () => {
  test("holds four whole contexts by default", () => {
    const config = configOf(30, 3, 64, 2048);
    const plan = planKvPool(config, limits(LIMIT), undefined);
    expect(plan.blocks).toBe(512);
    // K and V, 3 heads of 64 dimensions, 2 bytes each, per token and layer.
    expect(plan.bytes).toBe(8192 * 30 * 2 * 3 * 64 * 2);
    // All 30 would be 180 MiB.
    expect(plan.layersPerBuffer).toBe(21);
  });

  test("holds at most 256 MiB by default, over as many buffers as the binding limit asks for", () => {
    const plan = planKvPool(configOf(28, 4, 128, 40_960), limits(LIMIT), undefined);
    expect(plan.bytes).toBeLessThanOrEqual(256 * MIB);
    expect(plan.bytes).toBeGreaterThan(255 * MIB - 2 * 16 * 28 * 4 * 128 * 2);
    expect(plan.layersPerBuffer).toBe(14);
  });

  test("holds 4,096 tokens by default where these take more than that", () => {
    const plan = planKvPool(configOf(28, 8, 128, 40_960), limits(LIMIT), undefined);
    expect(plan.blocks).toBe(4096 / 16);
    expect(plan.bytes).toBe(448 * MIB);
    expect(plan.layersPerBuffer).toBe(8);
  });

  test("takes no more than half of the largest buffer by default", () => {
    const config = configOf(30, 3, 64);
    expect(planKvPool(config, limits(LIMIT, 100 * MIB), undefined).bytes).toBeLessThanOrEqual(50 * MIB);
    expect(planKvPool(config, limits(LIMIT, 100 * MIB), 80).bytes).toBeGreaterThan(79 * MIB);
  });

  test("keeps to what was asked for and to the binding limit, and wastes no block", () => {
    const shape = fc.record({
      layers: fc.integer({ min: 1, max: 40 }),
      kvHeads: fc.integer({ min: 1, max: 16 }),
      headDim: fc.constantFrom(16, 64, 128),
      kvMiB: fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined }),
      limitKiB: fc.integer({ min: 16, max: 1 << 18 }),
    });
    fc.assert(
      fc.property(shape, ({ layers, kvHeads, headDim, kvMiB, limitKiB }) => {
        const limit = limitKiB * 1024;
        const layerBytes = 2 * 16 * kvHeads * headDim * 2;
        const bytes = kvMiB ? kvMiB * MIB : Math.max(256 * MIB, 256 * layerBytes * layers);
        const wanted = Math.floor(bytes / (layerBytes * layers));
        const possible = Math.min(
          wanted,
          Math.floor(limit / layerBytes),
          kvMiB === undefined ? 4 * 512 : Infinity,
        );
        const plan = () => planKvPool(configOf(layers, kvHeads, headDim), limits(limit), kvMiB);
        if (possible < 1) {
          expect(plan).toThrow(DeviceError);
          return;
        }
        const { blocks, layersPerBuffer, layerWords, bytes: planned } = plan();
        expect(layerWords * 4).toBe(layerBytes);
        expect(blocks).toBe(possible);
        expect(planned).toBe(blocks * layers * layerBytes);
        expect(planned).toBeLessThanOrEqual(bytes);
        expect(blocks * layersPerBuffer * layerBytes).toBeLessThanOrEqual(limit);
        expect(layersPerBuffer).toBeGreaterThanOrEqual(1);
        expect(layersPerBuffer).toBeLessThanOrEqual(layers);
      }),
      { numRuns: 500 },
    );
  });

  test("is refused with a typed error where not one block fits", () => {
    const config = configOf(30, 3, 64);
    const codes = [
      () => planKvPool(config, limits(1024), undefined),
      () => planKvPool(config, limits(LIMIT), 0.1),
    ].map((plan) => {
      try {
        return plan();
      } catch (error) {
        return error instanceof DeviceError && error.code;
      }
    });
    expect(codes).toEqual(["adapter-limit", "adapter-limit"]);
  });
});

describeOnEveryAdapter("a KV pool", (gpu) => {
  test("gives each layer a part of its own in every block, over several buffers", async (context) => {
    const device = await openDevice(await gpu.openAdapter(context));
    context.onTestFinished(() => device.destroy());
    const config = configOf(5, 2, 16);
    const layerBytes = 2 * 16 * 2 * 16 * 2;
    const shape = planKvPool(config, limits(7 * layerBytes * 2), 5 * 7 * (layerBytes / MIB));
    expect(shape).toMatchObject({ blocks: 7, layersPerBuffer: 2 });
    const pool = new KvPool(device, config, shape);
    expect(device.liveBytes).toBe(shape.bytes);
    const layers = [0, 1, 2, 3, 4].map((index) => pool.layer(index));
    expect(new Set(layers.map(({ buffer }) => buffer)).size).toBe(3);
    const taken = new Map<GPUBuffer, Set<number>>();
    for (const { buffer, layerWord, blockWords } of layers) {
      const words = taken.get(buffer) ?? new Set<number>();
      taken.set(buffer, words);
      for (let block = 0; block < shape.blocks; block++) {
        for (let word = 0; word < shape.layerWords; word++) {
          const at = block * blockWords + layerWord + word;
          expect(words.has(at)).toBe(false);
          words.add(at);
        }
      }
      expect(Math.max(...words)).toBeLessThan(buffer.size / 4);
    }
    for (const [buffer, words] of taken) expect(words.size).toBe(buffer.size / 4);
    expect(() => pool.layer(6)).toThrow(RangeError);
  });
});
