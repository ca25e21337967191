import { DeviceError } from "../../errors.ts";
import { bestFirst, chooseOpen, summarizeAdapter } from "../gpu_choice.ts";
import { openAdapterOf } from "../open_adapter.ts";
import type { AdapterRequest, AdapterSummary, OpenAdapter } from "../platform.ts";

/** Adapters in a browser, by `navigator.gpu`. */

const ADVICE =
  "Turn on hardware acceleration in the browser's settings, or start Chrome with --enable-unsafe-swiftshader.";

/** A browser gives at most one adapter for each way to ask. */
const REQUESTS: readonly GPURequestAdapterOptions[] = [
  { powerPreference: "high-performance" },
  { powerPreference: "low-power" },
  { forceFallbackAdapter: true },
];

/** Adapters from best to worst: real GPUs before software ones. Empty when there is none. */
export async function listAdapters(): Promise<readonly AdapterSummary[]> {
  const adapters = await openAll();
  return adapters.map(({ summary }) => summary);
}

/**
 * The adapter whose name contains `request.name`; the best one when absent.
 * @throws DeviceError `no-adapter`
 */
export async function openAdapter(request: AdapterRequest = {}): Promise<OpenAdapter> {
  return chooseOpen(await openAll(), request.name, ADVICE);
}

async function openAll(): Promise<OpenAdapter[]> {
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!gpu) {
    throw new DeviceError(
      "no-adapter",
      "This browser has no WebGPU. Use Chrome or Edge 113 or newer, and open the page over https or from localhost.",
    );
  }
  const opened = new Map<string, OpenAdapter>();
  for (const request of REQUESTS) {
    const adapter = await gpu.requestAdapter(request);
    if (!adapter) continue;
    const summary = summarizeAdapter(adapterName(adapter.info), adapter.info);
    if (!opened.has(summary.name)) opened.set(summary.name, openAdapterOf(adapter, summary));
  }
  return bestFirst([...opened.values()]);
}

/** Browsers hide the exact GPU; what they tell varies, from a full name to the vendor alone. */
function adapterName({ description, device, vendor, architecture }: GPUAdapterInfo): string {
  return description || device || `${vendor} ${architecture}`.trim() || "GPU";
}
