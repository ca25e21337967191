import { afterAll, beforeAll, expect, test } from "vitest";
import type { EvaluateRequest, Runtime } from "../../src/api.ts";
import { largest, logSumExp, TokenScores } from "../../src/metrics/token_scores.ts";
import { describeOnEveryAdapter } from "../harness/adapters.ts";
import { normals, seededRandom } from "../harness/random.ts";
import { codeOf } from "./fake_chat.ts";
import { openTiny } from "./tiny_runtime.ts";

describeOnEveryAdapter("evaluation", (gpu) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTiny({ adapter: gpu.summary.name, maxStepTokens: 48 });
  });
  afterAll(() => runtime.dispose());
  const ids = Array.from({ length: 75 }, (_, index) => (index * 37 + 11) % 600);

  test("gives the same in chunks of any size, to the bit in exact", async () => {
    const whole = await runtime.evaluate({ ids, top: 5, generate: 8 });
    expect(whole.logprobs).toHaveLength(ids.length);
    expect(whole.top.map((row) => row.length)).toEqual(ids.map(() => 5));
    for (const chunkTokens of [1, 7, 48]) {
      expect(await runtime.evaluate({ ids, top: 5, generate: 8, chunkTokens })).toEqual(whole);
    }
    expect(runtime.stats().kvBlocksUsed).toBe(0);
  });

  test("generates what its own scores call likeliest", async () => {
    const { generated } = await runtime.evaluate({ ids, top: 0, generate: 10 });
    const all = [...ids, ...generated.ids];
    const { top } = await runtime.evaluate({ ids: all, top: 1, generate: 0 });
    const likeliest = top.slice(ids.length - 1, -1).map((row) => row[0]?.[0]);
    expect(generated.ids).toEqual(likeliest);
    expect(generated.text).toBe(await runtime.tokenizer.decode(generated.ids));
  });

  test("the log-probabilities of all tokens at a position sum to one", async () => {
    const { top, logprobs, nll } = await runtime.evaluate({ ids: ids.slice(0, 9), top: 600, generate: 0 });
    for (const row of top) expect(row.reduce((sum, [, value]) => sum + Math.exp(value), 0)).toBeCloseTo(1, 9);
    for (const [at, row] of top.slice(0, -1).entries()) {
      expect(logprobs[at + 1]).toBe(row.find(([id]) => id === ids[at + 1])?.[1]);
    }
    const known = logprobs.filter((value) => value !== null);
    expect(nll).toBeCloseTo(-known.reduce((sum, value) => sum + value, 0) / known.length, 12);
  });

  test("runs beside conversations and other evaluations without a trace in either", async () => {
    const alone = await runtime.evaluate({ ids, top: 3, generate: 6 });
    const together = await Promise.all([1, 2, 3].map(() => runtime.evaluate({ ids, top: 3, generate: 6 })));
    for (const result of together) expect(result).toEqual(alone);
  });

  test("ends early when its signal says so", async () => {
    const controller = new AbortController();
    const request = { ids, top: 1, generate: 500, signal: controller.signal };
    const running = runtime.evaluate(request);
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    await expect(runtime.evaluate(request)).rejects.toThrow("enough");
    await expect.poll(() => runtime.stats().kvBlocksUsed).toBe(0);
  });

  test("refuses what it cannot evaluate", async () => {
    const request: EvaluateRequest = { ids, top: 1, generate: 0 };
    const code = (change: object) => codeOf(runtime.evaluate({ ...request, ...change }));
    expect(await code({ ids: [] })).toBe("empty-prompt");
    expect(await code({ ids: [1, 600] })).toBe("invalid-option");
    expect(await code({ ids: [1.5] })).toBe("invalid-option");
    expect(await code({ top: -1 })).toBe("invalid-option");
    expect(await code({ generate: Number.NaN })).toBe("invalid-option");
    expect(await code({ chunkTokens: 0 })).toBe("invalid-option");
    expect(await code({ ids: Array<number>(9000).fill(1) })).toBe("prompt-too-long");
  });
});

test("the largest values come in order, and of equal ones the first", () => {
  const values = Float32Array.from([1, 5, 5, -Infinity, 7, 0]);
  expect(largest(values, 3)).toEqual([4, 1, 2]);
  expect(largest(values, 0)).toEqual([]);
  expect(largest(values, 9)).toHaveLength(6);
  const random = Float32Array.from(normals(seededRandom(3), 500, 1));
  const sorted = [...random.keys()].sort((a, b) => (random[b] ?? 0) - (random[a] ?? 0) || a - b);
  expect(largest(random, 40)).toEqual(sorted.slice(0, 40));
});

test("the sum of exponentials neither overflows nor vanishes", () => {
  expect(logSumExp(Float32Array.of(1000, 1000))).toBeCloseTo(1000 + Math.log(2), 9);
  expect(logSumExp(Float32Array.of(-1000, -1000))).toBeCloseTo(-1000 + Math.log(2), 9);
});

test("scores do not depend on how the rows are cut", () => {
  const logits = Float32Array.from(normals(seededRandom(5), 4 * 10, 1));
  const [whole, cut] = [0, 1].map(() => new TokenScores([3, 1, 4, 1], 2, 10));
  whole?.add(0, logits);
  cut?.add(0, logits.slice(0, 10));
  cut?.add(1, logits.slice(10));
  expect(cut?.result()).toEqual(whole?.result());
});
