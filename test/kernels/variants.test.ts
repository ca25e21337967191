import { describe, expect, test } from "vitest";
import { DeviceError } from "../../src/errors.ts";
import { linkShader, type ShaderVariant } from "../../src/gpu/shader.ts";
import { attentionTileTokens, attentionVariant } from "../../src/kernels/attention.ts";
import { matmulKernels, matmulVariant } from "../../src/kernels/matmul_kernels.ts";
import { shaderSources } from "../../src/kernels/shaders.ts";
import { MAX_TILE_TOKENS, paddedTokens, tilesOf, tileTokensOf } from "../../src/kernels/variants.ts";
import { everyChoice, tilesToTest } from "./choices.ts";
import { epilogues } from "./matmul_case.ts";
import { layouts } from "./random_data.ts";

const choices = everyChoice();

/** One of those that differ in constants alone: they link alike. */
function matmulVariants(): ShaderVariant[] {
  const variants = choices.flatMap((named) =>
    tilesToTest(named).flatMap((tile) =>
      layouts.flatMap((layout) =>
        epilogues.map((epilogue) => matmulVariant(named.choice, tile, { layout, epilogue })),
      ),
    ),
  );
  return [...new Map(variants.map((one) => [JSON.stringify({ ...one, constants: {} }), one])).values()];
}

function attentionVariants(): ShaderVariant[] {
  return choices.flatMap(({ choice }) =>
    [16, 64, 80, 128].flatMap((headDim) => {
      const shape = { heads: 6, kvHeads: 2, headDim };
      const tokens = [1, attentionTileTokens(choice, shape)];
      const unlimited = { window: 0, softCap: 0 };
      const whole = tokens.map((tile) => attentionVariant(choice, shape, { tokens: tile }, unlimited, false));
      return choice.decodeAttention
        ? [...whole, attentionVariant(choice, shape, { tokens: 1 }, unlimited, true)]
        : whole;
    }),
  );
}

/** Links each different variant and says, for each of the shader's bindings, in how many of them it is. */
async function bindingsOf(variants: readonly ShaderVariant[]): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  const different = new Map(variants.map((variant) => [JSON.stringify(variant), variant]));
  for (const variant of different.values()) {
    const { bindings, wgsl } = await linkShader(shaderSources, variant);
    // A condition or import that was left standing is no WGSL.
    expect(wgsl).not.toMatch(/@if|@else|package::|constants::/);
    for (const { name } of bindings) found[name] = (found[name] ?? 0) + 1;
  }
  return { variants: different.size, ...found };
}

describe("every variant the tables can choose links", () => {
  test("of the matrix product: scales and bias where they are needed only", async () => {
    const all = matmulVariants();
    const { variants = 0, ...bindings } = await bindingsOf(all);
    expect(variants).toBeGreaterThan(100);
    const different = [...new Set(all.map((variant) => JSON.stringify(variant)))];
    const having = (condition: RegExp) => different.filter((variant) => condition.test(variant)).length;
    expect(bindings).toEqual({
      params: variants,
      count: variants,
      x: variants,
      weights: variants,
      y: variants,
      scales: having(/"q(4|8|8m)":true/),
      bias: having(/"bias":true/),
    });
  });

  test("of attention", async () => {
    const { variants = 0, ...bindings } = await bindingsOf(attentionVariants());
    for (const name of ["params", "tiles", "block_tables", "q", "keys", "values", "out"])
      expect(bindings[name]).toBe(variants);
    expect(bindings.part_results).toBe(bindings.part_stats);
    expect(bindings.part_stats).toBeLessThan(variants / 2);
  });
});

describe("the choice of kernels", () => {
  test("shares lanes exactly where the subgroup size is known", () => {
    expect(choices.map(({ choice }) => choice.lanes)).toEqual([8, 8, 8, 4, 4, 4, 0, 0, 0]);
  });

  test("has one variant of each product in exact, and 32-bit activations", () => {
    const exact = choices.filter(({ name }) => name.endsWith("exact"));
    expect(exact).toHaveLength(3);
    for (const { choice } of exact) {
      expect(choice.matmul).toHaveLength(1);
      expect(choice.decodeAttention).toBeUndefined();
      expect([choice.normed, choice.activations]).toEqual(["float", "float"]);
    }
  });

  test("stores what norms leave as pairs of int8 in fast alone, and multiplies integers where lanes share nothing", () => {
    for (const { choice } of choices) {
      expect(choice.normed === "int8").toBe(choice.precision === "fast");
      const integers = choice.matmul.filter(({ tile }) => tile.kernel === "int8");
      expect(integers).toHaveLength(
        choice.precision === "fast" && choice.lanes === 0 ? choice.matmul.length : 0,
      );
    }
  });

  test("multiplies floats where the weights are floats, or the activations halves", () => {
    const gpu = choices.find(({ choice }) => choice.precision === "fast" && choice.lanes === 0)?.choice;
    if (!gpu) throw new Error("there is a class without shared lanes");
    const tile = { kernel: "int8", tm: 1, tn: 2, workgroup: 32 } as const;
    const shaders = layouts.map((layout) =>
      epilogues.map((epilogue) => matmulVariant(gpu, tile, { layout, epilogue }).shader),
    );
    const [floats, integers] = ["matmul_lanes", "matmul_int8"];
    const quantised = [integers, integers, floats, integers];
    expect(shaders).toEqual([quantised, quantised, quantised, Array(4).fill(floats), Array(4).fill(floats)]);
  });

  test("has a tile for any number of tokens, and pads buffers to whole tiles", () => {
    for (const { choice } of choices) {
      for (let tokens = 1; tokens < 70; tokens++) {
        const tile = choice.matmul.find(({ upToTokens }) => tokens <= upToTokens)?.tile;
        if (!tile) throw new Error(`no tile takes ${tokens} tokens`);
        const tileTokens = matmulKernels[tile.kernel].tokens(tile);
        expect(paddedTokens(tokens)).toBeGreaterThanOrEqual(Math.ceil(tokens / tileTokens) * tileTokens);
      }
      expect(choice.matmul.at(-1)?.upToTokens).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test("has tiles that silu can pair, with whole bundles of rows to a workgroup", () => {
    for (const named of choices) {
      for (const { kernel, tn, workgroup } of tilesToTest(named)) {
        expect(tn % (kernel === "tiled" ? 4 : 2)).toBe(0);
        expect(workgroup % Math.max(2, named.choice.lanes)).toBe(0);
      }
    }
  });

  test("refuses attention that no workgroup memory holds", () => {
    const gpu = choices.find(({ choice }) => choice.lanes === 0)?.choice;
    if (!gpu) throw new Error("there is a class without shared lanes");
    expect(attentionTileTokens(gpu, { heads: 32, kvHeads: 8, headDim: 64 })).toBe(4);
    expect(attentionTileTokens(gpu, { heads: 32, kvHeads: 8, headDim: 256 })).toBeLessThan(4);
    expect(() => attentionTileTokens(gpu, { heads: 64, kvHeads: 1, headDim: 256 })).toThrow(DeviceError);
  });
});

test("the tokens that kernels take at once are those of the largest tile that products of many tokens have", () => {
  const product = { layout: "q4", epilogue: "store", rows: 64, groups: 2 } as const;
  for (const { choice } of choices) {
    const tiles = tilesOf(choice, product).map(({ tile }) => matmulKernels[tile.kernel].tokens(tile));
    expect(tileTokensOf(choice, [product])).toBe(tiles.at(-1));
    expect(MAX_TILE_TOKENS % tileTokensOf(choice, [product])).toBe(0);
  }
  expect(choices.map(({ choice }) => tileTokensOf(choice, [product]))).toContain(8);
});
