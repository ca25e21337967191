import { describe, expect, test } from "vitest";
import { describeOnEveryAdapter, isFullRun, runsGpuKernels } from "../harness/adapters.ts";
import { openGpuClassRunner, openTestRunner, prefill } from "../harness/runners.ts";
import { loadTiny, tinyNames } from "../harness/tiny_reference.ts";

/**
 * Bounds on the largest difference of a logit from transformers' in 32-bit floats. The checkpoints' logits spread over about
 * ±10; a K or V rounded to 16 bits (every class) moves them by a few thousandths, activations rounded as well by a few hundredths
 * (those of `fast` are no coarser).
 */
const bounds = { exact: 0.02, default: 0.05, fast: 0.05 } as const;

describeOnEveryAdapter("logits of tiny random checkpoints", (gpu) => {
  for (const name of tinyNames()) {
    const reference = loadTiny(name);
    const ways = [
      { precision: "exact", kernels: "", open: openTestRunner, chunks: undefined },
      { precision: "default", kernels: "", open: openTestRunner, chunks: undefined },
      // Of each number of tokens that a GPU has a tile for.
      { precision: "default", kernels: " as on a GPU", open: openGpuClassRunner, chunks: [20, 1, 3, 9] },
      { precision: "fast", kernels: " as on a GPU", open: openGpuClassRunner, chunks: [20, 1, 3, 9] },
      // Products of shared lanes differ from those of default in how they read activations only.
      ...(isFullRun
        ? ([{ precision: "fast", kernels: "", open: openTestRunner, chunks: undefined }] as const)
        : []),
    ] as const;
    const run = ways.filter(({ kernels }) => kernels === "" || runsGpuKernels(gpu.summary));
    for (const { precision, kernels, open, chunks } of run) {
      test(`${name} (${reference.about}) agrees with transformers in ${precision}${kernels}`, async (context) => {
        const runner = await open(gpu, context, reference.gguf, { precision, maxStepTokens: 96 });
        let worst = 0;
        for (const { ids, positions, logits } of reference.sequences) {
          const ours = await prefill(runner, ids, [3, 1, 4, 0, 2, 5, 6], chunks);
          for (const [row, position] of positions.entries()) {
            const [expected, actual] = [logits[row] ?? [], ours[position] ?? []];
            for (const [id, value] of expected.entries()) {
              worst = Math.max(worst, Math.abs(value - (actual[id] ?? Number.NaN)));
            }
          }
        }
        expect(worst).toBeLessThan(bounds[precision]);
      });
    }
  }
});

describe("the checkpoints", () => {
  test("cover every architecture", () => {
    expect(new Set(tinyNames().map((name) => name.split("_")[0]))).toEqual(
      new Set(["llama", "qwen2", "qwen3"]),
    );
  });
});
