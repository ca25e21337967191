import * as v from "valibot";
import { InputError } from "../errors.ts";
import { type ModelShape, shapes } from "../model/shapes.ts";
import type { PowerSpec } from "./energy.ts";
import { fittedCost } from "./fitted.ts";
import { gpus } from "./gpus.ts";
import { costsOf, type DeviceRates, type ModelCosts, rooflineCost } from "./roofline.ts";
import type { LinkSpec } from "./simulated_link.ts";
import type { DeviceFault, SimulatedSpec } from "./simulation.ts";

/** Devices, links and models as files describe them. */

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const notNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const share = v.pipe(v.number(), v.gtValue(0), v.maxValue(1));
const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));

const link = v.strictObject({ GBps: positive, latencyMs: v.optional(notNegative, 0) });
const watts = {
  idleWatts: notNegative,
  prefillWatts: notNegative,
  decodeWatts: notNegative,
  peakWatts: notNegative,
};
const rates = {
  peakTflops: positive,
  bandwidthGBps: positive,
  computeEfficiency: share,
  memoryEfficiency: share,
  stepOverheadMs: notNegative,
};
const fitted = v.strictObject({
  stepMs: notNegative,
  prefillTokenMs: notNegative,
  paddedTokenMs: v.optional(notNegative, 0),
  tileTokens: v.optional(count, 1),
  prefillPairMs: v.optional(notNegative, 0),
  decodeMs: notNegative,
  decodeContextTokenMs: v.optional(notNegative, 0),
  logitRowMs: v.optional(notNegative, 0),
});

const device = v.strictObject({
  id: v.pipe(v.string(), v.nonEmpty()),
  role: v.picklist(["prefiller", "decoder", "both"]),
  /** A name of the table of cards, whose figures hold where the file gives no other. */
  gpu: v.optional(v.picklist(Object.keys(gpus))),
  /** So many of them: `id`-1, `id`-2, … */
  count: v.optional(count, 1),
  ...v.partial(v.object(rates)).entries,
  fitted: v.optional(fitted),
  kvGiB: v.optional(positive),
  kvBlocks: v.optional(count),
  blockTokens: v.optional(count),
  maxStepTokens: v.optional(count),
  maxStepRows: v.optional(count),
  plansInFlight: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16))),
  link: v.optional(link),
  power: v.optional(v.partial(v.strictObject(watts))),
});

const devicesFile = v.strictObject({
  model: v.optional(v.string()),
  devices: v.pipe(v.array(device), v.minLength(1)),
  /** Of all devices that have none of their own, one copy after the other. */
  link: v.optional(link, { GBps: 25, latencyMs: 0.05 }),
  /** For KV that is parked. */
  hostKvGiB: v.optional(notNegative, 0),
  faults: v.optional(
    v.array(v.strictObject({ device: v.string(), atMs: notNegative, backAtMs: v.optional(notNegative) })),
    [],
  ),
});

const modelFile = v.strictObject({
  name: v.string(),
  layers: count,
  hidden: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  ffn: count,
  vocab: count,
  contextTokens: count,
  bytesPerWeight: v.optional(positive, 2),
});

export type DevicesFile = v.InferOutput<typeof devicesFile>;
type DeviceEntry = v.InferOutput<typeof device>;

/** What a simulation needs of a file. */
export interface Fleet {
  readonly devices: readonly SimulatedSpec[];
  readonly link: LinkSpec;
  readonly hostBlocks: number;
  readonly faults: readonly DeviceFault[];
  /** By device; those that the file says nothing of have none. */
  readonly power: Readonly<Record<string, PowerSpec>>;
}

/** 16-bit floats, as servers run models that are given by their name alone. */
const BYTES_PER_WEIGHT = 2;
const BLOCK_TOKENS = 16;
/** What serving engines take by default. */
const STEP_TOKENS = 2048;
const STEP_ROWS = 256;
const GIB = 2 ** 30;
/** Of a card's memory, what is left for weights and KV. */
const MEMORY_SHARE = 0.9;

/** @throws InputError `invalid-option` that says which field is wrong */
export function parseDevices(value: unknown, name: string): DevicesFile {
  return parsed(devicesFile, value, name);
}

/** A name of the table, or what a file holds. @throws InputError `invalid-option` */
export function modelCosts(nameOrFile: unknown, name: string): ModelCosts {
  if (typeof nameOrFile !== "string") {
    const { bytesPerWeight, name: title, ...shape } = parsed(modelFile, nameOrFile, name);
    return costsOf(title, shape, bytesPerWeight);
  }
  const shape: ModelShape | undefined = Object.hasOwn(shapes, nameOrFile) ? shapes[nameOrFile] : undefined;
  if (shape) return costsOf(nameOrFile, shape, BYTES_PER_WEIGHT);
  throw invalid(name, `there is no model "${nameOrFile}"; there are ${Object.keys(shapes).join(", ")}`);
}

/** @throws InputError `invalid-option` where a device has too little to be simulated */
export function fleetOf(file: DevicesFile, model: ModelCosts, name: string): Fleet {
  const power: Record<string, PowerSpec> = {};
  const devices = file.devices.flatMap((entry) => {
    const made = specOf(entry, model, name);
    const own = powerOf(entry);
    return Array.from({ length: entry.count }, (_, at): SimulatedSpec => {
      const id = entry.count === 1 ? entry.id : `${entry.id}-${at + 1}`;
      if (own) power[id] = own;
      return { ...made, id };
    });
  });
  const ids = new Set(devices.map(({ id }) => id));
  if (ids.size < devices.length) throw invalid(name, "two devices have the same id");
  const unknown = file.faults.find((fault) => !ids.has(fault.device));
  if (unknown) throw invalid(name, `faults names "${unknown.device}", which is no device`);
  const blockBytes = devices[0]?.limits.blockBytes ?? 1;
  return {
    devices,
    power,
    link: linkOf(file.link),
    hostBlocks: Math.floor((file.hostKvGiB * GIB) / blockBytes),
    faults: file.faults.map(({ backAtMs, ...fault }) => ({ ...fault, ...(backAtMs !== undefined && { backAtMs }) })), // biome-ignore format: one record
  };
}

function specOf(entry: DeviceEntry, model: ModelCosts, name: string): Omit<SimulatedSpec, "id"> {
  const card = entry.gpu === undefined ? undefined : gpus[entry.gpu];
  const { blockTokens = BLOCK_TOKENS, maxStepTokens = STEP_TOKENS, maxStepRows = STEP_ROWS } = entry;
  const blockBytes = model.kvBytesPerToken * blockTokens;
  const free = card && card.memoryGiB * GIB * MEMORY_SHARE - model.weightBytes;
  const kvBytes = entry.kvGiB === undefined ? free : entry.kvGiB * GIB;
  const blocks = entry.kvBlocks ?? (kvBytes === undefined ? undefined : Math.floor(kvBytes / blockBytes));
  if (blocks === undefined) throw invalid(name, `the device "${entry.id}" needs kvGiB, kvBlocks or gpu`);
  if (blocks < 1) throw invalid(name, `the device "${entry.id}" has no room for KV beside ${model.name}`);
  const ownLink = entry.link ? linkOf(entry.link) : card?.link;
  return {
    role: entry.role,
    cost: entry.fitted ? fittedCost(entry.fitted) : rooflineCost(ratesOf(entry, name), model),
    limits: {
      blockTokens,
      blockBytes,
      blocks,
      maxStepTokens,
      tileTokens: entry.fitted?.tileTokens ?? 1,
      maxStepRows,
      maxLogitRows: maxStepRows,
      contextTokens: model.contextTokens,
      vocabTokens: model.vocabTokens,
      plansInFlight: entry.plansInFlight ?? 2,
    },
    ...(ownLink && { link: ownLink }),
  };
}

function ratesOf(entry: DeviceEntry, name: string): DeviceRates {
  const card = entry.gpu === undefined ? undefined : gpus[entry.gpu]?.rates;
  const of = (field: keyof DeviceRates): number => {
    const value = entry[field] ?? card?.[field];
    if (value !== undefined) return value;
    throw invalid(name, `the device "${entry.id}" needs ${field}, gpu or fitted`);
  };
  return {
    peakTflops: of("peakTflops"),
    bandwidthGBps: of("bandwidthGBps"),
    computeEfficiency: of("computeEfficiency"),
    memoryEfficiency: of("memoryEfficiency"),
    stepOverheadMs: of("stepOverheadMs"),
  };
}

function powerOf({ gpu, power = {} }: DeviceEntry): PowerSpec | undefined {
  const card = gpu === undefined ? undefined : gpus[gpu]?.power;
  const { idleWatts = card?.idleWatts, prefillWatts = card?.prefillWatts } = power;
  const { decodeWatts = card?.decodeWatts, peakWatts = card?.peakWatts } = power;
  if (idleWatts === undefined || prefillWatts === undefined) return undefined;
  if (decodeWatts === undefined || peakWatts === undefined) return undefined;
  return { idleWatts, prefillWatts, decodeWatts, peakWatts };
}

function linkOf({ GBps, latencyMs }: v.InferOutput<typeof link>): LinkSpec {
  return { bytesPerMs: GBps * 1e6, latencyMs };
}

function parsed<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  name: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw invalid(name, `${path ?? "it"}: ${issue.message}`);
}

function invalid(file: string, why: string): InputError {
  return new InputError("invalid-option", `${file} cannot be simulated: ${why}.`, { file });
}
