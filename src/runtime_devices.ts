import type { DeviceOptions } from "./api.ts";
import { DeviceError } from "./errors.ts";
import { borrowDevice, type GpuDevice, openDevice } from "./gpu/device.ts";
import { summarizeAdapter } from "./platform/gpu_choice.ts";
import type { AdapterSummary, Platform } from "./platform/platform.ts";
import type { DeviceRole } from "./protocol/device.ts";
import { describeChoice } from "./roles/choice.ts";
import type { CheckedRuntimeOptions } from "./runtime_options.ts";
import { rolesFor } from "./runtime_roles.ts";

/** A device of a runtime, before a model is on it. */
export interface RuntimeDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly gpu: GpuDevice;
  readonly kvMiB: number | undefined;
  /** How many devices of the runtime, itself included, may be of the same machine's cores. */
  readonly sharers: number;
}

export interface OpenedDevices {
  readonly devices: readonly RuntimeDevice[];
  /** Why these, as the end of a sentence. */
  readonly why: string;
  /** Nobody asked for all of them: those that cannot hold the model may be left out. */
  readonly dispensable: boolean;
}

/**
 * Opens all devices that the options ask for, or none; where they ask for none, those that are chosen. An adapter gives one device only,
 * so each device opens its own.
 * @throws DeviceError; the signal's reason
 */
export async function openDevices(
  options: CheckedRuntimeOptions,
  platform: Platform,
): Promise<OpenedDevices> {
  const { devices = "auto", device } = options;
  if (device !== undefined) return openNamed([{ device }], options, platform);
  return devices === "auto" ? openChosen(options, platform) : openNamed(devices, options, platform);
}

async function openNamed(
  wanted: readonly DeviceOptions[],
  { kvMiB }: CheckedRuntimeOptions,
  platform: Platform,
): Promise<OpenedDevices> {
  const open = async (one: DeviceOptions, index: number): Promise<RuntimeDevice> => {
    const { role = "both" } = one;
    const gpu = await openGpu(one, wanted.length, platform);
    return { id: idOf(role, index), role, gpu, kvMiB: one.kvMiB ?? kvMiB, sharers: wanted.length };
  };
  return { devices: await openAll(wanted, open), why: "the caller says so", dispensable: false };
}

async function openChosen(options: CheckedRuntimeOptions, platform: Platform): Promise<OpenedDevices> {
  const { adapter, kvMiB } = options;
  const best = await platform.openAdapter(adapter === undefined ? {} : { name: adapter });
  let isUsed = false;
  try {
    const { devices, why } = await rolesFor(best, options, platform);
    const open = async ({ adapter: name, role }: (typeof devices)[number], index: number) => {
      const isBest = name === best.summary.name;
      isUsed ||= isBest;
      const gpu = await openDevice(isBest ? best : await platform.openAdapter({ name }));
      return { id: idOf(role, index), role, gpu, kvMiB, sharers: 1 };
    };
    return { devices: await openAll(devices, open), why, dispensable: devices.length > 1 };
  } finally {
    if (!isUsed) best.release();
  }
}

/** One after the other; all or none. */
async function openAll<T>(
  wanted: readonly T[],
  open: (one: T, index: number) => Promise<RuntimeDevice>,
): Promise<readonly RuntimeDevice[]> {
  const opened: RuntimeDevice[] = [];
  try {
    for (const [index, one] of wanted.entries()) opened.push(await open(one, index));
    return opened;
  } catch (error) {
    for (const { gpu } of opened) gpu.destroy();
    throw error;
  }
}

/**
 * The devices that took the model. Of dispensable ones some may have failed; a single one that is left does everything.
 * @throws what a device failed with, where all are needed, or where not only the device failed
 */
export function thatLoaded<T extends RuntimeDevice>(
  { dispensable, why, devices }: OpenedDevices,
  loads: readonly PromiseSettledResult<T>[],
): { readonly devices: readonly T[]; readonly why: string } {
  const loaded = loads.flatMap((load) => (load.status === "fulfilled" ? load.value : []));
  const failures = loads.flatMap((load, at) =>
    load.status === "rejected"
      ? [{ error: load.reason as unknown, name: devices[at]?.gpu.summary.name }]
      : [],
  );
  const bearable = dispensable && loaded.length > 0;
  const fatal = failures.find(({ error }) => !bearable || !(error instanceof DeviceError));
  if (fatal) throw fatal.error;
  if (failures.length === 0) return { devices: loaded, why };
  const left = `${failures.map(({ name }) => name).join(" and ")} could not hold the model`;
  const alone = loaded.map((device) => ({ ...device, id: idOf("both", 0), role: "both" }) as const);
  return { devices: loaded.length === 1 ? alone : loaded, why: left };
}

/** One sentence. */
export function describeDevices(devices: readonly RuntimeDevice[], why: string): string {
  const used = devices.map(({ gpu, role }) => ({ adapter: gpu.summary.name, role }));
  return `Baton uses ${describeChoice(used, why)}`;
}

/** The adapter of a device that was lost, once more. @throws DeviceError */
export async function openAgain({ gpu, sharers }: RuntimeDevice, platform: Platform): Promise<GpuDevice> {
  return openDevice(await platform.openAdapter({ name: gpu.summary.name, sharers }));
}

function idOf(role: DeviceRole, index: number): string {
  return `${NAMES[role]}-${index + 1}`;
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
