import type { DeviceOptions, RuntimeOptions } from "./api.ts";
import { borrowDevice, type GpuDevice, openDevice } from "./gpu/device.ts";
import { summarizeAdapter } from "./platform/gpu_choice.ts";
import type { AdapterSummary, Platform } from "./platform/platform.ts";
import type { DeviceRole } from "./protocol/device.ts";

/** A device of a runtime, before a model is on it. */
export interface RuntimeDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly gpu: GpuDevice;
  readonly kvMiB: number | undefined;
  /** How many devices of the runtime, itself included, may be of the same machine's cores. */
  readonly sharers: number;
}

/**
 * Opens all devices that the options ask for, or none. An adapter gives one device only, so each device opens its own.
 * @throws DeviceError
 */
export async function openDevices(
  options: Pick<RuntimeOptions, "devices" | "adapter" | "device" | "kvMiB">,
  platform: Platform,
): Promise<readonly RuntimeDevice[]> {
  const { adapter, device, kvMiB } = options;
  const alone: DeviceOptions = { ...(adapter !== undefined && { adapter }), ...(device && { device }) };
  const wanted = options.devices ?? [alone];
  const opened: RuntimeDevice[] = [];
  try {
    for (const one of wanted) {
      const { role = "both" } = one;
      const gpu = await openGpu(one, wanted.length, platform);
      const id = `${NAMES[role]}-${opened.length + 1}`;
      opened.push({ id, role, gpu, kvMiB: one.kvMiB ?? kvMiB, sharers: wanted.length });
    }
    return opened;
  } catch (error) {
    for (const { gpu } of opened) gpu.destroy();
    throw error;
  }
}

/** The adapter of a device that was lost, once more. @throws DeviceError */
export async function openAgain({ gpu, sharers }: RuntimeDevice, platform: Platform): Promise<GpuDevice> {
  return openDevice(await platform.openAdapter({ name: gpu.summary.name, sharers }));
}

const NAMES: Readonly<Record<DeviceRole, string>> = {
  prefiller: "prefiller",
  decoder: "decoder",
  both: "device",
};

async function openGpu(
  { device, adapter }: DeviceOptions,
  sharers: number,
  platform: Platform,
): Promise<GpuDevice> {
  if (device !== undefined) return borrowDevice(device, summaryOf(device));
  return openDevice(await platform.openAdapter({ sharers, ...(adapter !== undefined && { name: adapter }) }));
}

/** Of a device little is known: browsers leave out the adapter's name. */
function summaryOf({ adapterInfo: info, label }: GPUDevice): AdapterSummary {
  const family = [info.vendor, info.architecture].filter((part) => part !== "").join(" ");
  return summarizeAdapter(info.description || info.device || family || label || "caller's device", info);
}
