import { sha256 } from "hash-wasm";
import { shaderSources } from "../kernels/shaders.ts";
import type { AdapterSummary, Platform } from "../platform/platform.ts";
import type { Rates } from "./rates.ts";

/** Adapters' rates, kept from one start to the next. */

/** Of the way they are measured: a new one makes what was found before worthless. */
const RATES_VERSION = 1;

type Memory = Pick<Platform, "settings" | "implementation">;

interface RatesNote {
  readonly identity: string;
  readonly rates: Rates;
}

/** False where they could not be kept. */
export async function rememberRates(adapter: AdapterSummary, rates: Rates, memory: Memory): Promise<boolean> {
  const note: RatesNote = { identity: await identityOf(adapter, memory), rates };
  return memory.settings.write(await noteOf(adapter), note);
}

/** Undefined where none are known of this adapter with this driver. */
export async function recallRates(adapter: AdapterSummary, memory: Memory): Promise<Rates | undefined> {
  const note = await memory.settings.read(await noteOf(adapter));
  return isNote(note) && note.identity === (await identityOf(adapter, memory)) ? note.rates : undefined;
}

/** One note for an adapter: a newer driver or version takes the place of the older one's. */
async function noteOf({ name }: AdapterSummary): Promise<string> {
  return `rates-${(await sha256(name)).slice(0, 32)}`;
}

/** What rates hold for. */
function identityOf(
  { name, vendor, architecture, driver }: AdapterSummary,
  { implementation }: Memory,
): Promise<string> {
  return sha256(
    JSON.stringify([RATES_VERSION, name, vendor, architecture, driver, implementation, shaderSources]),
  );
}

/** A note may be anything: another version's, or damaged. */
function isNote(value: unknown): value is RatesNote {
  if (typeof value !== "object" || value === null) return false;
  const { identity, rates } = value as Partial<Record<keyof RatesNote, unknown>>;
  if (typeof identity !== "string" || typeof rates !== "object" || rates === null) return false;
  const { macsPerSecond, bytesPerSecond } = rates as Partial<Record<keyof Rates, unknown>>;
  return isRate(macsPerSecond) && isRate(bytesPerSecond);
}

function isRate(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}
