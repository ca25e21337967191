import type { ComparedPolicies, ComparePoliciesOptions, Runtime, RuntimeOptions } from "./api.ts";
import { checkCompareOptions } from "./compare_options.ts";
import { comparePoliciesOn } from "./compare_policies.ts";
import { invalidOption } from "./conversation/option_checks.ts";
import { createNodePlatform } from "./platform/node/node_platform.ts";
import { openRuntime } from "./runtime.ts";
import { checkRuntimeOptions } from "./runtime_options.ts";

/** Baton in Node. */

export * from "./agent/index.ts";
export * from "./api.ts";
export * from "./errors.ts";
export * from "./persist/index.ts";
export { createNodePlatform } from "./platform/node/node_platform.ts";
export type { AdapterSummary, Platform } from "./platform/platform.ts";
export type { OnProgress, Progress } from "./protocol/progress.ts";

/**
 * Loads a model onto a GPU.
 * @throws InputError `invalid-option`, `unknown-model`; ModelError; DeviceError; the signal's reason
 */
export async function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  const checked = checkRuntimeOptions(options);
  refuseWorker(checked);
  return openRuntime(checked, createNodePlatform);
}

/**
 * Replays the same generated agents' conversations under several policies, on devices of its own.
 * @throws InputError `invalid-option`; as `createRuntime`; the signal's reason
 */
export async function comparePolicies(options: ComparePoliciesOptions): Promise<ComparedPolicies> {
  const checked = checkCompareOptions(options);
  refuseWorker(checked);
  return comparePoliciesOn(checked, createNodePlatform);
}

function refuseWorker({ thread }: Pick<RuntimeOptions, "thread">): void {
  if (thread === "worker")
    throw invalidOption("thread", thread, '"page" or absent: in Node there is only the thread that creates it'); // biome-ignore format: one text
}
