import { DeviceError } from "../errors.ts";
import type { AdapterSummary, OpenAdapter } from "./platform.ts";

/** Which adapter is meant: the rules that Chrome and Node share. */

const SOFTWARE_NAMES = /llvmpipe|lavapipe|swiftshader|basic render|softpipe/i;

/** What WebGPU says of an adapter, in the words Baton uses. `name` as the system names it. */
export function summarizeAdapter(name: string, info: GPUAdapterInfo): AdapterSummary {
  const software =
    info.isFallbackAdapter ||
    ["software", "swiftshader"].includes(info.architecture) ||
    SOFTWARE_NAMES.test(`${name} ${info.description}`);
  return {
    name,
    vendor: info.vendor,
    architecture: info.architecture,
    driver: info.description,
    software,
  };
}

/** Real GPUs before software ones, and lavapipe, the quicker one, before SwiftShader; otherwise the order the system gave. */
export function bestFirst<T extends { readonly summary: AdapterSummary }>(adapters: readonly T[]): T[] {
  const rank = ({ software, name }: AdapterSummary) => Number(software) + Number(/swiftshader/i.test(name));
  return adapters.toSorted((a, b) => rank(a.summary) - rank(b.summary));
}

/**
 * The adapter named `name`, in any case, else the first of `adapters` (best first) whose name contains it; without a name, the first.
 * @throws DeviceError `no-adapter`, with `advice` when there is none at all
 */
export function chooseAdapter<T extends { readonly summary: AdapterSummary }>(
  adapters: readonly T[],
  name: string | undefined,
  advice: string,
): T {
  if (adapters.length === 0) {
    throw new DeviceError("no-adapter", `No WebGPU adapter was found. ${advice}`);
  }
  const wanted = name?.toLowerCase() ?? "";
  const named = (fits: (name: string) => boolean) =>
    adapters.find(({ summary }) => fits(summary.name.toLowerCase()));
  const found = named((known) => known === wanted) ?? named((known) => known.includes(wanted));
  if (found) return found;
  const names = adapters.map(({ summary }) => summary.name);
  throw new DeviceError(
    "no-adapter",
    `No WebGPU adapter has "${name}" in its name. Choose one of: ${names.join("; ")}.`,
    { wanted: name ?? "", adapters: names },
  );
}

/**
 * The one that `chooseAdapter` chooses of all that were opened, best first.
 * @throws DeviceError `no-adapter`
 */
export function chooseOpen(
  adapters: readonly OpenAdapter[],
  name: string | undefined,
  advice: string,
): OpenAdapter {
  const chosen = chooseAdapter(adapters, name, advice);
  if (name) return chosen;
  const alternatives = adapters.filter((one) => one !== chosen).map(({ summary }) => summary);
  return { ...chosen, alternatives };
}
