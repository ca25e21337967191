import { type GpuDevice, openDevice } from "../src/gpu/device.ts";
import { shapes } from "../src/model/shapes.ts";
import { openAdapter } from "../src/platform/node/gpu.ts";
import type { OnProgress } from "../src/protocol/progress.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { openRunner } from "../src/runner/open_runner.ts";
import { checkRuntimeOptions } from "../src/runtime_options.ts";
import type { FirstTokenJob } from "./first_token_child.ts";
import { openRandomModel } from "./random_model.ts";

/** A runner of random weights as `createRuntime` makes one of a file. @throws RangeError, DeviceError */
export async function openRandomRunner(
  { model, seed, adapter, precision }: FirstTokenJob,
  onProgress: OnProgress,
): Promise<{ readonly gpu: GpuDevice; readonly runner: GpuRunner }> {
  const shape = shapes[model];
  if (!shape) throw new RangeError(`there is no shape ${model}`);
  const gpu = await openDevice(await openAdapter(adapter === undefined ? {} : { name: adapter }));
  const file = await openRandomModel(model, shape, seed, new AbortController().signal);
  const { maxStepTokens } = checkRuntimeOptions({ model });
  const runner = await openRunner({ gpu, file, precision, maxStepTokens, onProgress });
  return { gpu, runner };
}
