import { expect, type TestContext, test } from "vitest";
import { type GpuDevice, openDevice } from "../../src/gpu/device.ts";
import { bufferUsage } from "../../src/gpu/usage.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { sourceOf } from "../../src/loader/sources/byte_sources.ts";
import { type OpenRunnerOptions, openRunner } from "../../src/runner/open_runner.ts";
import { describeOnEveryAdapter, type TestGpu } from "../harness/adapters.ts";
import { greedySampling, logitsOf, prefill } from "../harness/runners.ts";
import { type TinyModelOptions, writeTinyModel } from "../harness/tiny_model.ts";

const tiny: TinyModelOptions = { vocabTokens: 300, contextTokens: 64 };
const ids = Array.from({ length: 29 }, (_, n) => (n * 37 + 5) % 300);

const models: readonly (readonly [string, TinyModelOptions])[] = [
  ["tied, of three layers", { ...tiny, layers: 3 }],
  ["with biases and an output matrix of its own", { ...tiny, architecture: "qwen2", tied: false, ffn: 100 }],
  [
    "with normed heads and other layouts",
    { ...tiny, architecture: "qwen3", type: "Q8_0", embeddingType: "F16", tied: false },
  ],
];
/** Splits every large matrix of these models by rows, and the pool by layers. */
const SMALL_BINDING = 6144;

describeOnEveryAdapter("a runner", (gpu) => {
  for (const [name, options] of models) {
    test(`whose matrices and pool are split gives the very logits of one whose are not: ${name}`, async (context) => {
      const model = writeTinyModel(options);
      for (const precision of ["exact", "default"] as const) {
        const whole = await open(gpu, context, model, { precision });
        const split = await open(gpu, context, model, { precision }, SMALL_BINDING);
        const expected = await prefill(whole.runner, ids, [3, 1], [4]);
        const actual = await prefill(split.runner, ids, [0, 1], [4]);
        expect(split.count("weights/")).toBeGreaterThan(whole.count("weights/") + 2);
        expect(split.count("kv/")).toBeGreaterThan(1);
        expect(split.largest("weights/", "scales/", "kv/")).toBeLessThanOrEqual(SMALL_BINDING);
        expect(actual).toEqual(expected);
      }
    });
  }

  test("has no bytes left on the GPU after it was disposed of, or could not be opened", async (context) => {
    const model = writeTinyModel(tiny);
    const { runner, device } = await open(gpu, context, model, {});
    await prefill(runner, ids, [0, 1], [8]);
    expect(device.liveBytes).toBeGreaterThan(runner.weightBytes + runner.kvBytes);
    runner.dispose();
    expect(device.liveBytes).toBe(0);
    await expect(
      logitsOf(runner, [{ sequence: "s", tokens: [1], position: 0, blocks: [0] }]),
    ).rejects.toThrow();

    const other = await openDevice(await gpu.openAdapter(context));
    const file = await openGguf(sourceOf(new Blob([new Uint8Array(model)])));
    const options = { gpu: other, file, precision: "exact", maxStepTokens: 16, kvMiB: 0.0001 } as const;
    await expect(openRunner(options)).rejects.toMatchObject({ code: "adapter-limit" });
    expect(other.liveBytes).toBe(0);
  });

  test("refuses plans beyond its limits and goes on with the next", async (context) => {
    const { runner } = await open(gpu, context, writeTinyModel(tiny), { maxLogitRows: 4 });
    const row = { sequence: "s", tokens: [1], position: 0, blocks: [0] };
    for (const wrong of [
      { ...row, tokens: [300] },
      { ...row, tokens: [-1] },
      { ...row, blocks: [runner.limits.blocks] },
      { ...row, blocks: [-1] },
      { ...row, blocks: [] },
      { ...row, tokens: [1, 2, 3, 4, 5] },
      { ...row, tokens: [] },
    ])
      await expect(logitsOf(runner, [wrong]), JSON.stringify(wrong)).rejects.toThrow(RangeError);
    const [logits] = await logitsOf(runner, [row]);
    expect(logits?.[0]).toHaveLength(300);
  });

  test("answers each row of a mixed step by its kind", async (context) => {
    const { runner } = await open(gpu, context, writeTinyModel(tiny), {});
    const penalised = { ...greedySampling, presencePenalty: 0.5, completionTokens: [3] };
    const rows = [
      { sequence: "a", tokens: [1, 2], position: 0, blocks: [0], output: { kind: "none" } },
      {
        sequence: "b",
        tokens: [5, 6, 7],
        position: 0,
        blocks: [1],
        output: { kind: "token", sampling: greedySampling },
      },
      { sequence: "c", tokens: [5, 6, 7], position: 0, blocks: [2], output: { kind: "logits" } },
      {
        sequence: "d",
        tokens: [5, 6, 7],
        position: 0,
        blocks: [3],
        output: { kind: "token", sampling: penalised },
      },
    ] as const;
    const { rows: results } = await runner.run({ id: 0, rows });
    expect(results.map(({ kind }) => kind)).toEqual(["none", "token", "logits", "token"]);
    const [, greedy, scored, chosen] = results;
    if (scored?.kind !== "logits" || greedy?.kind !== "token" || chosen?.kind !== "token")
      throw new Error("kinds");
    expect(scored.logits).toHaveLength(900);
    const last = scored.logits.slice(600);
    expect(greedy.token).toBe(last.indexOf(Math.max(...last)));
    last[3] = (last[3] ?? 0) - 0.5;
    expect(chosen.token).toBe(last.indexOf(Math.max(...last)));
  });
});

/** A runner, its device, and the sizes of the buffers that were made for it by the first part of their label. */
async function open(
  gpu: TestGpu,
  context: TestContext,
  model: Uint8Array,
  options: Partial<OpenRunnerOptions>,
  maxBindingBytes?: number,
) {
  const device: GpuDevice = await openDevice(await gpu.openAdapter(context));
  // An adapter with a smaller limit than any there is: the planning sees it, and the sizes of the buffers show it. What is not
  // split, such as activations, would be refused under it and is let through.
  if (maxBindingBytes) {
    const usage = bufferUsage.storage | bufferUsage.copyDst | bufferUsage.copySrc;
    const createStorage = (label: string, bytes: number) => device.createBuffer(label, bytes, usage);
    Object.assign(device, { capabilities: { ...device.capabilities, maxBindingBytes }, createStorage });
  }
  const sizes: { label: string; size: number }[] = [];
  const create = device.device.createBuffer.bind(device.device);
  const spy = (descriptor: GPUBufferDescriptor) => {
    sizes.push({ label: descriptor.label ?? "", size: descriptor.size });
    return create(descriptor);
  };
  Object.defineProperty(device.device, "createBuffer", { value: spy });
  const file = await openGguf(sourceOf(new Blob([new Uint8Array(model)])));
  const runner = await openRunner({ gpu: device, file, precision: "exact", maxStepTokens: 16, ...options });
  context.onTestFinished(() => runner.dispose());
  const of = (prefixes: readonly string[]) =>
    sizes.filter(({ label }) => prefixes.some((prefix) => label.startsWith(prefix)));
  return {
    runner,
    device,
    count: (prefix: string) => of([prefix]).length,
    largest: (...prefixes: string[]) => Math.max(...of(prefixes).map(({ size }) => size)),
  };
}
