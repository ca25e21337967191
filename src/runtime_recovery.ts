import type { Recover } from "./conversation/device_runners.ts";
import type { Platform } from "./platform/platform.ts";
import { openAgain, type RuntimeDevice } from "./runtime_devices.ts";
import { type LoadedDevice, loadAgain, specOf } from "./runtime_load.ts";
import type { CheckedRuntimeOptions } from "./runtime_options.ts";

/** How long after each failed try the next one comes: a driver that restarts needs a moment, or several. */
const PAUSES_MS = [0, 500, 1000, 2000, 4000, 8000];

export interface RecoveryParts {
  readonly options: CheckedRuntimeOptions;
  readonly platform: Platform;
  readonly devices: readonly LoadedDevice[];
  /** The device runs again. */
  readonly onReopened: (device: LoadedDevice) => void;
  /** Ends the tries, the one under way as well. */
  readonly signal: AbortSignal;
}

/**
 * Opens lost devices again and loads the model onto them. Not those that are the caller's own, and none where the model came as a stream,
 * which cannot be read a second time.
 */
export function recovery({ options, platform, devices, onReopened, signal }: RecoveryParts): Recover {
  return async (id) => {
    const lost = devices.find((device) => device.id === id);
    if (lost === undefined || lost.gpu.borrowed || options.model instanceof ReadableStream) return undefined;
    lost.gpu.destroy();
    for (const ms of PAUSES_MS) {
      await pause(ms, signal);
      if (signal.aborted) return undefined;
      const reopened = await reopen(lost, { ...options, signal }, platform).catch(() => undefined);
      if (reopened === undefined) continue;
      if (signal.aborted) {
        reopened.runner.dispose();
        return undefined;
      }
      onReopened(reopened);
      // A GPU of its own from now on.
      return { device: { ...specOf(reopened), pool: id }, runner: reopened.runner };
    }
    return undefined;
  };
}

async function reopen(
  lost: RuntimeDevice,
  options: CheckedRuntimeOptions,
  platform: Platform,
): Promise<LoadedDevice> {
  const gpu = await openAgain(lost, platform);
  return loadAgain(options, { ...lost, gpu }, platform);
}

/** So long, or until `signal` says that there is nothing to wait for. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
