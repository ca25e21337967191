import { sha256 } from "hash-wasm";
import { productKey } from "../kernels/matmul_kernels.ts";
import { shaderSources } from "../kernels/shaders.ts";
import type { TunedKernels } from "../kernels/variants.ts";
import type { Settings } from "../platform/settings.ts";
import { tunedAttention } from "./attention_tasks.ts";
import { tunedMatmul } from "./matmul_tasks.ts";
import type { Tunable } from "./task.ts";
import { tuningTasks } from "./tasks.ts";
import type { TunedChoice, Tuning, TuningIdentity } from "./tuning.ts";

/** What tuning found, kept from one start to the next. */

/** Of the way things are measured and chosen: a new one makes what was found before worthless. */
const TUNER_VERSION = 2;
const PREFIX = "tuning-";

/** What a tuning of these kernels holds for. */
export async function identityOf({
  gpu,
  choice,
  products,
  attention,
  implementation,
}: Tunable & { readonly implementation: string }): Promise<TuningIdentity> {
  const { name, vendor, architecture, driver } = gpu.summary;
  const { heads, kvHeads, headDim, window, softCap, contextTokens } = attention;
  const tasks = tuningTasks({ gpu, choice, products, attention });
  // In an order that does not depend on how many layers have a product.
  const variants = tasks.map((task) => JSON.stringify([task.key, task.upToTokens, task.variants])).toSorted();
  return {
    adapter: name,
    vendor,
    architecture,
    driver,
    implementation,
    precision: choice.precision,
    products: products.map(({ shape }) => shape).toSorted((a, b) => (productKey(a) < productKey(b) ? -1 : 1)),
    attention: { heads, kvHeads, headDim, window, softCap, contextTokens },
    code: await sha256(JSON.stringify([TUNER_VERSION, shaderSources, variants])),
  };
}

/** One note for an adapter, a numeric class and a model's shape: a newer driver or version takes the place of the older one's. */
async function noteOf({ adapter, precision, products, attention }: TuningIdentity): Promise<string> {
  const hash = await sha256(JSON.stringify([adapter, precision, products, attention]));
  return `${PREFIX}${hash.slice(0, 32)}`;
}

/** False where it could not be kept. */
export async function remember(settings: Settings, tuning: Tuning): Promise<boolean> {
  return settings.write(await noteOf(tuning.identity), tuning);
}

/** Undefined where nothing was found for exactly this. */
export async function recall(settings: Settings, identity: TuningIdentity): Promise<Tuning | undefined> {
  const found = await settings.read(await noteOf(identity));
  return isTuning(found) && holdsFor(found, identity) ? found : undefined;
}

export function holdsFor(tuning: Tuning, identity: TuningIdentity): boolean {
  return JSON.stringify(tuning.identity) === JSON.stringify(identity);
}

/** Everything found so far, of all adapters and models. */
export async function recallAll(settings: Settings): Promise<readonly Tuning[]> {
  const names = (await settings.names()).filter((name) => name.startsWith(PREFIX));
  const notes = await Promise.all(names.map((name) => settings.read(name)));
  return notes.filter(isTuning);
}

/** The variants to run: what was found where something was, and the defaults elsewhere. */
export function tunedKernels(tunable: Tunable, tuning: Tuning | undefined): TunedKernels {
  const { gpu, choice, products } = tunable;
  const choices = tuning?.choices ?? [];
  return {
    products: tunedMatmul(products, choice, gpu.capabilities, choices),
    ...tunedAttention(tunable, choices),
  };
}

/** A note may be anything: another version's, or damaged. */
function isTuning(value: unknown): value is Tuning {
  if (!isRecord(value) || !isRecord(value.identity) || !Array.isArray(value.choices)) return false;
  const { adapter, precision, products, attention } = value.identity;
  const named =
    typeof adapter === "string" &&
    typeof precision === "string" &&
    Array.isArray(products) &&
    isRecord(attention);
  return named && typeof value.model === "string" && value.choices.every(isChoice);
}

function isChoice(value: unknown): value is TunedChoice {
  if (!isRecord(value)) return false;
  const { family, key, upToTokens, default: standard, chosen, ratio, candidates } = value;
  const texts = typeof family === "string" && typeof key === "string";
  const numbers = (upToTokens === null || typeof upToTokens === "number") && typeof ratio === "number";
  const tiles = isRecord(standard) && isRecord(chosen);
  return texts && numbers && tiles && Array.isArray(candidates) && candidates.every(isReport);
}

function isReport(value: unknown): boolean {
  return isRecord(value) && isRecord(value.tile) && (value.ms === null || typeof value.ms === "number");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
