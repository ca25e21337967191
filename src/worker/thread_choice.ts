import type { RuntimeOptions } from "../api.ts";
import { invalidOption } from "../conversation/option_checks.ts";
import type { Threads } from "../platform/browser/threads.ts";

/**
 * Whether a runtime, or a comparison, gets a worker: in a page yes, unless something of the caller's cannot cross into one.
 * @throws InputError `invalid-option` where one is asked for and cannot be
 */
export function runsInWorker(
  options: Pick<RuntimeOptions, "thread" | "device" | "devices" | "platform">,
  { available, inWorker }: Threads,
): boolean {
  const { thread, device, devices, platform } = options;
  const hasOwnDevice = device !== undefined || (Array.isArray(devices) && devices.some((one) => one.device));
  const obstacle = hasOwnDevice
    ? '"page" beside a GPUDevice of your own, which cannot cross into a worker'
    : platform !== undefined
      ? '"page" beside a platform of your own, which cannot cross into a worker'
      : available
        ? undefined
        : '"page": there are no workers here';
  if (thread === "worker" && obstacle !== undefined) throw invalidOption("thread", thread, obstacle);
  if (thread !== undefined) return thread === "worker";
  return obstacle === undefined && !inWorker;
}
