import type { Runtime, RuntimeOptions } from "./api.ts";
import { type ComparedPolicies, type ComparePoliciesOptions, comparePoliciesOn } from "./compare_policies.ts";
import { createBrowserPlatform } from "./platform/browser/browser_platform.ts";
import { openRuntime } from "./runtime.ts";

/** Baton in a browser. */

export * from "./agent/index.ts";
export * from "./api.ts";
export type { ComparedPolicies, ComparePoliciesOptions } from "./compare_policies.ts";
export type { PolicyComparison } from "./comparison/take_cells.ts";
export * from "./errors.ts";
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
 * Loads a model onto a GPU.
 * @throws InputError `invalid-option`, `unknown-model`; ModelError; DeviceError; the signal's reason
 */
export function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  return openRuntime(options, createBrowserPlatform);
}

/**
 * Replays the same generated agents' conversations under several policies, on devices of its own.
 * @throws InputError `invalid-option`; as `createRuntime`; the signal's reason
 */
export function comparePolicies(options: ComparePoliciesOptions): Promise<ComparedPolicies> {
  return comparePoliciesOn(options, createBrowserPlatform);
}
