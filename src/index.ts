import type { Runtime, RuntimeOptions } from "./api.ts";
import { createBrowserPlatform } from "./platform/browser/browser_platform.ts";
import { openRuntime } from "./runtime.ts";

/** Baton in a browser. */

export * from "./agent/index.ts";
export * from "./api.ts";
export * from "./errors.ts";
export { type CatalogueModel, catalogue } from "./loader/sources/catalogue.ts";
export { createBrowserPlatform } from "./platform/browser/browser_platform.ts";
export type { AdapterSummary, Platform } from "./platform/platform.ts";
export type { OnProgress, Progress } from "./protocol/progress.ts";

/**
 * Loads a model onto a GPU.
 * @throws InputError `invalid-option`, `unknown-model`; ModelError; DeviceError; the signal's reason
 */
export function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  return openRuntime(options, createBrowserPlatform);
}
