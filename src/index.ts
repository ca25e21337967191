import type { ComparedPolicies, ComparePoliciesOptions, Runtime, RuntimeOptions } from "./api.ts";
import { checkCompareOptions } from "./compare_options.ts";
import { createBrowserPlatform } from "./platform/browser/browser_platform.ts";
import { ownUrl, threads } from "./platform/browser/threads.ts";
import { checkRuntimeOptions } from "./runtime_options.ts";
import { compareInWorker } from "./worker/remote_comparison.ts";
import { openRemoteRuntime } from "./worker/remote_runtime.ts";
import { spawnWorker } from "./worker/spawn.ts";
import { runsInWorker } from "./worker/thread_choice.ts";

/** Baton in a browser. */

export * from "./agent/index.ts";
export * from "./api.ts";
export * from "./errors.ts";
export { type CatalogueModel, catalogue } from "./loader/sources/catalogue.ts";
export * from "./persist/index.ts";
export type { BrowserPlatformOptions } from "./platform/browser/browser_platform.ts";
export { createBrowserPlatform } from "./platform/browser/browser_platform.ts";
export type { ClaimOptions, ModelClaim } from "./platform/browser/model_claim.ts";
export { claimModel } from "./platform/browser/model_claim.ts";
export type { ModelStorage, StoredModel } from "./platform/browser/model_storage.ts";
export { modelStorage } from "./platform/browser/model_storage.ts";
export type { StorageUsage } from "./platform/browser/storage_room.ts";
export type { AdapterSummary, Platform } from "./platform/platform.ts";
export type { OnProgress, Progress } from "./protocol/progress.ts";

/**
 * Loads a model onto a GPU, in a Web Worker of the runtime's own where `thread` does not say otherwise. When the worker ends, all that waits
 * for it and all that comes later fails with DeviceError `device-lost`.
 * @throws InputError `invalid-option`, `unknown-model`; ModelError; DeviceError; the signal's reason
 */
export async function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  const checked = checkRuntimeOptions(options);
  checked.signal?.throwIfAborted();
  if (runsInWorker(checked, threads()))
    return openRemoteRuntime(checked, spawnWorker(checked.workerUrl), ownUrl());
  // A page whose runtime is in a worker never loads this.
  const { openRuntime } = await import("./runtime.ts");
  return openRuntime(checked, () => createBrowserPlatform({ modelsUrl: checked.modelsUrl }));
}

/**
 * Replays the same generated agents' conversations under several policies, on devices of its own, and in a Web Worker of its own as a
 * runtime's.
 * @throws InputError `invalid-option`; as `createRuntime`; the signal's reason
 */
export async function comparePolicies(options: ComparePoliciesOptions): Promise<ComparedPolicies> {
  const checked = checkCompareOptions(options);
  checked.signal?.throwIfAborted();
  if (runsInWorker(checked, threads()))
    return compareInWorker(checked, spawnWorker(checked.workerUrl), ownUrl());
  const { comparePoliciesOn } = await import("./compare_policies.ts");
  return comparePoliciesOn(checked, () => createBrowserPlatform({ modelsUrl: checked.modelsUrl }));
}
