import { readFileSync } from "node:fs";
import { expect, type TestContext } from "vitest";
import { borrowDevice, type GpuDevice, openDevice } from "../../src/gpu/device.ts";
import { adapterClassOf } from "../../src/kernels/variants.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { sourceOf } from "../../src/loader/sources/byte_sources.ts";
import type { RowOutput, StepRow, TokenSampling } from "../../src/protocol/step.ts";
import type { GpuRunner } from "../../src/runner/gpu_runner.ts";
import { type OpenRunnerOptions, openRunner } from "../../src/runner/open_runner.ts";
import type { TestGpu } from "./adapters.ts";

export type RunnerOptions = Partial<Omit<OpenRunnerOptions, "gpu" | "file">>;

/** A real runner of a model file's bytes on the adapter under test; disposed when the test ends. */
export async function openTestRunner(
  gpu: TestGpu,
  context: TestContext,
  model: Uint8Array | URL,
  options: RunnerOptions = {},
  onDevice: (device: GPUDevice) => void = () => {},
): Promise<GpuRunner> {
  const device = await openDevice(await gpu.openAdapter(context));
  onDevice(device.device);
  return runnerOn(device, context, model, options);
}

/** The same with the kernels that a GPU gets: their whole way runs anywhere. */
export async function openGpuClassRunner(
  gpu: TestGpu,
  context: TestContext,
  model: Uint8Array | URL,
  options: RunnerOptions = {},
): Promise<GpuRunner> {
  const { adapter, summary } = await gpu.openAdapter(context);
  const device = await adapter.requestDevice();
  const borrowed = borrowDevice(device, { ...summary, software: false });
  expect(adapterClassOf(borrowed.capabilities)).toBe("gpu");
  return runnerOn(borrowed, context, model, options);
}

async function runnerOn(
  device: GpuDevice,
  context: TestContext,
  model: Uint8Array | URL,
  options: RunnerOptions,
): Promise<GpuRunner> {
  const bytes = new Uint8Array(model instanceof URL ? readFileSync(model) : model);
  const file = await openGguf(sourceOf(new Blob([bytes])));
  const runner = await openRunner({ gpu: device, file, precision: "exact", maxStepTokens: 64, ...options });
  context.onTestFinished(() => runner.dispose());
  return runner;
}

export const greedySampling: TokenSampling = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0,
  promptTokens: [],
  completionTokens: [],
};

let nextPlan = 0;

/** Runs rows as one step and returns, per row, its logits as one array per token. */
export async function logitsOf(
  runner: GpuRunner,
  rows: readonly Omit<StepRow, "output">[],
): Promise<Float32Array[][]> {
  const output: RowOutput = { kind: "logits" };
  const result = await runner.run({ id: nextPlan++, rows: rows.map((row) => ({ ...row, output })) });
  return result.rows.map((row) => {
    if (row.kind !== "logits") throw new Error(`a row came back as ${row.kind}`);
    const vocab = runner.limits.vocabTokens;
    return Array.from({ length: row.logits.length / vocab }, (_, at) =>
      row.logits.subarray(at * vocab, (at + 1) * vocab),
    );
  });
}

/** Logits after every token of a sequence prefilled in chunks of the given sizes (the last size repeats). */
export async function prefill(
  runner: GpuRunner,
  ids: readonly number[],
  blocks: readonly number[],
  chunks: readonly number[] = [runner.limits.maxLogitRows],
): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (let turn = 0; all.length < ids.length; turn++) {
    const size = chunks[Math.min(turn, chunks.length - 1)] ?? 1;
    const tokens = ids.slice(all.length, all.length + size);
    const [logits = []] = await logitsOf(runner, [{ sequence: "s", tokens, position: all.length, blocks }]);
    all.push(...logits);
  }
  return all;
}
