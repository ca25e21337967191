import type { Command } from "commander";
import { createNodePlatform } from "../../platform/node/node_platform.ts";
import type { AdapterSummary, OpenAdapter, Platform } from "../../platform/platform.ts";
import type { DeviceRole } from "../../protocol/device.ts";
import { measureCandidates, recallCandidates } from "../../roles/candidates.ts";
import {
  byRates,
  type Candidate,
  chooseRoles,
  collocated,
  contenders,
  describeChoice,
  describeRates,
  type RoleChoice,
} from "../../roles/choice.ts";
import type { Rates } from "../../roles/rates.ts";
import { type AdapterKernels, describeKernels, kernelsOf } from "../adapter_kernels.ts";
import { formatTable } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import { type Io, print, printJson } from "../io.ts";
import { createProgress } from "../progress_display.ts";
import { styleOf } from "../style.ts";

interface DevicesOptions {
  readonly adapter?: string;
  readonly kernels?: boolean;
  readonly measure?: boolean;
  readonly json?: boolean;
}

interface Device extends AdapterSummary {
  readonly used: boolean;
  /** What it is used for; null where it is not. */
  readonly role: DeviceRole | null;
  /** Null where it was not measured. */
  readonly rates: Rates | null;
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
  $ baton devices --measure
  $ baton devices --adapter llvmpipe --json
  $ baton devices --kernels
`;

export function addDevices(program: Command, io: Io): void {
  program
    .command("devices")
    .description("List the WebGPU adapters, and which of them Baton uses for what.")
    .option(
      "--adapter <name>",
      "part of the name of the adapter to use (default: BATON_ADAPTER, or the best)",
    )
    .option("--kernels", "also the defaults of each adapter's kernels, and what tuning chose")
    .option("--measure", "measure how quick every adapter is at prefill and at decode, and remember it")
    .option("--json", "print JSON for machines")
    .addHelpText("after", EXAMPLES)
    .action((options: DevicesOptions) => devices(io, options));
}

async function devices(io: Io, options: DevicesOptions): Promise<void> {
  const { adapter, json, kernels } = options;
  const platform = createNodePlatform();
  const open = (name: string | undefined) => platform.openAdapter(name === undefined ? {} : { name });
  const best = await withAdapter(open(adapter), ({ summary }) => summary);
  const candidates = await candidatesOf(io, options, platform);
  const choice = choiceOf(best, candidates, askedBy(io, options));
  const found: Device[] = [];
  for (const candidate of candidates) {
    const { name } = candidate.adapter;
    const device = await withAdapter(open(name), (opened) => describe(opened, candidate, choice));
    found.push(kernels ? { ...device, kernels: await kernelsOf(await open(name), platform) } : device);
  }
  const { why } = choice;
  if (json)
    return printJson(io, { used: choice.devices[0].adapter, why, devices: choice.devices, adapters: found });
  const texts = found.map((device) => deviceText(io, device)).join("\n");
  await print(
    io,
    `${texts}\n${[`Baton uses ${describeChoice(choice.devices, why)}`, ...hints(candidates, choice)].join("\n")}\n`,
  );
}

/** Every adapter, with rates measured now or before. */
async function candidatesOf(
  io: Io,
  { measure, json }: DevicesOptions,
  platform: Platform,
): Promise<readonly Candidate[]> {
  const adapters = await platform.listAdapters();
  if (!measure) return recallCandidates(adapters, platform);
  const progress = createProgress(io, json === true);
  const onProgress = progress.report.bind(progress);
  return interruptible(io, (signal) => measureCandidates(adapters, platform, { onProgress, signal })).finally(
    () => progress.stop(),
  );
}

function choiceOf(
  best: AdapterSummary,
  candidates: readonly Candidate[],
  asked: string | undefined,
): RoleChoice {
  const isBest = ({ adapter }: Candidate) => adapter.name === best.name;
  const first = candidates.find(isBest) ?? { adapter: best, rates: undefined };
  if (asked !== undefined) return collocated(first, asked);
  return chooseRoles(
    first,
    candidates.filter((one) => !isBest(one)),
  );
}

function askedBy(io: Io, { adapter }: DevicesOptions): string | undefined {
  if (adapter !== undefined) return `--adapter asks for "${adapter}"`;
  const { BATON_ADAPTER: name } = io.env;
  return name ? `BATON_ADAPTER asks for "${name}"` : undefined;
}

/** What figures there are would say, where they do not count, and what would say more. */
function hints(candidates: readonly Candidate[], { devices }: RoleChoice): readonly string[] {
  const gpus = contenders(candidates);
  if (gpus.some(({ rates }) => !rates))
    return [
      "The next start measures the GPUs and may choose otherwise; `baton devices --measure` does it now.",
    ];
  const figures = byRates(candidates);
  const measured = candidates.filter(({ rates }) => rates);
  if (gpus.length > 0 || measured.length < 2 || figures === undefined || devices.length > 1) return [];
  return [`By figures alone it would use ${describeChoice(figures.devices, figures.why)}`];
}

async function withAdapter<T>(opening: Promise<OpenAdapter>, use: (opened: OpenAdapter) => T): Promise<T> {
  const opened = await opening;
  try {
    return use(opened);
  } finally {
    opened.release();
  }
}

function describe({ adapter, summary }: OpenAdapter, { rates }: Candidate, choice: RoleChoice): Device {
  const chosen = choice.devices.find((device) => device.adapter === summary.name);
  const { subgroupMinSize, subgroupMaxSize } = adapter.info;
  return {
    ...summary,
    used: chosen !== undefined,
    role: chosen?.role ?? null,
    rates: rates ?? null,
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
    ...(device.rates ? [["measured", describeRates(device.rates)]] : []),
  ];
  const table = formatTable(rows.map(([name = "", value = ""]) => [`  ${name}`, value]));
  const kernels = device.kernels ? describeKernels(device.kernels) : "";
  return `${bold(`${device.used ? "*" : "-"} ${device.name}`)}\n${table}${kernels}`;
}
