import type { DeviceOptions } from "./api.ts";
import { DeviceError } from "./errors.ts";
import { borrowDevice, type GpuDevice, openDevice } from "./gpu/device.ts";
import { summarizeAdapter } from "./platform/gpu_choice.ts";
import type { AdapterSummary, Platform } from "./platform/platform.ts";
import type { DeviceRole } from "./protocol/device.ts";
import { type ChosenDevice, describeChoice } from "./roles/choice.ts";
import type { CheckedRuntimeOptions } from "./runtime_options.ts";
import { rolesFor } from "./runtime_roles.ts";

/** A device of a runtime, before a model is on it. */
export interface RuntimeDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly gpu: GpuDevice;
  readonly kvMiB: number | undefined;
  /** Names the KV pool: the devices of one `GPUDevice` share it. */
  readonly pool: string;
  /** How many devices of the runtime, itself included, may be of the same machine's cores. */
  readonly sharers: number;
}

export interface OpenedDevices {
  readonly devices: readonly RuntimeDevice[];
  /** Why these, as the end of a sentence. */
  readonly why: string;
  /** Nobody asked for all of them: those that fail, by memory that does not hold the model above all, may be left out. */
  readonly dispensable: boolean;
}

/**
 * Opens all devices that the options ask for, or none; where they ask for none, those that are chosen and work. An adapter gives one device only,
 * so each device opens its own; a `GPUDevice` of the caller's may be several.
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

function openNamed(
  wanted: readonly DeviceOptions[],
  { kvMiB }: CheckedRuntimeOptions,
  platform: Platform,
): Promise<OpenedDevices> {
  const opened: RuntimeDevice[] = [];
  const open = async (one: DeviceOptions, index: number): Promise<RuntimeDevice> => {
    const { role = "both" } = one;
    const id = idOf(role, index);
    const same = opened.find(({ gpu }) => gpu.device === one.device);
    const gpu = same?.gpu ?? (await openGpu(one, wanted.length, platform));
    const kv = { kvMiB: one.kvMiB ?? kvMiB, pool: same?.pool ?? id };
    const device = { id, role, gpu, ...kv, sharers: wanted.length };
    opened.push(device);
    return device;
  };
  return openEach(wanted, open, { why: "the caller says so", dispensable: false });
}

async function openChosen(options: CheckedRuntimeOptions, platform: Platform): Promise<OpenedDevices> {
  const { adapter, kvMiB } = options;
  const best = await platform.openAdapter(adapter === undefined ? {} : { name: adapter });
  let isUsed = false;
  try {
    const { devices, why } = await rolesFor(best, options, platform);
    const open = async ({ adapter: name, role }: ChosenDevice, index: number): Promise<RuntimeDevice> => {
      const isBest = name === best.summary.name;
      isUsed ||= isBest;
      const gpu = await openDevice(isBest ? best : await platform.openAdapter({ name }));
      const id = idOf(role, index);
      return { id, role, gpu, kvMiB, pool: id, sharers: 1 };
    };
    return await openEach(devices, open, { why, dispensable: devices.length > 1 });
  } finally {
    if (!isUsed) best.release();
  }
}

type Need = Pick<OpenedDevices, "why" | "dispensable">;

/** One after the other. */
async function openEach<T extends { readonly adapter?: string }>(
  wanted: readonly T[],
  open: (one: T, index: number) => Promise<RuntimeDevice>,
  need: Need,
): Promise<OpenedDevices> {
  const outcomes: PromiseSettledResult<RuntimeDevice>[] = [];
  for (const [index, one] of wanted.entries())
    outcomes.push(...(await Promise.allSettled([open(one, index)])));
  try {
    return thatWork(
      wanted.map(({ adapter = "the best adapter" }) => adapter),
      outcomes,
      need,
    );
  } catch (error) {
    for (const outcome of outcomes) if (outcome.status === "fulfilled") outcome.value.gpu.destroy();
    throw error;
  }
}

/**
 * The devices, named by `names`, that could do what they were to do. Of dispensable ones some may have failed; a single one that is left
 * does everything.
 * @throws what a device failed with, where all are needed or none is left, and what is no device's failure
 */
export function thatWork<T extends RuntimeDevice>(
  names: readonly string[],
  outcomes: readonly PromiseSettledResult<T>[],
  { why, dispensable }: Need,
): Need & { readonly devices: readonly T[] } {
  const working = outcomes.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const failed: string[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled") continue;
    const error: unknown = outcome.reason;
    if (!dispensable || working.length === 0 || !(error instanceof DeviceError)) throw error;
    failed.push(`${names[at]} failed (${error.code})`);
  }
  if (failed.length === 0) return { devices: working, why, dispensable };
  const id = idOf("both", 0);
  const alone = working.map((device) => ({ ...device, id, pool: id, role: "both" }) as const);
  const devices = working.length === 1 ? alone : working;
  return { devices, why: failed.join(", "), dispensable: devices.length > 1 };
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
