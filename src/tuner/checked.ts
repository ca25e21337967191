import { DeviceError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";

const SCOPES = ["out-of-memory", "validation"] as const;

/**
 * Runs `work` and throws what the device reports of it, so that a candidate which does not work here ends itself and nothing else.
 * (`GpuDevice.guarded` ends the device.)
 * @throws DeviceError `gpu-error`; whatever `work` throws
 */
export async function checked<T>({ device, summary }: GpuDevice, work: () => Promise<T>): Promise<T> {
  for (const scope of SCOPES) device.pushErrorScope(scope);
  const ended = await work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const errors = await Promise.all(SCOPES.map(() => device.popErrorScope()));
  const reported = errors.find((error) => error !== null);
  if (reported)
    throw new DeviceError("gpu-error", `The GPU "${summary.name}" reported: ${reported.message}`, {
      device: summary.name,
    });
  if ("error" in ended) throw ended.error;
  return ended.value;
}
