import type { Precision, RuntimeOptions, Speculation, TuneOptions } from "./api.ts";
import {
  checkFunction,
  checkNumber,
  checkObject,
  checkOptionalNumber,
  checkSignal,
  checkText,
  invalidOption,
} from "./conversation/option_checks.ts";

const DEFAULT_MAX_STEP_TOKENS = 256;

/** Runtime options, checked, with the defaults that do not depend on the model or the adapter. */
export type CheckedRuntimeOptions = RuntimeOptions &
  Required<Pick<RuntimeOptions, "precision" | "maxStepTokens" | "speculation">>;

/** @throws InputError `invalid-option` */
export function checkRuntimeOptions(options: RuntimeOptions): CheckedRuntimeOptions {
  checkObject("options", options);
  checkModel(options.model);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkTune(options.tune ?? "never");
  if (options.adapter !== undefined) checkText("adapter", options.adapter);
  if (options.device !== undefined) checkDevice(options.device);
  if (options.platform !== undefined) checkObject("platform", options.platform);
  checkOptionalNumber("kvMiB", options.kvMiB, { above: 0, max: 2 ** 20 });
  const { maxStepTokens = DEFAULT_MAX_STEP_TOKENS } = options;
  checkNumber("maxStepTokens", maxStepTokens, { min: 1, max: 4096, integer: true });
  checkOptionalNumber("maxLogitRows", options.maxLogitRows, { min: 1, max: 4096, integer: true });
  const speculation = checkSpeculation(options.speculation ?? "auto");
  return {
    ...options,
    maxStepTokens,
    speculation,
    precision: checkPrecision(options.precision ?? "default"),
  };
}

function checkModel(model: unknown): void {
  const isSource = model instanceof URL || model instanceof Blob || model instanceof ReadableStream;
  if (isSource || (typeof model === "string" && model.trim() !== "")) return;
  throw invalidOption("model", model, "a name, a path, a URL, a File, a Blob or a ReadableStream");
}

function checkDevice(device: unknown): void {
  checkObject("device", device);
  const { queue } = device as Partial<GPUDevice>;
  if (queue === undefined) throw invalidOption("device", device, "a GPUDevice");
}

/** @throws InputError `invalid-option` */
export function checkTuneOptions(options: TuneOptions): TuneOptions {
  checkObject("options", options);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkOptionalNumber("budgetMs", options.budgetMs, { above: 0, max: 3_600_000 });
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
