import type { Command } from "commander";
import { createNodePlatform } from "../../platform/node/node_platform.ts";
import type { AdapterSummary, OpenAdapter } from "../../platform/platform.ts";
import { type AdapterKernels, describeKernels, kernelsOf } from "../adapter_kernels.ts";
import { formatTable } from "../format.ts";
import { type Io, print, printJson } from "../io.ts";
import { styleOf } from "../style.ts";

interface DevicesOptions {
  readonly adapter?: string;
  readonly kernels?: boolean;
  readonly json?: boolean;
}

interface Device extends AdapterSummary {
  readonly used: boolean;
  readonly features: readonly string[];
  /** Subgroup sizes, smallest and largest; 0 where the adapter does not say. */
  readonly subgroups: readonly [number, number];
  readonly limits: Readonly<Record<string, number>>;
  /** Where they were asked for. */
  readonly kernels?: AdapterKernels;
}

const EXAMPLES = `
Examples:
  $ baton devices
  $ baton devices --adapter llvmpipe --json
  $ baton devices --kernels
`;

export function addDevices(program: Command, io: Io): void {
  program
    .command("devices")
    .description("List the WebGPU adapters, and which one Baton uses.")
    .option(
      "--adapter <name>",
      "part of the name of the adapter to use (default: BATON_ADAPTER, or the best)",
    )
    .option("--kernels", "also the defaults of each adapter's kernels, and what tuning chose")
    .option("--json", "print JSON for machines")
    .addHelpText("after", EXAMPLES)
    .action((options: DevicesOptions) => devices(io, options));
}

async function devices(io: Io, { adapter, json, kernels }: DevicesOptions): Promise<void> {
  const platform = createNodePlatform();
  const open = (name: string | undefined) => platform.openAdapter(name === undefined ? {} : { name });
  const used = await withAdapter(open(adapter), ({ summary }) => summary.name);
  const found: Device[] = [];
  for (const { name } of await platform.listAdapters()) {
    const device = await withAdapter(open(name), (opened) => describe(opened, used));
    found.push(kernels ? { ...device, kernels: await kernelsOf(await open(name), platform) } : device);
  }
  const why = reason(found, adapter, io.env.BATON_ADAPTER);
  if (json) return printJson(io, { used, why, adapters: found });
  await print(
    io,
    `${found.map((device) => deviceText(io, device)).join("\n")}\nBaton uses ${used}: ${why}.\n`,
  );
}

async function withAdapter<T>(opening: Promise<OpenAdapter>, use: (opened: OpenAdapter) => T): Promise<T> {
  const opened = await opening;
  try {
    return use(opened);
  } finally {
    opened.release();
  }
}

function describe({ adapter, summary }: OpenAdapter, used: string): Device {
  const { subgroupMinSize, subgroupMaxSize } = adapter.info;
  return {
    ...summary,
    used: summary.name === used,
    features: [...adapter.features].toSorted(),
    subgroups: [subgroupMinSize ?? 0, subgroupMaxSize ?? 0],
    limits: limitsOf(adapter.limits),
  };
}

/** Limits are getters of the prototype, so that copying the object would copy nothing. */
function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name in limits) {
    const value: unknown = limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") all[name] = value;
  }
  return all;
}

function reason(found: readonly Device[], option: string | undefined, env: string | undefined): string {
  if (option !== undefined) return `--adapter asks for "${option}"`;
  if (env) return `BATON_ADAPTER asks for "${env}"`;
  if (found.length === 1) return "there is no other";
  if (found.every(({ software }) => software))
    return "there is no GPU, and it is the quickest software adapter";
  return "it is the first GPU the system names";
}

function deviceText(io: Io, device: Device): string {
  const { bold } = styleOf(io.stdout, io);
  const { limits } = device;
  const [smallest, largest] = device.subgroups;
  const mib = (name: string) => `${((limits[name] ?? 0) / 2 ** 20).toFixed(0)} MiB`;
  const rows = [
    ["kind", device.software ? "software: the CPU does the work, slowly" : "GPU"],
    ["driver", device.driver || "unknown"],
    [
      "subgroups",
      smallest === 0 ? "unknown" : smallest === largest ? `${smallest}` : `${smallest} to ${largest}`,
    ],
    ["buffers", `${mib("maxBufferSize")}, bound ${mib("maxStorageBufferBindingSize")} at a time`],
    [
      "workgroups",
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize} bytes shared`,
    ],
    ["features", device.features.join(", ")],
  ];
  const table = formatTable(rows.map(([name = "", value = ""]) => [`  ${name}`, value]));
  const kernels = device.kernels ? describeKernels(device.kernels) : "";
  return `${bold(`${device.used ? "*" : "-"} ${device.name}`)}\n${table}${kernels}`;
}
