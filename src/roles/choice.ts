import type { AdapterSummary } from "../platform/platform.ts";
import type { DeviceRole } from "../protocol/device.ts";
import type { Rates } from "./rates.ts";

/**
 * Which adapters get a role where nobody says so. Several devices hold the model several times, so an adapter has to be worth it: software
 * adapters never are, beside a GPU or beside each other, since they all are the same CPU; nor is a GPU that is much slower than another at
 * everything. Of those that are left, the one that is better at prefill than at decode, beside the others, prefills.
 */

export interface Candidate {
  readonly adapter: AdapterSummary;
  /** Undefined before it was measured. */
  readonly rates: Rates | undefined;
}

export interface ChosenDevice {
  /** The adapter's name. */
  readonly adapter: string;
  readonly role: DeviceRole;
}

export interface RoleChoice {
  readonly devices: readonly [ChosenDevice, ...ChosenDevice[]];
  /** As the end of a sentence. */
  readonly why: string;
}

/** By how many times an adapter has to be slower, at prefill and at decode, to get no role. */
const MUCH_SLOWER = 4;

/** Of these the rule needs rates: the GPUs, where there are several. */
export function contenders<T extends Pick<Candidate, "adapter">>(candidates: readonly T[]): readonly T[] {
  const gpus = candidates.filter(({ adapter }) => !adapter.software);
  return gpus.length > 1 ? gpus : [];
}

/** @param first the best by what they say of themselves, beside `others` */
export function chooseRoles(first: Candidate, others: readonly Candidate[]): RoleChoice {
  const gpus = contenders([first, ...others]);
  if (gpus.length > 0) return byRates(gpus) ?? collocated(first, "the GPUs have not been measured");
  if (others.length === 0) return collocated(first, "there is no other adapter");
  if (!first.adapter.software)
    return collocated(first, "it is the only GPU, and software adapters get no role beside one");
  return collocated(
    first,
    "there is no GPU, and it is the quickest software adapter; they all compute on the same CPU, so no other gets a role",
  );
}

/** By figures alone, whatever the adapters say of themselves; undefined where none was measured. */
export function byRates(candidates: readonly Candidate[]): RoleChoice | undefined {
  const measured = candidates.flatMap(({ adapter, rates }) => (rates ? [{ name: adapter.name, rates }] : []));
  const best: Rates = {
    macsPerSecond: Math.max(...measured.map(({ rates }) => rates.macsPerSecond)),
    bytesPerSecond: Math.max(...measured.map(({ rates }) => rates.bytesPerSecond)),
  };
  const compared = measured.map((one) => ({ ...one, ...slownessOf(one.rates, best) }));
  const isSlow = ({ prefill, decode }: Compared) => Math.min(prefill, decode) > MUCH_SLOWER;
  const unknown = candidates.filter(({ rates }) => !rates).map(({ adapter }) => adapter.name);
  const left = [
    ...compared.filter(isSlow).map(describeSlow),
    ...unknown.map((name) => `${name} has not been measured`),
  ];
  const worth = compared.filter((one) => !isSlow(one));
  const [first, ...others] = worth.toSorted((a, b) => leaning(b.rates) - leaning(a.rates));
  if (first === undefined) return undefined;
  if (others.length === 0) return collocatedOn(first.name, left.join(", ") || "there is no other adapter");
  const decoders = others.map(({ name }) => ({ adapter: name, role: "decoder" }) as const);
  const figures = [first, ...others].map(({ name, rates }) => `${name} ${describeRates(rates)}`).join("; ");
  return {
    devices: [{ adapter: first.name, role: "prefiller" }, ...decoders],
    why: [`beside the other, each does best there (${figures})`, ...left].join(", "),
  };
}

interface Measured {
  readonly name: string;
  readonly rates: Rates;
}

/** By how many times it is slower than the quickest. */
interface Compared extends Measured {
  readonly prefill: number;
  readonly decode: number;
}

/** Much arithmetic beside little memory bandwidth leans to prefill. */
function leaning({ macsPerSecond, bytesPerSecond }: Rates): number {
  return macsPerSecond / bytesPerSecond;
}

function slownessOf(rates: Rates, best: Rates): Pick<Compared, "prefill" | "decode"> {
  return {
    prefill: best.macsPerSecond / rates.macsPerSecond,
    decode: best.bytesPerSecond / rates.bytesPerSecond,
  };
}

function describeSlow({ name, prefill, decode }: Compared): string {
  return `${name} is ${prefill.toFixed(1)} times slower at prefill and ${decode.toFixed(1)} times at decode`;
}

/** One adapter for everything. */
export function collocated({ adapter }: Pick<Candidate, "adapter">, why: string): RoleChoice {
  return collocatedOn(adapter.name, why);
}

function collocatedOn(adapter: string, why: string): RoleChoice {
  return { devices: [{ adapter, role: "both" }], why };
}

export function describeRates({ macsPerSecond, bytesPerSecond }: Rates): string {
  const giga = (rate: number) => (rate / 1e9).toFixed(rate < 1e10 ? 2 : 0);
  return `prefill ${giga(macsPerSecond)} G multiply-adds/s, decode ${giga(bytesPerSecond)} GB/s`;
}

const ROLES: Readonly<Record<DeviceRole, string>> = {
  prefiller: "to prefill",
  decoder: "to decode",
  both: "for prefill and decode",
};

/** What stands after "Baton uses", to the end of the sentence. */
export function describeChoice(devices: readonly ChosenDevice[], why: string): string {
  return `${devices.map(({ adapter, role }) => `${adapter} ${ROLES[role]}`).join(", ")}: ${why}.`;
}
