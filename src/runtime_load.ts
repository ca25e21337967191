import type { ModelInfo, RuntimeOptions } from "./api.ts";
import { type GgufFile, openGguf } from "./loader/gguf.ts";
import { broadcast } from "./loader/sources/broadcast.ts";
import { sourceOf } from "./loader/sources/byte_sources.ts";
import { TensorTable, vocabOf } from "./model/tensor_table.ts";
import type { Platform } from "./platform/platform.ts";
import type { ByteSource } from "./protocol/bytes.ts";
import type { DeviceSpec } from "./protocol/device.ts";
import type { OnProgress, Progress } from "./protocol/progress.ts";
import type { GpuRunner } from "./runner/gpu_runner.ts";
import { openRunners } from "./runner/open_runner.ts";
import { triedOut } from "./runner/try_out.ts";
import { type OpenedDevices, type RuntimeDevice, thatWork } from "./runtime_devices.ts";
import type { CheckedRuntimeOptions } from "./runtime_options.ts";
import { recallKernels } from "./runtime_tuner.ts";
import type { ChatTemplate } from "./text/chat.ts";
import type { Tokenizer } from "./text/tokenizer.ts";
import type { Tunable } from "./tuner/task.ts";

/** Where the model's bytes come from. @throws as `Platform.resolveModel` */
export async function openSource(options: CheckedRuntimeOptions, platform: Platform): Promise<ByteSource> {
  const { model, onProgress, signal } = options;
  if (model instanceof Blob || model instanceof ReadableStream) return sourceOf(model);
  return platform.resolveModel(model, { ...(onProgress && { onProgress }), ...(signal && { signal }) });
}

export interface LoadedDevice extends RuntimeDevice {
  readonly runner: GpuRunner;
  /** Where several unlike devices were tried out. */
  readonly prefillMsPerToken?: number;
}

/** As the scheduler knows it. */
export function specOf({ id, role, pool, runner, prefillMsPerToken }: LoadedDevice): DeviceSpec {
  const tried = prefillMsPerToken === undefined ? {} : { prefillMsPerToken };
  return { id, role, pool, limits: runner.limits, ...tried };
}

export interface Loaded {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly file: GgufFile;
  readonly devices: readonly [LoadedDevice, ...LoadedDevice[]];
  /** Why these devices, as the end of a sentence. */
  readonly why: string;
}

/** Puts the model on every device, once where several are one GPU; reads the source to its end, once for all of them. @throws ModelError, DeviceError; the signal's reason */
export async function load(
  options: CheckedRuntimeOptions,
  opened: OpenedDevices,
  source: ByteSource,
  platform: Platform,
): Promise<Loaded> {
  const { signal, onProgress } = options;
  // A third of the library, and nothing that has to be there before the file's header is.
  const text = Promise.all([import("./text/tokenizer.ts"), import("./text/chat.ts")]);
  const gpus = [...new Set(opened.devices.map(({ gpu }) => gpu))];
  const opening = broadcast(source, gpus.length).map((one) => openGguf(one, { signal }));
  const files = await all(opening);
  try {
    const [header] = files;
    if (header === undefined) throw new Error("A runtime without devices.");
    const [{ createTokenizer }, { createChatTemplate }] = await text;
    const tokenizer = createTokenizer(header.metadata, vocabOf(new TensorTable(header)));
    const template = createChatTemplate(header.metadata, tokenizer);
    const report = onProgress ? combined(onProgress) : () => undefined;
    const loads = gpus.map(async (gpu, index) => {
      const file = files[index] ?? header;
      const devices = opened.devices.filter((device) => device.gpu === gpu);
      try {
        return await loadDevices(options, devices, file, platform, report(index));
      } finally {
        // A device that failed must not keep the file from the others.
        await file.close();
      }
    });
    const loading = opened.devices.map(async (device) =>
      loadedOf(device, await loads[gpus.indexOf(device.gpu)]),
    );
    const names = opened.devices.map(({ gpu }) => gpu.summary.name);
    const { devices, why } = thatWork(names, await Promise.allSettled(loading), opened);
    signal?.throwIfAborted();
    const [first, ...others] = await triedOut(devices);
    if (first === undefined) throw new Error("A runtime without devices.");
    const file = files[gpus.indexOf(first.gpu)] ?? header;
    return { tokenizer, template, file, devices: [first, ...others], why };
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Puts the model on one device more, as `load` did; nobody watches. @throws as `load` */
export async function loadAgain(
  options: CheckedRuntimeOptions,
  device: RuntimeDevice,
  platform: Platform,
): Promise<LoadedDevice> {
  try {
    const { onProgress: _, ...quietly } = options;
    const file = await openGguf(await openSource(quietly, platform), { signal: options.signal });
    try {
      return loadedOf(device, await loadDevices(quietly, [device], file, platform, undefined));
    } finally {
      await file.close();
    }
  } catch (error) {
    device.gpu.destroy();
    throw error;
  }
}

/** Devices that are one GPU: they share the weights and the KV pool. */
async function loadDevices(
  { precision, maxStepTokens, maxLogitRows }: CheckedRuntimeOptions,
  devices: readonly RuntimeDevice[],
  file: GgufFile,
  platform: Platform,
  onProgress: OnProgress | undefined,
): Promise<readonly LoadedDevice[]> {
  const [first] = devices;
  if (first === undefined) return [];
  const { gpu, kvMiB } = first;
  const given = {
    ...(kvMiB !== undefined && { kvMiB }),
    ...(maxLogitRows !== undefined && { maxLogitRows }),
    ...(onProgress && { onProgress }),
    tuned: (tunable: Tunable) => recallKernels(tunable, platform),
  };
  const runners = await openRunners({ gpu, file, precision, maxStepTokens, ...given }, devices.length);
  return runners.flatMap((runner, at) => {
    const device = devices[at];
    return device ? [{ ...device, runner }] : [];
  });
}

function loadedOf({ id }: RuntimeDevice, loaded: readonly LoadedDevice[] = []): LoadedDevice {
  const found = loaded.find((device) => device.id === id);
  if (found === undefined) throw new Error(`${id} was not loaded.`);
  return found;
}

/** All results; when one fails, the others have ended too before that is said. */
async function all<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

export function modelInfo(
  model: RuntimeOptions["model"],
  source: ByteSource,
  file: GgufFile,
  { config, limits, weightBytes }: GpuRunner,
): ModelInfo {
  const last = file.tensors.at(-1);
  return {
    name: modelName(typeof model === "string" || model instanceof URL ? String(model) : source.name),
    architecture: config.architecture.name,
    parameters: file.parameters,
    contextTokens: limits.contextTokens,
    vocabTokens: limits.vocabTokens,
    fileBytes: source.bytes ?? (last === undefined ? 0 : last.offset + last.bytes),
    weightBytes,
  };
}

/** A catalogue's name as it is; of a path or a URL, the file's name. */
function modelName(model: string): string {
  const [path = ""] = model.split(/[?#]/);
  return (
    path
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.gguf$/i, "") || model
  );
}

/** The progress of several devices as one: for each phase, what all that have begun it have done together. */
function combined(onProgress: OnProgress): (device: number) => OnProgress {
  const last = new Map<Progress["phase"], Map<number, Progress>>();
  return (device) => (progress) => {
    const { phase } = progress;
    const all = last.get(phase) ?? new Map<number, Progress>();
    last.set(phase, all.set(device, progress));
    const sum = (of: (one: Progress) => number | undefined) =>
      [...all.values()].reduce((total, one) => total + (of(one) ?? Number.NaN), 0);
    const total = sum((one) => one.total);
    onProgress({
      ...progress,
      done: sum(({ done }) => done),
      total: Number.isNaN(total) ? undefined : total,
    });
  };
}
