import type { ComparedPolicies, ComparePoliciesOptions } from "../api.ts";
import { disposed } from "../conversation/loop_errors.ts";
import { Link, type WorkerPort } from "./link.ts";
import { sentOptions } from "./sent_options.ts";

/**
 * Compares policies in the worker behind `port`, which ends with it.
 * @param pageUrl what addresses of models are relative to
 * @throws as `comparePolicies`; DeviceError `device-lost` when the worker ends, or never began
 */
export async function compareInWorker(
  options: ComparePoliciesOptions,
  port: WorkerPort,
  pageUrl: string | undefined,
): Promise<ComparedPolicies> {
  const link = new Link(port);
  try {
    const { signal, onProgress } = options;
    return await link.compare(sentOptions(options), pageUrl, { signal, onProgress });
  } finally {
    link.end(disposed());
  }
}
