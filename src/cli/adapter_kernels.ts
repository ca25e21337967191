import type { Tuning } from "../api.ts";
import { openDevice } from "../gpu/device.ts";
import { adapterClassOf, chooseKernels } from "../kernels/variants.ts";
import type { OpenAdapter, Platform } from "../platform/platform.ts";
import { holdsFor, identityOf, recallAll } from "../tuner/memory.ts";
import { formatTable } from "./format.ts";
import { describeTile, describeTuning } from "./tuning_table.ts";

/** Which kernels an adapter gets, and what tuning chose for it. */

export interface AdapterKernels {
  /** The line of the table of defaults. */
  readonly class: string;
  readonly defaults: readonly { readonly upToTokens: number | null; readonly tile: string }[];
  readonly tunings: readonly (Tuning & { readonly current: boolean })[];
}

/** Releases the adapter. */
export async function kernelsOf(
  opened: OpenAdapter,
  { settings, implementation }: Platform,
): Promise<AdapterKernels> {
  const gpu = await openDevice(opened);
  try {
    const { capabilities, summary } = gpu;
    const tunings = (await recallAll(settings)).filter(({ identity }) => identity.adapter === summary.name);
    const checked = tunings.map(async (tuning) => {
      const choice = chooseKernels(capabilities, tuning.identity.precision);
      const products = tuning.identity.products.map((shape) => ({ shape, slices: [], everyToken: true }));
      const { attention } = tuning.identity;
      const identity = await identityOf({ gpu, choice, products, attention, implementation });
      return { ...tuning, current: holdsFor(tuning, identity) };
    });
    return {
      class: adapterClassOf(capabilities),
      defaults: chooseKernels(capabilities, "default").matmul.map(({ upToTokens, tile }) => ({
        upToTokens: Number.isFinite(upToTokens) ? upToTokens : null,
        tile: describeTile({ ...tile }),
      })),
      tunings: await Promise.all(checked),
    };
  } finally {
    gpu.destroy();
  }
}

export function describeKernels({ class: name, defaults, tunings }: AdapterKernels): string {
  const rows = defaults.map(({ upToTokens, tile }) => [
    "",
    upToTokens === null ? "more tokens" : `up to ${upToTokens} tokens`,
    tile,
  ]);
  const table = formatTable([["  kernels", `class ${name}`, ""], ...rows]);
  if (tunings.length === 0) return `${table}  Nothing was tuned here: \`baton tune\` does.\n`;
  const texts = tunings.map((tuning) => {
    const stale = tuning.current
      ? ""
      : "  Not used any more: it is of another driver or version. `baton tune` does it again.\n";
    return `${indent(describeTuning(tuning))}${stale}`;
  });
  return `${table}${texts.join("")}`;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
