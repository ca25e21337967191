import type { PolicyName, RuntimeOptions } from "./api.ts";
import { type PolicyComparison, takeCells } from "./comparison/take_cells.ts";
import { checkNumber, invalidOption } from "./conversation/option_checks.ts";
import type { Replay } from "./metrics/replay.ts";
import type { Platform } from "./platform/platform.ts";
import { openDevices } from "./runtime_devices.ts";
import { load, modelInfo, openSource, specOf } from "./runtime_load.ts";
import { checkRuntimeOptions } from "./runtime_options.ts";
import { policies as known } from "./scheduler/policies/table.ts";

export interface ComparePoliciesOptions
  extends Pick<
    RuntimeOptions,
    "model" | "precision" | "kvMiB" | "onProgress" | "signal" | "platform" | "modelsUrl" | "maxStepTokens"
  > {
  /** A prefiller and a decoder on the best adapter when absent. */
  readonly devices?: Exclude<RuntimeOptions["devices"], "auto" | undefined>;
  /** Default baton, conserve and collocated-sticky. Each is set beside `baton` where that is among them. */
  readonly policies?: readonly PolicyName[];
  /** Shares of what the devices manage at most. Range (0, 10] each; default 0.5, 0.75 and 1. */
  readonly loads?: readonly number[];
  /** Of each policy, load and seed. Range [1, 100000]; default 40. */
  readonly conversations?: number;
  /** Workloads of each load. Range [1, 1000]; default 2. */
  readonly seeds?: number;
  /** Most a turn may wait for its first token, and most the mean time between its tokens may be, in ms. Default 1000 and 75. */
  readonly ttftSloMs?: number;
  readonly tbtSloMs?: number;
  /** How long after the last arrival conversations are cut off, in ms. Default 30000. */
  readonly patienceMs?: number;
}

export interface ComparedPolicies {
  readonly comparison: PolicyComparison;
  /** What happened at the highest load, for plots. */
  readonly replays: readonly Replay[];
}

/**
 * Replays the same generated agents' conversations under several policies on devices of its own, which it opens for this and frees
 * afterwards.
 * @throws InputError `invalid-option`; as `createRuntime`; the signal's reason
 */
export async function comparePoliciesOn(
  options: ComparePoliciesOptions,
  defaultPlatform: () => Platform,
): Promise<ComparedPolicies> {
  const request = checked(options);
  const { model, precision, kvMiB, onProgress, signal, maxStepTokens, modelsUrl } = options;
  const runtimeOptions = checkRuntimeOptions({
    model,
    devices: options.devices ?? [{ role: "prefiller" }, { role: "decoder" }],
    ...(precision !== undefined && { precision }),
    ...(kvMiB !== undefined && { kvMiB }),
    ...(maxStepTokens !== undefined && { maxStepTokens }),
    ...(modelsUrl !== undefined && { modelsUrl }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  });
  const platform = options.platform ?? defaultPlatform();
  const opened = await openDevices(runtimeOptions, platform);
  try {
    const source = await openSource(runtimeOptions, platform);
    const { devices, file } = await load(runtimeOptions, opened, source, platform);
    const replayed = devices.map((device) => ({ ...specOf(device), runner: device.runner }));
    const { replays, ...cells } = await takeCells({
      ...request,
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

function checked(options: ComparePoliciesOptions) {
  const { policies = ["baton", "conserve", "collocated-sticky"], loads = [0.5, 0.75, 1] } = options;
  const { conversations = 40, seeds = 2, ttftSloMs = 1000, tbtSloMs = 75, patienceMs = 30_000 } = options;
  const unknown = policies.find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined || policies.length === 0)
    throw invalidOption("policies", unknown ?? policies, `some of ${Object.keys(known).join(", ")}`);
  if (loads.length === 0) throw invalidOption("loads", loads, "one load at least");
  for (const one of loads) checkNumber("loads", one, { above: 0, max: 10 });
  const slo = { above: 0, max: 3_600_000 };
  return {
    policies,
    loads,
    conversations: checkNumber("conversations", conversations, { min: 1, max: 100_000, integer: true }),
    seeds: checkNumber("seeds", seeds, { min: 1, max: 1000, integer: true }),
    slo: { ttftMs: checkNumber("ttftSloMs", ttftSloMs, slo), tbtMs: checkNumber("tbtSloMs", tbtSloMs, slo) },
    patienceMs: checkNumber("patienceMs", patienceMs, { min: 0, max: 1_000_000_000 }),
  };
}
