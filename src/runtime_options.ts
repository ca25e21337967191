import type {
  DeviceOptions,
  ObserveOptions,
  Precision,
  RuntimeOptions,
  Speculation,
  TuneOptions,
} from "./api.ts";
import {
  checkFunction,
  checkNumber,
  checkObject,
  checkOptionalNumber,
  checkSignal,
  checkText,
  invalidOption,
} from "./conversation/option_checks.ts";
import type { DeviceRole } from "./protocol/device.ts";
import { policies } from "./scheduler/policies/table.ts";

const DEFAULT_MAX_STEP_TOKENS = 256;
const DEFAULT_HOST_KV_MIB = 256;
const MOST_DEVICES = 16;
const ROLES: readonly DeviceRole[] = ["prefiller", "decoder", "both"];

/** Runtime options, checked, with the defaults that do not depend on the model or the adapter. */
export type CheckedRuntimeOptions = RuntimeOptions &
  Required<Pick<RuntimeOptions, "precision" | "maxStepTokens" | "speculation" | "hostKvMiB">>;

/** @throws InputError `invalid-option` */
export function checkRuntimeOptions(options: RuntimeOptions): CheckedRuntimeOptions {
  checkObject("options", options);
  checkModel(options.model);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkTune(options.tune ?? "never");
  if (options.adapter !== undefined) checkText("adapter", options.adapter);
  if (options.device !== undefined) checkDevice(options.device);
  checkDevices(options);
  if (options.policy !== undefined) checkPolicy(options.policy);
  if (options.platform !== undefined) checkObject("platform", options.platform);
  checkThread(options);
  checkModelsUrl(options);
  checkOptionalNumber("kvMiB", options.kvMiB, { above: 0, max: 2 ** 20 });
  const { maxStepTokens = DEFAULT_MAX_STEP_TOKENS } = options;
  checkNumber("maxStepTokens", maxStepTokens, { min: 1, max: 4096, integer: true });
  checkOptionalNumber("maxLogitRows", options.maxLogitRows, { min: 1, max: 4096, integer: true });
  const { hostKvMiB = DEFAULT_HOST_KV_MIB } = options;
  checkNumber("hostKvMiB", hostKvMiB, { min: 0, max: 2 ** 20 });
  const speculation = checkSpeculation(options.speculation ?? "auto");
  return {
    ...options,
    maxStepTokens,
    hostKvMiB,
    speculation,
    precision: checkPrecision(options.precision ?? "default"),
  };
}

function checkModel(model: unknown): void {
  const isSource = model instanceof URL || model instanceof Blob || model instanceof ReadableStream;
  if (isSource || (typeof model === "string" && model.trim() !== "")) return;
  throw invalidOption("model", model, "a name, a path, a URL, a File, a Blob or a ReadableStream");
}

function checkThread({ thread, workerUrl }: RuntimeOptions): void {
  if (thread !== undefined && thread !== "worker" && thread !== "page")
    throw invalidOption("thread", thread, `"worker" or "page"`);
  if (workerUrl !== undefined && !(workerUrl instanceof URL)) checkText("workerUrl", workerUrl);
}

function checkModelsUrl({ modelsUrl, platform }: RuntimeOptions): void {
  if (modelsUrl === undefined) return;
  if (!(modelsUrl instanceof URL)) checkText("modelsUrl", modelsUrl);
  if (platform !== undefined)
    throw invalidOption("modelsUrl", modelsUrl, "given to your own platform, and not beside it");
}

function checkDevice(device: unknown): void {
  checkObject("device", device);
  const { queue } = device as Partial<GPUDevice>;
  if (queue === undefined) throw invalidOption("device", device, "a GPUDevice");
}

function checkDevices({ devices, adapter, device }: RuntimeOptions): void {
  if (devices === undefined) return;
  if (devices !== "auto" && (!Array.isArray(devices) || devices.length < 1 || devices.length > MOST_DEVICES))
    throw invalidOption("devices", devices, `"auto" or an array of 1 to ${MOST_DEVICES} devices`);
  if (adapter !== undefined || device !== undefined)
    throw invalidOption("devices", devices, "given alone: without adapter or device beside it");
  if (devices === "auto") return;
  for (const [index, one] of devices.entries()) checkDeviceOptions(`devices[${index}]`, one);
  for (const [index, { device, kvMiB }] of devices.entries()) {
    const same = device && devices.find((one: DeviceOptions) => one.device === device);
    if (same && same.kvMiB !== kvMiB)
      throw invalidOption(`devices[${index}].kvMiB`, kvMiB, `${same.kvMiB}: one GPUDevice has one KV pool`);
  }
}

function checkDeviceOptions(name: string, options: DeviceOptions): void {
  checkObject(name, options);
  const { role, adapter, device, kvMiB } = options;
  if (role !== undefined && !ROLES.includes(role))
    throw invalidOption(`${name}.role`, role, `"prefiller", "decoder" or "both"`);
  if (adapter !== undefined) checkText(`${name}.adapter`, adapter);
  if (device !== undefined) checkDevice(device);
  checkOptionalNumber(`${name}.kvMiB`, kvMiB, { above: 0, max: 2 ** 20 });
}

function checkPolicy(policy: string): void {
  if (!Object.hasOwn(policies, policy))
    throw invalidOption("policy", policy, `one of ${Object.keys(policies).join(", ")}`);
}

/** @throws InputError `invalid-option` */
export function checkTuneOptions(options: TuneOptions): TuneOptions {
  checkObject("options", options);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkOptionalNumber("budgetMs", options.budgetMs, { above: 0, max: 3_600_000 });
  if (options.device !== undefined && typeof options.device !== "string")
    throw invalidOption("device", options.device, "the id of a device");
  return options;
}

/** @throws InputError `invalid-option` */
export function checkObserveOptions(listener: unknown, options: ObserveOptions): ObserveOptions {
  if (typeof listener !== "function") throw invalidOption("listener", listener, "a function");
  checkObject("options", options);
  checkOptionalNumber("kvEveryMs", options.kvEveryMs, { min: 10, max: 3_600_000 });
  return options;
}

function checkTune(tune: unknown): void {
  if (tune !== "never" && tune !== "idle") throw invalidOption("tune", tune, `"never" or "idle"`);
}

function checkSpeculation(speculation: unknown): Speculation {
  if (speculation === "auto" || speculation === "off") return speculation;
  throw invalidOption("speculation", speculation, `"auto" or "off"`);
}

function checkPrecision(precision: unknown): Precision {
  if (precision === "exact" || precision === "default" || precision === "fast") return precision;
  throw invalidOption("precision", precision, `"exact", "default" or "fast"`);
}
