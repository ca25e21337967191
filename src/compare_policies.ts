import type { ComparedPolicies, ComparePoliciesOptions } from "./api.ts";
import { checkCompareOptions } from "./compare_options.ts";
import { takeCells } from "./comparison/take_cells.ts";
import type { Platform } from "./platform/platform.ts";
import { openDevices } from "./runtime_devices.ts";
import { load, modelInfo, openSource, specOf } from "./runtime_load.ts";

/**
 * Replays the same generated agents' conversations under several policies on devices of its own, which it opens for this and frees
 * afterwards.
 * @throws InputError `invalid-option`; as `createRuntime`; the signal's reason
 */
export async function comparePoliciesOn(
  options: ComparePoliciesOptions,
  defaultPlatform: () => Platform,
): Promise<ComparedPolicies> {
  const checked = checkCompareOptions(options);
  const { model, signal, onProgress, ttftSloMs, tbtSloMs } = checked;
  signal?.throwIfAborted();
  const platform = checked.platform ?? defaultPlatform();
  const opened = await openDevices(checked, platform);
  try {
    const source = await openSource(checked, platform);
    const { devices, file } = await load(checked, opened, source, platform);
    const replayed = devices.map((device) => ({ ...specOf(device), runner: device.runner }));
    const { replays, ...cells } = await takeCells({
      ...checked,
      slo: { ttftMs: ttftSloMs, tbtMs: tbtSloMs },
      trace: undefined,
      devices: replayed,
      whole: undefined,
      signal: signal ?? new AbortController().signal,
      onProgress: onProgress ?? (() => {}),
    });
    const comparison = {
      takenAt: new Date().toISOString(),
      devices: devices.map(({ role, gpu }) => ({ role, adapter: gpu.summary.name })),
      model: modelInfo(model, source, file, devices[0].runner).name,
      ...cells,
    };
    return { comparison, replays };
  } finally {
    for (const { gpu } of opened.devices) gpu.destroy();
  }
}
